!> Time of the bridge's calls beside plain Fortran and, if compiled with it, FTorch. Keeps no thresholds.
!>
!> Usage: bridge_calls TIMES MODEL N_CELL N_CHANNEL N_LEVEL N_CALL CONFIG...
!>
!> MODEL is a TorchScript file: N_CHANNEL inputs of N_CELL values give N_LEVEL outputs; with one input and one output it is 2 x.
!> Each CONFIG is for trivial_component.py; the first one names MODEL, the others the same model in another format.
!> All are called in turn, N_CALL times and each time in a new random order, on the same arrays; each has a model of its own,
!> so that none finds its weights in the caches because of another. Prints a line for each variant, its name and the largest
!> difference of its output from the first variant's, and writes into the file TIMES the microseconds of each call, real64,
!> N_CALL of the first variant, then of the next. lent_1, lent_2, ... are the configurations in their order.
program bridge_calls
   use, intrinsic :: iso_c_binding, only: c_double, c_float, c_int, c_int32_t, c_int64_t
   use, intrinsic :: iso_fortran_env, only: error_unit
   use direct_torch, only: has_torch, torch_end, torch_kept, torch_start, torch_wrapped
   use lsbc, only: lsbc_comm_serial, lsbc_create, lsbc_destroy, lsbc_field_count, lsbc_get_field, lsbc_handle, &
      lsbc_last_error, lsbc_ok, lsbc_set_field, lsbc_set_grid, lsbc_step_year, lsbc_text_length
   implicit none

   character(len=14), parameter :: always(8) = [character(len=14) :: 'fortran', 'torch_wrapped', 'torch_kept', 'named', &
      'field_count', 'same_year', 'set_field', 'get_field']
   integer, parameter :: n_compute = 4, n_warm = 20

   type(lsbc_handle) :: named
   type(lsbc_handle), allocatable :: lent(:)
   character(len=14), allocatable :: variant(:), input(:)
   integer :: n_cell, n_channel, n_level, n_call, named_year = 0
   integer, allocatable :: lent_year(:)
   integer(c_int) :: ierr
   real(c_float), allocatable, target :: x(:, :), y(:, :)
   real(c_float), allocatable :: first(:, :)
   real(c_double), allocatable :: time_us(:, :), difference(:)
   logical, allocatable :: is_there(:)
   integer, allocatable :: order(:)
   integer :: i, j, k

   call read_arguments()
   allocate (is_there(size(variant)), source=.true.)
   is_there(1) = n_channel == 1 .and. n_level == 1
   is_there(2:3) = has_torch
   allocate (x(n_cell, n_channel), y(n_cell, n_level), time_us(n_call, size(variant)))
   call random_number(x)
   do k = 1, size(lent)
      call start_instance(argument(6 + k), lent(k))
      call lend_arrays(lent(k))
   end do
   call start_instance(argument(7), named)
   if (has_torch) call torch_start(trim(argument(2)), x, y)

   call compare_outputs()
   order = pack([(k, k=1, size(variant))], is_there)
   do i = 1 - min(n_warm, n_call), n_call
      call shuffle(order)
      do j = 1, size(order)
         k = order(j)
         call time_variant()
      end do
   end do
   do k = 1, size(variant)
      if (is_there(k)) write (*, '(a, es12.3)') variant(k), difference(k)
   end do
   call write_times()

   if (has_torch) call torch_end()
   call lsbc_destroy(named, ierr)
   call check('lsbc_destroy', named)
   do k = 1, size(lent)
      call lsbc_destroy(lent(k), ierr)
      call check('lsbc_destroy', lent(k))
   end do

contains

   subroutine read_arguments()
      if (command_argument_count() < 7) then
         write (error_unit, '(a)') 'usage: bridge_calls TIMES MODEL N_CELL N_CHANNEL N_LEVEL N_CALL CONFIG...'
         stop 2
      end if
      n_cell = whole_argument(3)
      n_channel = whole_argument(4)
      n_level = whole_argument(5)
      n_call = whole_argument(6)
      allocate (lent(command_argument_count() - 6), lent_year(command_argument_count() - 6), input(n_channel))
      lent_year = 0
      allocate (variant(size(always) + size(lent)))
      variant(:size(always)) = always
      do k = 1, size(lent)
         write (variant(size(always) + k), '(a, i0)') 'lent_', k
      end do
      do k = 1, n_channel
         write (input(k), '(a, i0)') 'x', k
      end do
   end subroutine read_arguments

   function argument(place) result(word)
      !> Place on the command line
      integer, intent(in) :: place
      character(len=1024) :: word
      call get_command_argument(place, word)
   end function argument

   !> An argument of the command line as a number.
   function whole_argument(place) result(number)
      !> Place on the command line
      integer, intent(in) :: place
      integer :: number
      character(len=1024) :: word
      word = argument(place)
      read (word, *) number
   end function whole_argument

   !> Stop this program with the text of the failure.
   subroutine check(what, handle)
      !> Name of the call
      character(len=*), intent(in) :: what
      !> Instance that it was made on
      type(lsbc_handle), intent(in) :: handle
      character(len=lsbc_text_length) :: text
      if (ierr == lsbc_ok) return
      call lsbc_last_error(handle, text)
      write (error_unit, '(3a)') what, ': ', trim(text)
      stop 1
   end subroutine check

   !> An instance on cells of equal width side by side, 0.1 degree high.
   subroutine start_instance(file, handle)
      !> Configuration
      character(len=*), intent(in) :: file
      !> The new instance
      type(lsbc_handle), intent(out) :: handle
      integer(c_int64_t), allocatable :: global_id(:)
      integer(c_int32_t), allocatable :: owned(:)
      real(c_double), allocatable :: lon(:), lat(:), vertex_lon(:, :), vertex_lat(:, :)
      real(c_double) :: width
      integer :: cell
      call lsbc_create(file, int(lsbc_comm_serial), handle, ierr)
      call check('lsbc_create', handle)
      allocate (global_id(n_cell), owned(n_cell), lon(n_cell), lat(n_cell), vertex_lon(4, n_cell), vertex_lat(4, n_cell))
      width = 10.0_c_double/real(n_cell, c_double)
      do cell = 1, n_cell
         global_id(cell) = cell
         lon(cell) = 5.0_c_double + (real(cell, c_double) - 0.5_c_double)*width
         vertex_lon(:, cell) = lon(cell) + 0.5_c_double*width*[-1.0_c_double, 1.0_c_double, 1.0_c_double, -1.0_c_double]
         vertex_lat(:, cell) = 48.0_c_double + 0.05_c_double*[-1.0_c_double, -1.0_c_double, 1.0_c_double, 1.0_c_double]
      end do
      lat = 48.0_c_double
      owned = 1
      call lsbc_set_grid(handle, global_id, lon, lat, vertex_lon, vertex_lat, owned, ierr)
      call check('lsbc_set_grid', handle)
   end subroutine start_instance

   !> Lend inputs and output once, as a host does before its first year.
   subroutine lend_arrays(handle)
      !> Instance that keeps their addresses
      type(lsbc_handle), intent(in) :: handle
      integer :: channel
      do channel = 1, n_channel
         call lsbc_set_field(handle, input(channel), x(:, channel), ierr)
         call check('lsbc_set_field', handle)
      end do
      if (n_level == 1) then
         call lsbc_set_field(handle, 'y', y(:, 1), ierr)
      else
         call lsbc_set_field(handle, 'y', y, ierr)
      end if
      call check('lsbc_set_field', handle)
   end subroutine lend_arrays

   !> One call of variant `k`.
   subroutine call_variant()
      integer(c_int32_t) :: count
      integer :: channel
      ierr = lsbc_ok
      select case (k)
      case (1)
         y = 2.0_c_float*x
      case (2)
         call torch_wrapped(x, y)
      case (3)
         call torch_kept()
      case (4)
         do channel = 1, n_channel
            call lsbc_set_field(named, input(channel), x(:, channel), ierr)
         end do
         named_year = named_year + 1
         if (ierr == lsbc_ok) call lsbc_step_year(named, named_year, ierr)
         if (ierr == lsbc_ok) call get_output()
      case (5)
         call lsbc_field_count(named, count, ierr)
      case (6)
         call lsbc_step_year(named, named_year, ierr)
      case (7)
         call lsbc_set_field(named, input(1), x(:, 1), ierr)
      case (8)
         call get_output()
      case default
         channel = k - size(always)
         lent_year(channel) = lent_year(channel) + 1
         call lsbc_step_year(lent(channel), lent_year(channel), ierr)
      end select
   end subroutine call_variant

   subroutine get_output()
      if (n_level == 1) then
         call lsbc_get_field(named, 'y', y(:, 1), ierr)
      else
         call lsbc_get_field(named, 'y', y, ierr)
      end if
   end subroutine get_output

   !> One call of each variant that fills the output, into a cleared array.
   subroutine compare_outputs()
      allocate (difference(size(variant)), source=0.0_c_double)
      do k = 1, size(variant)
         if (.not. is_there(k) .or. (k > n_compute .and. k <= size(always))) cycle
         y = -1.0_c_float
         call call_variant()
         if (ierr /= lsbc_ok) call fail()
         if (.not. allocated(first)) then
            allocate (first, source=y)
         else
            difference(k) = real(maxval(abs(y - first)), c_double)
         end if
      end do
   end subroutine compare_outputs

   subroutine fail()
      if (k <= size(always)) then
         call check(variant(k), named)
      else
         call check(variant(k), lent(k - size(always)))
      end if
   end subroutine fail

   !> Time one call of variant `k`; calls that do not compute, and a short Fortran loop, ten in a row.
   subroutine time_variant()
      integer(c_int64_t) :: begun, ended, rate
      integer :: n_row, call
      n_row = 1
      if ((k > n_compute .and. k < size(always)) .or. (k == 1 .and. n_cell < 100000)) n_row = 10
      call system_clock(begun, rate)
      do call = 1, n_row
         call call_variant()
      end do
      call system_clock(ended)
      if (ierr /= lsbc_ok) call fail()
      if (i >= 1) time_us(i, k) = 1.0e6_c_double*real(ended - begun, c_double)/real(rate, c_double)/real(n_row, c_double)
   end subroutine time_variant

   !> A random order.
   subroutine shuffle(places)
      !> Numbers to be put in another order
      integer, intent(inout) :: places(:)
      real(c_double) :: random
      integer :: last, other, moved
      do last = size(places), 2, -1
         call random_number(random)
         other = 1 + int(random*real(last, c_double))
         moved = places(last)
         places(last) = places(other)
         places(other) = moved
      end do
   end subroutine shuffle

   subroutine write_times()
      integer :: unit
      open (newunit=unit, file=trim(argument(1)), access='stream', form='unformatted', status='replace', action='write')
      do k = 1, size(variant)
         if (is_there(k)) write (unit) time_us(:, k)
      end do
      close (unit)
   end subroutine write_times

end program bridge_calls
