! A host model in the manner of ICON: triangles in blocks, scattered over ranks, with one ring of halo cells, in double precision.
!
!   mpirun -n 2 icon_style_host icon.toml icon_host.nc 2019 2025 [--restart-write 2022 FILE] [--restart-read FILE] [--empty-rank]
!
! Everything lsbc needs is in module icon_coupling: eight calls.

!> Which rank computes which triangle.
module icon_decomposition
   use, intrinsic :: iso_fortran_env, only: int32, int64
   use host_input, only: grid
   implicit none
   private
   public :: local_cells, local_owned

   !> Cells are dealt out in blocks of this many
   integer, parameter :: nproma = 16

contains

   !> Cells of this rank as places in the grid file: its own in front, then every other cell that shares a vertex with one of them.
   subroutine local_cells(g, rank, n_rank, cells, n_own)
      type(grid), intent(in) :: g
      !> This rank and how many compute; a rank beyond them gets no cell
      integer, intent(in) :: rank, n_rank
      integer, allocatable, intent(out) :: cells(:)
      integer, intent(out) :: n_own
      logical :: own(g%n_cell), halo(g%n_cell)
      integer :: vertex(g%n_vertex, g%n_cell), k
      logical, allocatable :: touched(:)

      own = [(modulo((k - 1)/nproma, n_rank) == rank, k=1, g%n_cell)]
      call number_vertices(g, vertex)
      allocate (touched(size(vertex)))
      touched = .false.
      do k = 1, g%n_cell
         if (own(k)) touched(vertex(:, k)) = .true.
      end do
      halo = [(.not. own(k) .and. any(touched(vertex(:, k))), k=1, g%n_cell)]
      cells = [pack([(k, k=1, g%n_cell)], own), pack([(k, k=1, g%n_cell)], halo)]
      n_own = count(own)
   end subroutine local_cells

   !> 1 for own cells, 0 for the halo.
   function local_owned(n_cell, n_own) result(owned)
      integer, intent(in) :: n_cell, n_own
      integer(int32) :: owned(n_cell)

      owned = 0_int32
      owned(1:n_own) = 1_int32
   end function local_owned

   !> One number for every vertex, the same in all cells that meet there; vertices nearer than 1e-6 degrees are one.
   subroutine number_vertices(g, vertex)
      type(grid), intent(in) :: g
      integer, intent(out) :: vertex(:, :)
      integer(int64) :: key(g%n_vertex*g%n_cell)
      integer :: order(size(key)), flat(size(key)), k

      key = reshape(nint((g%vertex_lon + 180)*1.0e6, int64)*1000000000_int64 + &
                    nint((g%vertex_lat + 90)*1.0e6, int64), [size(key)])
      order = [(k, k=1, size(key))]
      call sort_by(key, order)
      if (size(key) > 0) flat(order(1)) = order(1)
      do k = 2, size(key)
         if (key(order(k)) == key(order(k - 1))) then
            flat(order(k)) = flat(order(k - 1))
         else
            flat(order(k)) = order(k)
         end if
      end do
      vertex = reshape(flat, shape(vertex))
   end subroutine number_vertices

   !> Merge sort of places by their keys.
   recursive subroutine sort_by(key, order)
      integer(int64), intent(in) :: key(:)
      integer, intent(inout) :: order(:)
      integer :: low(size(order)/2), high(size(order) - size(order)/2), i, j, k

      if (size(order) < 2) return
      low = order(:size(low))
      high = order(size(low) + 1:)
      call sort_by(key, low)
      call sort_by(key, high)
      i = 1
      j = 1
      do k = 1, size(order)
         if (j > size(high)) then
            order(k) = low(i)
            i = i + 1
         else if (i > size(low)) then
            order(k) = high(j)
            j = j + 1
         else if (key(high(j)) < key(low(i))) then
            order(k) = high(j)
            j = j + 1
         else
            order(k) = low(i)
            i = i + 1
         end if
      end do
   end subroutine sort_by

end module icon_decomposition

!> The host's side of the coupling: what a model adds to its land interface.
module icon_coupling
   use, intrinsic :: iso_fortran_env, only: int32, real64
   use host_input, only: grid, read_state
   use host_surface, only: cell_area, skin_temperature
   use icon_decomposition, only: local_owned
   use lsbc, only: lsbc_create, lsbc_get_field, lsbc_handle, lsbc_ok, lsbc_set_field, lsbc_set_grid, lsbc_step_year
   implicit none
   private
   public :: land, start_land, read_forcing, step_land, mean_name, n_mean

   character(len=5), parameter :: state_name(12) = [character(len=5) :: 'primf', 'primn', 'secdf', 'secdn', 'urban', &
      'c3ann', 'c4ann', 'c3per', 'c4per', 'c3nfx', 'pastr', 'range']
   integer, parameter :: n_class = 8, n_mean = 6
   character(len=8), parameter :: mean_name(n_mean) = [character(len=8) :: 'forest', 'crop', 'urban', 'albedo', 'LAI', 'T skin/K']
   !> Levels of lu_frac, in the order of the HILDA+ codes 0 11 22 33 40 55 66 77
   integer, parameter :: urban = 2, crop = 3, forest = 5

   !> The land of this rank
   type :: land
      type(lsbc_handle) :: lsbc
      integer :: n_own = 0
      integer, allocatable :: cells(:)
      real(real64), allocatable :: area(:)
      !> What the host lends to lsbc: (n_cell, 12), the same memory in every year
      real(real64), allocatable :: state(:, :)
      !> What it gets back
      real(real64), allocatable :: albedo(:), lai(:), z0m(:), emissivity(:), veg_frac(:), lu_dominant(:), lu_frac(:, :)
   end type land

contains

   !> Start lsbc, hand over the grid, and lend the twelve state arrays once and for all.
   subroutine start_land(config, comm, g, cells, n_own, self, ierr)
      character(len=*), intent(in) :: config
      integer, intent(in) :: comm, cells(:), n_own
      type(grid), intent(in) :: g
      type(land), target, intent(inout) :: self
      integer, intent(out) :: ierr
      integer :: n, k

      n = size(cells)
      self%n_own = n_own
      self%cells = cells
      self%area = [(cell_area(g%vertex_lon(:, cells(k)), g%vertex_lat(:, cells(k))), k=1, n)]
      allocate (self%state(n, size(state_name)), self%lu_frac(n, n_class))
      allocate (self%albedo(n), self%lai(n), self%z0m(n), self%emissivity(n), self%veg_frac(n), self%lu_dominant(n))

      call lsbc_create(config, comm, self%lsbc, ierr)
      if (ierr /= lsbc_ok) return
      call lsbc_set_grid(self%lsbc, g%global_id(cells), g%lon(cells), g%lat(cells), g%vertex_lon(:, cells), &
                         g%vertex_lat(:, cells), local_owned(n, n_own), ierr)
      do k = 1, size(state_name)
         if (ierr == lsbc_ok) call lsbc_set_field(self%lsbc, state_name(k), self%state(:, k), ierr)
      end do
   end subroutine start_land

   !> Fill the lent arrays with the states of a year.
   subroutine read_forcing(host_file, year, g, self, message)
      character(len=*), intent(in) :: host_file
      integer, intent(in) :: year
      type(grid), intent(in) :: g
      type(land), intent(inout) :: self
      character(len=*), intent(out) :: message
      real(real64) :: everywhere(g%n_cell)
      integer :: k

      message = ''
      do k = 1, size(state_name)
         if (message == '') call read_state(host_file, trim(state_name(k)), year, everywhere, message)
         self%state(:, k) = everywhere(self%cells)
      end do
   end subroutine read_forcing

   !> One year: new boundary fields, and the skin temperature they lead to. `sums` are area-weighted, the last one is the area.
   subroutine step_land(self, year, sums, ierr)
      type(land), target, intent(inout) :: self
      integer, intent(in) :: year
      real(real64), intent(out) :: sums(n_mean + 1)
      integer, intent(out) :: ierr
      real(real64) :: skin(self%n_own)
      integer :: n

      sums = 0.0_real64
      call lsbc_step_year(self%lsbc, year, ierr)
      if (ierr == lsbc_ok) call lsbc_get_field(self%lsbc, 'albedo', self%albedo, ierr)
      if (ierr == lsbc_ok) call lsbc_get_field(self%lsbc, 'lai', self%lai, ierr)
      if (ierr == lsbc_ok) call lsbc_get_field(self%lsbc, 'z0m', self%z0m, ierr)
      if (ierr == lsbc_ok) call lsbc_get_field(self%lsbc, 'emissivity', self%emissivity, ierr)
      if (ierr == lsbc_ok) call lsbc_get_field(self%lsbc, 'veg_frac', self%veg_frac, ierr)
      if (ierr == lsbc_ok) call lsbc_get_field(self%lsbc, 'lu_dominant', self%lu_dominant, ierr)
      if (ierr == lsbc_ok) call lsbc_get_field(self%lsbc, 'lu_frac', self%lu_frac, ierr)
      if (ierr /= lsbc_ok) return

      n = self%n_own
      skin = skin_temperature(self%albedo(:n), self%emissivity(:n), self%z0m(:n), self%lai(:n), self%veg_frac(:n))
      sums = [weighted(self%lu_frac(:n, forest)), weighted(self%lu_frac(:n, crop)), weighted(self%lu_frac(:n, urban)), &
              weighted(self%albedo(:n)), weighted(self%lai(:n)), weighted(skin), sum(self%area(:n))]

   contains

      function weighted(values) result(total)
         real(real64), intent(in) :: values(:)
         real(real64) :: total

         total = sum(values*self%area(:self%n_own))
      end function weighted

   end subroutine step_land

end module icon_coupling

program icon_style_host
   use, intrinsic :: iso_fortran_env, only: error_unit, output_unit, real64
   use mpi ! no `only`: MPICH's module leaves some calls, mpi_reduce among them, to the linker
   use host_input, only: grid, read_grid
   use host_options, only: options, read_options
   use icon_coupling, only: land, mean_name, n_mean, read_forcing, start_land, step_land
   use icon_decomposition, only: local_cells
   use lsbc, only: lsbc_destroy, lsbc_last_error, lsbc_ok, lsbc_read_restart, lsbc_text_length, lsbc_write_restart
   implicit none

   type(options) :: opt
   type(grid) :: g
   type(land), target :: here
   integer :: rank, n_rank, n_own, year, ierr, mpi_err
   integer, allocatable :: cells(:)
   real(real64) :: sums(n_mean + 1), total(n_mean + 1), started
   character(len=lsbc_text_length) :: message

   call mpi_init(mpi_err)
   call mpi_comm_rank(mpi_comm_world, rank, mpi_err)
   call mpi_comm_size(mpi_comm_world, n_rank, mpi_err)

   call read_options(opt, message)
   if (message == '') call read_grid(opt%host_file, g, message)
   if (message /= '') call give_up(2)
   if (opt%empty_rank) n_rank = max(1, n_rank - 1)
   call local_cells(g, rank, n_rank, cells, n_own)

   call start_land(opt%config, mpi_comm_world, g, cells, n_own, here, ierr)
   call check()
   if (opt%restart_read /= '') then
      call lsbc_read_restart(here%lsbc, opt%restart_read, ierr)
      call check()
   end if
   if (rank == 0) write (output_unit, '(a,i0,a,i0,a,/,a,6a10,a10)') 'ICON-style host: ', g%n_cell, ' cells on ', n_rank, &
      ' computing ranks; means over all cells', 'year', adjustr([character(len=10) :: mean_name]), 'seconds'

   do year = opt%first_year, opt%last_year
      started = mpi_wtime()
      call read_forcing(opt%host_file, year, g, here, message)
      if (message /= '') call give_up(2)
      call step_land(here, year, sums, ierr)
      call check()
      call mpi_reduce(sums, total, size(sums), mpi_double_precision, mpi_sum, 0, mpi_comm_world, mpi_err)
      if (rank == 0) write (output_unit, '(i4,5f10.4,f10.3,f10.2)') year, total(1:n_mean)/total(n_mean + 1), mpi_wtime() - started
      if (year == opt%restart_year) then
         call lsbc_write_restart(here%lsbc, opt%restart_write, ierr)
         call check()
      end if
   end do

   call lsbc_destroy(here%lsbc, ierr)
   call check()
   call mpi_finalize(mpi_err)

contains

   !> lsbc never ends a host. This host chooses to end when a call fails; every rank has the same code.
   subroutine check()
      if (ierr == lsbc_ok) return
      call lsbc_last_error(here%lsbc, message)
      call give_up(ierr)
   end subroutine check

   subroutine give_up(code)
      integer, intent(in) :: code

      if (rank == 0) write (error_unit, '(a,i0,2a)') 'icon_style_host: error ', code, ': ', trim(message)
      call mpi_finalize(mpi_err)
      stop 1
   end subroutine give_up

end program icon_style_host
