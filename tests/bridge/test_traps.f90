!> A host built with traps for invalid, zero and overflow, and with OpenMP: the network's overflows do not end it, and its traps
!> are armed on all of its threads afterwards. The component is network_component.py.
!>
!> Argument: host_first, the host makes its OpenMP workers before the first call; inside_first, only the network needs any.
program test_traps
   use, intrinsic :: ieee_arithmetic, only: ieee_divide_by_zero, ieee_get_halting_mode, ieee_invalid, ieee_overflow
   use, intrinsic :: iso_c_binding, only: c_double, c_int, c_int32_t, c_int64_t
   use, intrinsic :: iso_fortran_env, only: error_unit
   use lsbc
   use omp_lib, only: omp_get_max_threads, omp_get_thread_num, omp_set_num_threads
   implicit none

   type(lsbc_handle) :: handle
   integer(c_int) :: ierr
   integer :: year, n_host
   real(c_double), target :: urban(1)
   character(len=16) :: order

   call get_command_argument(1, order)
   n_host = merge(2, 1, order == 'host_first')
   call omp_set_num_threads(n_host)
   if (order == 'host_first') call check_every_thread('at the beginning')
   call lsbc_create('ok.toml', int(lsbc_comm_serial), handle, ierr)
   call check('create')
   call lsbc_set_grid(handle, [1_c_int64_t], [0.0_c_double], [0.0_c_double], &
      reshape([-1.0_c_double, 1.0_c_double, 0.0_c_double], [3, 1]), &
      reshape([-1.0_c_double, -1.0_c_double, 2.0_c_double], [3, 1]), [1_c_int32_t], ierr)
   call check('set_grid')
   urban = 0.5_c_double
   call lsbc_set_field(handle, 'urban', urban, ierr)
   call check('set_field')
   do year = 2019, 2021
      call lsbc_step_year(handle, year, ierr)
      call check('step_year')
      call check_every_thread('after a step')
   end do
   call lsbc_destroy(handle, ierr)
   call check('destroy')
   call check_every_thread('at the end')

contains

   !> Stop with the text of the failure.
   subroutine check(what)
      !> Name of the call
      character(len=*), intent(in) :: what
      character(len=lsbc_text_length) :: text
      if (ierr == lsbc_ok) return
      call lsbc_last_error(handle, text)
      write (error_unit, '(3a)') what, ': ', trim(text)
      stop 1
   end subroutine check

   !> The traps of two threads, the threads that the host uses left alone.
   subroutine check_every_thread(when)
      !> Said on failure
      character(len=*), intent(in) :: when
      logical :: armed(3, 0:1)
      armed = .false.
      !$omp parallel num_threads(2)
      call ieee_get_halting_mode(ieee_invalid, armed(1, omp_get_thread_num()))
      call ieee_get_halting_mode(ieee_divide_by_zero, armed(2, omp_get_thread_num()))
      call ieee_get_halting_mode(ieee_overflow, armed(3, omp_get_thread_num()))
      !$omp end parallel
      if (all(armed) .and. omp_get_max_threads() == n_host) return
      write (error_unit, '(a, a, 2(1x, 3l1), a, i0, a)') when, ' the traps of the two threads are', armed, &
         ', the host has ', omp_get_max_threads(), ' threads'
      stop 1
   end subroutine check_every_thread

end program test_traps
