!> A small Fortran host: every generic name of the module is resolved from what was installed.
program host
   use, intrinsic :: iso_c_binding, only: c_double, c_float, c_int, c_int32_t, c_int64_t
   use lsbc, only: lsbc_comm_serial, lsbc_create, lsbc_destroy, lsbc_get_field, lsbc_handle, lsbc_last_error, lsbc_ok, &
      lsbc_set_field, lsbc_set_grid, lsbc_step_year, lsbc_text_length
   implicit none
   type(lsbc_handle) :: handle
   integer(c_int) :: ierr
   real(c_double), target :: urban(1) = 0.25_c_double
   real(c_float), target :: urban_single(1) = 0.25_c_float
   real(c_double) :: vertex_lon(3, 1) = reshape([9.0_c_double, 11.0_c_double, 10.0_c_double], [3, 1])
   real(c_double) :: vertex_lat(3, 1) = reshape([47.0_c_double, 47.0_c_double, 50.0_c_double], [3, 1])
   real(c_double) :: level(1), levels(1, 3)
   real(c_float) :: level_single(1), levels_single(1, 3)
   call lsbc_create('ok.toml', int(lsbc_comm_serial), handle, ierr)
   call check('create')
   call lsbc_set_grid(handle, [1_c_int64_t], [10.0_c_double], [48.0_c_double], vertex_lon, vertex_lat, [1_c_int32_t], ierr)
   call check('set_grid')
   call lsbc_set_field(handle, 'urban', urban, ierr)
   call check('set_field, double precision')
   call lsbc_set_field(handle, 'urban', urban_single, ierr)
   call check('set_field, single precision')
   call lsbc_step_year(handle, 2019, ierr)
   call check('step_year')
   call lsbc_get_field(handle, 'urban_frac', level, ierr)
   call check('get_field, double precision')
   call lsbc_get_field(handle, 'urban_frac', level_single, ierr)
   call check('get_field, single precision')
   call lsbc_get_field(handle, 'lu_frac', levels, ierr)
   call check('get_field of levels, double precision')
   call lsbc_get_field(handle, 'lu_frac', levels_single, ierr)
   call check('get_field of levels, single precision')
   ! The test component: year + urban, and urban times the number of the level.
   if (abs(level(1) - 2019.25_c_double) > 0 .or. abs(level_single(1) - 2019.25_c_float) > 0) stop 2
   if (abs(levels(1, 3) - 0.75_c_double) > 0 .or. abs(levels_single(1, 3) - 0.75_c_float) > 0) stop 2
   call lsbc_destroy(handle, ierr)
   call check('destroy')

contains

   subroutine check(call_name)
      !> What was called
      character(len=*), intent(in) :: call_name
      character(len=lsbc_text_length) :: text
      if (ierr == lsbc_ok) return
      call lsbc_last_error(handle, text)
      print '(3a)', call_name, ': ', trim(text)
      stop 1
   end subroutine check

end program host
