! A host whose fields live on the GPU, in blocks as ICON keeps them: lsbc reads and fills device memory.
!
!   openacc_host CONFIG WEST EAST SOUTH NORTH FIRST_YEAR LAST_YEAR        (edges in whole degrees, inside the fine-grid file)
!
! A patch of quarter degree cells with one land use everywhere and towns that grow, as in c_host.c. With nvfortran -acc
! (or gfortran -fopenacc) the arrays are on the device, and `host_data use_device` hands lsbc their addresses there; another
! compiler takes the directives for comments, and the same calls hand over host memory: lsbc finds out which it is.
!
! CUDA Fortran: an array with the DEVICE attribute goes by its address,
!   call lsbc_set_field(land, 'urban', transfer(c_devloc(urban), c_null_ptr), lsbc_real64, [nproma, n_block], ierr, npromz=npromz)
! A host that computes on a stream of its own adds stream=int(acc_get_cuda_stream(queue), c_intptr_t); lsbc waits for it.

!> The host's fields on its device, and their coupling.
module device_land
   use, intrinsic :: iso_fortran_env, only: int32, int64, real64
   use lsbc, only: lsbc_comm_serial, lsbc_create, lsbc_get_field, lsbc_handle, lsbc_ok, lsbc_set_field, lsbc_set_grid
   implicit none
   private
   public :: land, make_land, grow_towns, mean

   integer, parameter :: nproma = 24, n_state = 12
   character(len=5), parameter :: state_name(n_state) = [character(len=5) :: 'primf', 'primn', 'secdf', 'secdn', 'urban', &
      'c3ann', 'c4ann', 'c3per', 'c4per', 'c3nfx', 'pastr', 'range']
   real(real64), parameter :: first_state(n_state) = [0.0_real64, 0.01_real64, 0.37_real64, 0.05_real64, 0.05_real64, 0.34_real64, &
      0.0_real64, 0.0_real64, 0.0_real64, 0.0_real64, 0.18_real64, 0.0_real64]
   integer, parameter :: urban = 5, crop = 6
   real(real64), parameter :: urban_growth_per_year = 0.001_real64

   !> Blocks of cells; the last one holds npromz
   type :: land
      type(lsbc_handle) :: lsbc
      integer :: n_block = 0, npromz = 0, n_cell = 0
      !> (nproma, n_block, n_state), on the device
      real(real64), allocatable :: state(:, :, :)
      !> (nproma, n_block), on the device
      real(real64), allocatable :: field(:, :)
   end type land

contains

   !> Make the cells of a box, start lsbc on them, and lend the states' device memory.
   subroutine make_land(config, box, self, ierr)
      character(len=*), intent(in) :: config
      !> West, east, south and north edge [degrees]
      integer, intent(in) :: box(4)
      type(land), target, intent(inout) :: self
      integer, intent(out) :: ierr
      real(real64), pointer, contiguous :: state(:, :, :)
      integer :: k

      self%n_cell = 16*(box(2) - box(1))*(box(4) - box(3))
      self%n_block = (self%n_cell + nproma - 1)/nproma
      self%npromz = self%n_cell - (self%n_block - 1)*nproma
      allocate (self%state(nproma, self%n_block, n_state), self%field(nproma, self%n_block))
      do k = 1, n_state
         self%state(:, :, k) = first_state(k)
      end do
      self%field = 0.0_real64
      call lsbc_create(config, int(lsbc_comm_serial), self%lsbc, ierr)
      if (ierr == lsbc_ok) call set_cells(box, self, ierr)
      state => self%state
      !$acc enter data copyin(self%field)
      !$acc enter data copyin(state)
      do k = 1, n_state
         !$acc host_data use_device(state)
         if (ierr == lsbc_ok) call lsbc_set_field(self%lsbc, state_name(k), state(:, :, k), ierr, npromz=self%npromz)
         !$acc end host_data
      end do
   end subroutine make_land

   !> Quarter degree boxes, row by row from the south, in blocks.
   subroutine set_cells(box, self, ierr)
      integer, intent(in) :: box(4)
      type(land), intent(in) :: self
      integer, intent(out) :: ierr
      integer(int64), allocatable :: global_id(:, :)
      integer(int32), allocatable :: owned(:, :)
      real(real64), allocatable :: lon(:, :), lat(:, :), vertex_lon(:, :, :), vertex_lat(:, :, :)
      real(real64) :: west, south
      integer :: jb, jc, k, n_lon

      allocate (global_id(nproma, self%n_block), owned(nproma, self%n_block), lon(nproma, self%n_block), lat(nproma, self%n_block))
      allocate (vertex_lon(4, nproma, self%n_block), vertex_lat(4, nproma, self%n_block))
      n_lon = 4*(box(2) - box(1))
      do jb = 1, self%n_block
         do jc = 1, nproma
            k = (jb - 1)*nproma + jc - 1
            west = box(1) + 0.25_real64*modulo(k, n_lon)
            south = box(3) + 0.25_real64*(k/n_lon)
            global_id(jc, jb) = k
            owned(jc, jb) = 1
            lon(jc, jb) = west + 0.125_real64
            lat(jc, jb) = south + 0.125_real64
            vertex_lon(:, jc, jb) = west + [0.0_real64, 0.25_real64, 0.25_real64, 0.0_real64]
            vertex_lat(:, jc, jb) = south + [0.0_real64, 0.0_real64, 0.25_real64, 0.25_real64]
         end do
      end do
      call lsbc_set_grid(self%lsbc, global_id, lon, lat, vertex_lon, vertex_lat, owned, ierr, npromz=self%npromz)
   end subroutine set_cells

   !> Towns take cropland, on the device.
   subroutine grow_towns(self)
      type(land), target, intent(inout) :: self
      real(real64), pointer, contiguous :: state(:, :, :)
      integer :: jb, jc

      state => self%state
      !$acc parallel loop collapse(2) present(state)
      do jb = 1, self%n_block
         do jc = 1, nproma
            state(jc, jb, urban) = state(jc, jb, urban) + urban_growth_per_year
            state(jc, jb, crop) = state(jc, jb, crop) - urban_growth_per_year
         end do
      end do
   end subroutine grow_towns

   !> Mean over the cells of a boundary field that lsbc leaves on the device.
   subroutine mean(self, name, average, ierr)
      type(land), target, intent(inout) :: self
      character(len=*), intent(in) :: name
      real(real64), intent(out) :: average
      integer, intent(inout) :: ierr
      real(real64), pointer, contiguous :: field(:, :)
      integer :: jb, jc

      average = 0.0_real64
      if (ierr /= lsbc_ok) return
      field => self%field
      !$acc host_data use_device(field)
      call lsbc_get_field(self%lsbc, name, field, ierr, npromz=self%npromz)
      !$acc end host_data
      !$acc parallel loop collapse(2) present(field) reduction(+:average)
      do jb = 1, self%n_block
         do jc = 1, nproma
            if (jb < self%n_block .or. jc <= self%npromz) average = average + field(jc, jb)
         end do
      end do
      average = average/self%n_cell
   end subroutine mean

end module device_land

program openacc_host
   use, intrinsic :: iso_fortran_env, only: error_unit, output_unit, real64
   use device_land, only: grow_towns, land, make_land, mean
   use lsbc, only: lsbc_destroy, lsbc_last_error, lsbc_ok, lsbc_step_year, lsbc_text_length
   implicit none

   type(land), target :: here
   character(len=512) :: config
   character(len=lsbc_text_length) :: text
   integer :: number(6), year, ierr, k
   real(real64) :: average(3)

   if (command_argument_count() /= 7) then
      write (error_unit, '(a)') 'usage: openacc_host CONFIG WEST EAST SOUTH NORTH FIRST_YEAR LAST_YEAR'
      stop 2
   end if
   call get_command_argument(1, config)
   do k = 1, 6
      call get_command_argument(k + 1, text)
      read (text, *) number(k)
   end do
   call make_land(config, number(1:4), here, ierr)
   do year = number(5), number(6)
      if (ierr == lsbc_ok) call lsbc_step_year(here%lsbc, year, ierr)
      call mean(here, 'urban_frac', average(1), ierr)
      call mean(here, 'lai', average(2), ierr)
      call mean(here, 'albedo', average(3), ierr)
      if (ierr /= lsbc_ok) exit
      write (output_unit, '(i0, 3(a, f6.4))') year, '  urban_frac ', average(1), '  lai ', average(2), '  albedo ', average(3)
      call grow_towns(here)
   end do
   if (ierr /= lsbc_ok) then
      call lsbc_last_error(here%lsbc, text)
      write (error_unit, '(a, i0, 2a)') 'openacc_host: error ', ierr, ': ', trim(text)
      stop 1
   end if
   call lsbc_destroy(here%lsbc, ierr)
end program openacc_host
