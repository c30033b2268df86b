!> The Fortran module on one process, with traps for invalid, zero and overflow. The component is the fake one.
program test_smoke
   use, intrinsic :: ieee_arithmetic, only: ieee_divide_by_zero, ieee_get_halting_mode, ieee_invalid, &
      ieee_overflow, ieee_set_halting_mode
   use, intrinsic :: iso_c_binding, only: c_double, c_float, c_int, c_int32_t, c_int64_t
   use, intrinsic :: iso_fortran_env, only: error_unit, output_unit
   use lsbc
   implicit none

   integer, parameter :: n_cell = 3
   type(lsbc_handle) :: handle, nobody
   integer(c_int) :: ierr
   integer :: n_failed
   real(c_double), target :: wide(2*n_cell), field(n_cell)
   real(c_float), target :: field_single(n_cell)
   character(len=lsbc_text_length) :: text
   character(len=4) :: short_text

   n_failed = 0
   call ieee_set_halting_mode([ieee_invalid, ieee_divide_by_zero, ieee_overflow], .true.)
   call refuses_a_handle_without_instance()
   call lsbc_create('badkey.toml   ', int(lsbc_comm_serial), handle, ierr)
   call check(ierr == lsbc_err_config, 'a bad key is an error of the configuration')
   call lsbc_last_error(handle, text)
   call check(text == 'rank 0: model.colour is not a key.', 'the text reaches Fortran, filled with blanks')
   call lsbc_last_error(handle, short_text)
   call check(short_text == 'rank', 'a short variable cuts the text')

   call lsbc_create('ok.toml', int(lsbc_comm_serial), handle, ierr)
   call check(ierr == lsbc_ok, 'create')
   call sets_the_grid()
   call refuses_an_array_of_another_size()
   call lists_the_fields()
   call steps_and_gets()
   call times_the_same_year()
   call traps_are_still_armed()
   call lsbc_write_restart(handle, 'smoke.restart', ierr)
   call check(ierr == lsbc_ok, 'write restart')
   call lsbc_read_restart(handle, 'smoke.restart', ierr)
   call check(ierr == lsbc_ok, 'read restart')
   call lsbc_destroy(handle, ierr)
   call check(ierr == lsbc_ok, 'destroy')
   call lsbc_destroy(handle, ierr)
   call check(ierr == lsbc_err_state, 'destroy twice is an error of state')
   call lsbc_version(text)
   call check(text == expected_version(), 'the version is the one of the project')
   if (n_failed > 0) stop 1
   write (output_unit, '(a)') 'smoke: all true'

contains

   !> Given on the command line.
   function expected_version() result(version)
      character(len=32) :: version
      call get_command_argument(1, version)
   end function expected_version

   !> Count what is not true.
   subroutine check(condition, sentence)
      !> Must hold
      logical, intent(in) :: condition
      !> What it means
      character(len=*), intent(in) :: sentence
      character(len=lsbc_text_length) :: reason
      if (condition) return
      n_failed = n_failed + 1
      call lsbc_last_error(handle, reason)
      write (error_unit, '(3a, i0, 2a)') 'not true: ', sentence, ' (ierr ', ierr, ') ', trim(reason)
   end subroutine check

   subroutine refuses_a_handle_without_instance()
      call lsbc_step_year(nobody, 2019, ierr)
      call check(ierr == lsbc_err_state, 'a handle that was never created is refused')
   end subroutine refuses_a_handle_without_instance

   subroutine sets_the_grid()
      real(c_double) :: lon(n_cell), lat(n_cell), vertex_lon(4, n_cell), vertex_lat(4, n_cell)
      integer :: i
      do i = 1, n_cell
         lon(i) = 10.0_c_double + real(i, c_double)
         lat(i) = 48.0_c_double
         vertex_lon(:, i) = lon(i) + [-0.5_c_double, 0.5_c_double, 0.5_c_double, -0.5_c_double]
         vertex_lat(:, i) = lat(i) + [-0.5_c_double, -0.5_c_double, 0.5_c_double, 0.5_c_double]
      end do
      call lsbc_set_grid(handle, [1_c_int64_t, 2_c_int64_t, 3_c_int64_t], lon, lat(1:2), vertex_lon, vertex_lat, &
         [1_c_int32_t, 1_c_int32_t, 1_c_int32_t], ierr)
      call check(ierr == lsbc_err_grid, 'arrays of different size are an error of the grid')
      call lsbc_set_grid(handle, [1_c_int64_t, 2_c_int64_t, 3_c_int64_t], lon, lat, vertex_lon, vertex_lat, &
         [1_c_int32_t, 1_c_int32_t, 1_c_int32_t], ierr)
      call check(ierr == lsbc_ok, 'set the grid')
   end subroutine sets_the_grid

   subroutine refuses_an_array_of_another_size()
      field = 0.5_c_double
      call lsbc_set_field(handle, 'urban', field, ierr)
      call check(ierr == lsbc_ok, 'lend an array')
      call lsbc_set_field(handle, 'urban', wide(1:2), ierr)
      call check(ierr == lsbc_err_field, 'an array of another size is refused')
      call lsbc_last_error(handle, text)
      call check(index(text, "'urban' has shape (2,) on rank 0, 2 cells; the grid has 3") > 0, 'the text says why')
      call lsbc_step_year(handle, 2019, ierr)
      call check(ierr == lsbc_err_field, 'the array lent before is not used in its place')
   end subroutine refuses_an_array_of_another_size

   subroutine lists_the_fields()
      type(lsbc_field_info_t) :: info
      integer(c_int32_t) :: count
      call lsbc_field_count(handle, count, ierr)
      call check(ierr == lsbc_ok .and. count == 4, 'four fields')
      call lsbc_field_info(handle, 1, info, ierr)
      call check(ierr == lsbc_ok .and. info%name == 'urban' .and. info%direction == lsbc_field_in, 'the first field is urban')
      call lsbc_field_info(handle, 3, info, ierr)
      call check(info%name == 'lu_frac' .and. info%n_level == 3 .and. info%units == '1' .and. &
         info%standard_name == 'area_fraction' .and. info%direction == lsbc_field_out, 'the third field is lu_frac')
      call lsbc_field_info(handle, 0, info, ierr)
      call check(ierr == lsbc_err_field, 'there is no field 0')
   end subroutine lists_the_fields

   subroutine steps_and_gets()
      real(c_double) :: one_level(n_cell), levels(n_cell, 3), strided(2, n_cell)
      real(c_float) :: levels_single(n_cell, 3), one_level_single(n_cell)
      field = 0.0_c_double
      call lsbc_set_field(handle, 'urban', field, ierr)
      call check(ierr == lsbc_ok, 'set a field in double precision')
      field = [0.25_c_double, 0.5_c_double, 0.75_c_double]
      call lsbc_step_year(handle, 2019, ierr)
      call check(ierr == lsbc_ok, 'step')
      call lsbc_get_field(handle, 'urban_frac', one_level, ierr)
      call check(ierr == lsbc_ok .and. all(abs(one_level - field - 2019) < 1.0e-9_c_double), 'the values at the step count')
      call lsbc_get_field(handle, 'lu_frac', levels, ierr)
      call check(all(abs(levels(:, 3) - 3*field) < 1.0e-12_c_double), 'the level is the last axis')
      strided = -1.0_c_double
      call lsbc_get_field(handle, 'urban_frac', strided(2, :), ierr)
      call check(all(abs(strided(2, :) - one_level) < 1.0e-12_c_double) .and. all(strided(1, :) < 0.0_c_double), &
         'a section with gaps is filled')
      field_single = [0.125_c_float, 0.25_c_float, 0.5_c_float]
      call lsbc_set_field(handle, 'urban', field_single, ierr)
      call check(ierr == lsbc_ok, 'set a field in single precision')
      call lsbc_step_year(handle, 2020, ierr)
      call lsbc_get_field(handle, 'lu_frac', levels_single, ierr)
      call check(all(abs(levels_single(:, 2) - 2*field_single) < 1.0e-6_c_float), 'levels in single precision')
      call lsbc_get_field(handle, 'urban_frac', one_level_single, ierr)
      call check(ierr == lsbc_ok .and. abs(one_level_single(3) - 2020.5_c_float) < 1.0e-3_c_float, 'a field in single precision')
   end subroutine steps_and_gets

   !> Printed, never judged: the machine may be busy.
   subroutine times_the_same_year()
      integer, parameter :: n_call = 10000
      integer(c_int64_t) :: start, finish, rate
      integer :: i
      call system_clock(start, rate)
      do i = 1, n_call
         call lsbc_step_year(handle, 2020, ierr)
      end do
      call system_clock(finish)
      call check(ierr == lsbc_ok, 'the same year again')
      write (output_unit, '(a, f8.3, a)') 'same year: ', &
         1.0e6_c_double*real(finish - start, c_double)/real(rate, c_double)/n_call, ' us a call'
   end subroutine times_the_same_year

   subroutine traps_are_still_armed()
      logical :: invalid, zero, overflow
      call ieee_get_halting_mode(ieee_invalid, invalid)
      call ieee_get_halting_mode(ieee_divide_by_zero, zero)
      call ieee_get_halting_mode(ieee_overflow, overflow)
      call check(invalid .and. zero .and. overflow, 'the traps of the host are still armed')
   end subroutine traps_are_still_armed

end program test_smoke
