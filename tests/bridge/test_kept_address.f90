!> What the host writes into a lent array between two steps is what the step reads, at the compiler's highest optimisation.
program test_kept_address
   use, intrinsic :: iso_c_binding, only: c_double, c_int, c_int32_t, c_int64_t
   use, intrinsic :: iso_fortran_env, only: error_unit
   use lsbc
   implicit none

   type(lsbc_handle) :: handle
   integer(c_int) :: ierr

   call lsbc_create('ok.toml', int(lsbc_comm_serial), handle, ierr)
   if (ierr == lsbc_ok) call lsbc_set_grid(handle, [1_c_int64_t], [0.0_c_double], [0.0_c_double], &
      reshape([-1.0_c_double, 1.0_c_double, 0.0_c_double], [3, 1]), &
      reshape([-1.0_c_double, -1.0_c_double, 2.0_c_double], [3, 1]), [1_c_int32_t], ierr)
   if (ierr == lsbc_ok) call couple()
   if (ierr /= lsbc_ok) stop 1

contains

   !> A compiler that does not know that the address was kept sees stores that nobody reads.
   subroutine couple()
      real(c_double), target :: urban(1)
      real(c_double) :: result(1)
      integer :: year
      urban = 0.0_c_double
      call lsbc_set_field(handle, 'urban', urban, ierr)
      do year = 2019, 2024
         urban = 0.125_c_double*(year - 2018)
         call lsbc_step_year(handle, year, ierr)
         if (ierr /= lsbc_ok) return
         call lsbc_get_field(handle, 'urban_frac', result, ierr)
         if (abs(result(1) - year - 0.125_c_double*(year - 2018)) > 1.0e-9_c_double) then
            write (error_unit, '(a, i0, a, f12.6)') 'the step of ', year, ' read an old value: ', result(1) - year
            ierr = -1
            return
         end if
      end do
      call lsbc_destroy(handle, ierr)
   end subroutine couple

end program test_kept_address
