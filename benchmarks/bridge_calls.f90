!> Time of the bridge's calls, guards on. Prints microseconds a call; keeps no thresholds.
!>
!> Usage: bridge_calls CONFIG START_YEAR FIELD_IN FIELD_OUT [N_CELL]
!>
!> CONFIG must accept a serial host of N_CELL (default 1000000) cells laid in a row around latitude 48: with a real
!> configuration choose N_CELL to fit, with LSBC_COMPONENT any component.
program bridge_calls
   use, intrinsic :: iso_c_binding, only: c_double, c_int, c_int32_t, c_int64_t
   use, intrinsic :: iso_fortran_env, only: error_unit
   use lsbc, only: lsbc_comm_serial, lsbc_create, lsbc_destroy, lsbc_field_count, lsbc_get_field, lsbc_handle, &
      lsbc_last_error, lsbc_ok, lsbc_set_field, lsbc_set_grid, lsbc_step_year, lsbc_text_length
   implicit none

   integer, parameter :: n_call = 20000, n_round = 5
   type(lsbc_handle) :: handle
   character(len=1024) :: config, word, field_in, field_out
   integer(c_int64_t) :: n_cell
   integer :: start_year
   integer(c_int) :: ierr
   integer(c_int32_t) :: count
   real(c_double), allocatable, target :: values(:), result(:)

   if (command_argument_count() < 4) then
      write (error_unit, '(a)') 'usage: bridge_calls CONFIG START_YEAR FIELD_IN FIELD_OUT [N_CELL]'
      stop 2
   end if
   call get_command_argument(1, config)
   call get_command_argument(2, word)
   read (word, *) start_year
   call get_command_argument(3, field_in)
   call get_command_argument(4, field_out)
   n_cell = 1000000
   if (command_argument_count() > 4) then
      call get_command_argument(5, word)
      read (word, *) n_cell
   end if
   allocate (values(n_cell), result(n_cell))
   values = 0.0_c_double

   call lsbc_create(config, int(lsbc_comm_serial), handle, ierr)
   call check('lsbc_create')
   call set_row_of_cells()
   call lsbc_set_field(handle, field_in, values, ierr)
   call check('lsbc_set_field')
   call lsbc_step_year(handle, start_year, ierr)
   call check('lsbc_step_year')

   call time_field_count()
   call time_same_year()
   call time_set_field()
   call time_get_field()
   call lsbc_destroy(handle, ierr)
   call check('lsbc_destroy')

contains

   !> Stop this program with the text of the failure.
   subroutine check(what)
      !> Name of the call
      character(len=*), intent(in) :: what
      character(len=lsbc_text_length) :: text
      if (ierr == lsbc_ok) return
      call lsbc_last_error(handle, text)
      write (error_unit, '(3a)') what, ': ', trim(text)
      stop 1
   end subroutine check

   !> Cells of equal width side by side, 0.1 degree high.
   subroutine set_row_of_cells()
      integer(c_int64_t), allocatable :: global_id(:)
      integer(c_int32_t), allocatable :: owned(:)
      real(c_double), allocatable :: lon(:), lat(:), vertex_lon(:, :), vertex_lat(:, :)
      real(c_double) :: width
      integer(c_int64_t) :: i
      allocate (global_id(n_cell), owned(n_cell), lon(n_cell), lat(n_cell), vertex_lon(4, n_cell), vertex_lat(4, n_cell))
      width = 10.0_c_double/real(n_cell, c_double)
      do i = 1, n_cell
         global_id(i) = i
         lon(i) = 5.0_c_double + (real(i, c_double) - 0.5_c_double)*width
         vertex_lon(:, i) = lon(i) + 0.5_c_double*width*[-1.0_c_double, 1.0_c_double, 1.0_c_double, -1.0_c_double]
         vertex_lat(:, i) = 48.0_c_double + 0.05_c_double*[-1.0_c_double, -1.0_c_double, 1.0_c_double, 1.0_c_double]
      end do
      lat = 48.0_c_double
      owned = 1
      call lsbc_set_grid(handle, global_id, lon, lat, vertex_lon, vertex_lat, owned, ierr)
      call check('lsbc_set_grid')
   end subroutine set_row_of_cells

   !> Best round of several.
   subroutine report(what, seconds, n)
      !> What was timed
      character(len=*), intent(in) :: what
      !> Time of each round [s]
      real(c_double), intent(in) :: seconds(:)
      !> Calls a round
      integer, intent(in) :: n
      write (*, '(a32, f12.3, a)') what, 1.0e6_c_double*minval(seconds)/real(n, c_double), ' us'
   end subroutine report

   !> Seconds of a steady clock.
   function now() result(seconds)
      real(c_double) :: seconds
      integer(c_int64_t) :: tick, rate
      call system_clock(tick, rate)
      seconds = real(tick, c_double)/real(rate, c_double)
   end function now

   !> Guards, the GIL, dispatch and a length: the least a call can cost.
   subroutine time_field_count()
      real(c_double) :: seconds(n_round), start
      integer :: i, k
      do k = 1, n_round
         start = now()
         do i = 1, n_call
            call lsbc_field_count(handle, count, ierr)
         end do
         seconds(k) = now() - start
      end do
      call check('lsbc_field_count')
      call report('field_count', seconds, n_call)
   end subroutine time_field_count

   !> The year that is already there.
   subroutine time_same_year()
      real(c_double) :: seconds(n_round), start
      integer :: i, k
      do k = 1, n_round
         start = now()
         do i = 1, n_call
            call lsbc_step_year(handle, start_year, ierr)
         end do
         seconds(k) = now() - start
      end do
      call check('lsbc_step_year')
      call report('step_year, same year', seconds, n_call)
   end subroutine time_same_year

   !> Far less than the copy of the array beside it: nothing is copied.
   subroutine time_set_field()
      real(c_double) :: seconds(n_round), start, copy(n_round)
      integer :: i, k
      do k = 1, n_round
         start = now()
         do i = 1, n_call
            call lsbc_set_field(handle, field_in, values, ierr)
         end do
         seconds(k) = now() - start
         start = now()
         result = values
         copy(k) = now() - start
      end do
      call check('lsbc_set_field')
      call report('set_field', seconds, n_call)
      call report('(one copy of the array)', copy, 1)
      write (*, '(a32, i12)') 'cells in the array', n_cell
   end subroutine time_set_field

   !> Filled in place, so at least one pass over the array.
   subroutine time_get_field()
      integer, parameter :: n_get = 20
      real(c_double) :: seconds(n_round), start
      integer :: i, k
      do k = 1, n_round
         start = now()
         do i = 1, n_get
            call lsbc_get_field(handle, field_out, result, ierr)
         end do
         seconds(k) = now() - start
      end do
      call check('lsbc_get_field')
      call report('get_field', seconds, n_get)
   end subroutine time_get_field

end program bridge_calls
