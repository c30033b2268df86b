! A host model in the manner of WRF: a rectangular patch, cut into one piece a rank, two-dimensional fields in single
! precision with a halo of one cell.
!
!   mpirun -n 2 wrf_style_host wrf.toml wrf_host.nc 2019 2025 [--restart-write 2022 FILE] [--restart-read FILE] [--empty-rank]
!
! Everything lsbc needs is in module wrf_coupling: eight calls.

!> The index ranges of this rank: ids..jde domain, ips..jpe own patch, ims..jme memory with the halo.
module wrf_domain
   use mpi ! no `only`: MPICH's module leaves some calls, mpi_dims_create among them, to the linker
   implicit none
   private
   public :: domain, cut_domain

   integer, parameter :: halo_width = 1

   type :: domain
      integer :: ids = 1, ide = 0, jds = 1, jde = 0
      integer :: ips = 1, ipe = 0, jps = 1, jpe = 0
      integer :: ims = 1, ime = 0, jms = 1, jme = 0
   end type domain

contains

   !> Cut nx x ny cells over ranks; a rank beyond n_rank gets none.
   function cut_domain(nx, ny, rank, n_rank) result(d)
      integer, intent(in) :: nx, ny, rank, n_rank
      type(domain) :: d
      integer :: n_part(2), mpi_err

      d%ide = nx
      d%jde = ny
      if (rank >= n_rank) return
      n_part = 0
      call mpi_dims_create(n_rank, 2, n_part, mpi_err)
      call cut(nx, n_part(2), modulo(rank, n_part(2)), d%ips, d%ipe)
      call cut(ny, n_part(1), rank/n_part(2), d%jps, d%jpe)
      if (d%ipe < d%ips .or. d%jpe < d%jps) return
      d%ims = max(d%ids, d%ips - halo_width)
      d%ime = min(d%ide, d%ipe + halo_width)
      d%jms = max(d%jds, d%jps - halo_width)
      d%jme = min(d%jde, d%jpe + halo_width)
   end function cut_domain

   !> First and last of n cells that belong to one of n_part parts, counted from 0.
   subroutine cut(n, n_part, part, first, last)
      integer, intent(in) :: n, n_part, part
      integer, intent(out) :: first, last

      first = (n*part)/n_part + 1
      last = (n*(part + 1))/n_part
   end subroutine cut

end module wrf_domain

!> The host's side of the coupling: what a model adds to its land interface.
module wrf_coupling
   use, intrinsic :: iso_fortran_env, only: int32, real32, real64
   use host_input, only: grid, read_state
   use host_surface, only: skin_temperature
   use lsbc, only: lsbc_create, lsbc_handle, lsbc_ok, lsbc_set_field, lsbc_set_grid, lsbc_step_year
   use wrf_domain, only: domain
   implicit none
   private
   public :: land, start_land, read_forcing, step_land, mean_name, n_mean

   character(len=5), parameter :: state_name(12) = [character(len=5) :: 'primf', 'primn', 'secdf', 'secdn', 'urban', &
      'c3ann', 'c4ann', 'c3per', 'c4per', 'c3nfx', 'pastr', 'range']
   integer, parameter :: n_class = 8, n_mean = 6
   character(len=8), parameter :: mean_name(n_mean) = [character(len=8) :: 'forest', 'crop', 'urban', 'albedo', 'LAI', 'T skin/K']
   !> Levels of lu_frac, in the order of the HILDA+ codes 0 11 22 33 40 55 66 77
   integer, parameter :: urban = 2, crop = 3, forest = 5

   !> The land of this rank; all fields are (ims:ime, jms:jme)
   type :: land
      type(lsbc_handle) :: lsbc
      type(domain) :: d
      !> Place of each local cell in the grid file
      integer, allocatable :: cells(:, :)
      !> What the host lends to lsbc: the last dimension counts states; the same memory in every year
      real(real32), allocatable :: state(:, :, :)
      !> What it gets back, under WRF's names
      real(real32), allocatable :: albbck(:, :), lai(:, :), z0(:, :), embck(:, :), vegfra(:, :), lu_index(:, :), landusef(:, :, :)
   end type land

contains

   !> Start lsbc, hand over the grid, and lend once and for all the twelve state arrays and those that each year fills.
   subroutine start_land(config, comm, g, d, self, ierr)
      character(len=*), intent(in) :: config
      integer, intent(in) :: comm
      type(grid), intent(in) :: g
      type(domain), intent(in) :: d
      type(land), target, intent(inout) :: self
      integer, intent(out) :: ierr
      integer, allocatable :: flat(:)
      integer(int32), allocatable :: owned(:)
      integer :: k

      call allocate_land(g, d, self)
      flat = reshape(self%cells, [size(self%cells)])
      owned = merge(1_int32, 0_int32, g%i(flat) >= d%ips .and. g%i(flat) <= d%ipe .and. g%j(flat) >= d%jps .and. g%j(flat) <= d%jpe)

      call lsbc_create(config, comm, self%lsbc, ierr)
      if (ierr /= lsbc_ok) return
      call lsbc_set_grid(self%lsbc, g%global_id(flat), g%lon(flat), g%lat(flat), g%vertex_lon(:, flat), &
                         g%vertex_lat(:, flat), owned, ierr)
      do k = 1, size(state_name)
         if (ierr == lsbc_ok) call lsbc_set_field(self%lsbc, state_name(k), self%state(:, :, k), ierr)
      end do
      if (ierr == lsbc_ok) call lsbc_set_field(self%lsbc, 'albedo', self%albbck, ierr)
      if (ierr == lsbc_ok) call lsbc_set_field(self%lsbc, 'lai', self%lai, ierr)
      if (ierr == lsbc_ok) call lsbc_set_field(self%lsbc, 'z0m', self%z0, ierr)
      if (ierr == lsbc_ok) call lsbc_set_field(self%lsbc, 'emissivity', self%embck, ierr)
      if (ierr == lsbc_ok) call lsbc_set_field(self%lsbc, 'veg_frac', self%vegfra, ierr)
      if (ierr == lsbc_ok) call lsbc_set_field(self%lsbc, 'lu_dominant', self%lu_index, ierr)
      if (ierr == lsbc_ok) call lsbc_set_field(self%lsbc, 'lu_frac', self%landusef, ierr)
   end subroutine start_land

   subroutine allocate_land(g, d, self)
      type(grid), intent(in) :: g
      type(domain), intent(in) :: d
      type(land), intent(inout) :: self
      integer :: k

      self%d = d
      associate (ims => d%ims, ime => d%ime, jms => d%jms, jme => d%jme)
         allocate (self%cells(ims:ime, jms:jme), self%state(ims:ime, jms:jme, size(state_name)))
         allocate (self%albbck(ims:ime, jms:jme), self%lai(ims:ime, jms:jme), self%z0(ims:ime, jms:jme))
         allocate (self%embck(ims:ime, jms:jme), self%vegfra(ims:ime, jms:jme), self%lu_index(ims:ime, jms:jme))
         allocate (self%landusef(ims:ime, jms:jme, n_class))
         self%cells = 0
         do k = 1, g%n_cell
            if (g%i(k) >= ims .and. g%i(k) <= ime .and. g%j(k) >= jms .and. g%j(k) <= jme) self%cells(g%i(k), g%j(k)) = k
         end do
      end associate
   end subroutine allocate_land

   !> Fill the lent arrays with the states of a year.
   subroutine read_forcing(host_file, year, g, self, message)
      character(len=*), intent(in) :: host_file
      integer, intent(in) :: year
      type(grid), intent(in) :: g
      type(land), intent(inout) :: self
      character(len=*), intent(out) :: message
      real(real64) :: everywhere(g%n_cell)
      integer :: k, j

      message = ''
      do k = 1, size(state_name)
         if (message == '') call read_state(host_file, trim(state_name(k)), year, everywhere, message)
         do j = self%d%jms, self%d%jme
            self%state(:, j, k) = real(everywhere(self%cells(:, j)), real32)
         end do
      end do
   end subroutine read_forcing

   !> One year: new boundary fields in the lent arrays, and the skin temperature they lead to. `sums` are over own cells, the last one counts them.
   subroutine step_land(self, year, sums, ierr)
      type(land), target, intent(inout) :: self
      integer, intent(in) :: year
      real(real64), intent(out) :: sums(n_mean + 1)
      integer, intent(out) :: ierr

      sums = 0.0_real64
      call lsbc_step_year(self%lsbc, year, ierr)
      if (ierr /= lsbc_ok) return

      associate (is => self%d%ips, ie => self%d%ipe, js => self%d%jps, je => self%d%jpe)
         sums = [total(self%landusef(is:ie, js:je, forest)), total(self%landusef(is:ie, js:je, crop)), &
                 total(self%landusef(is:ie, js:je, urban)), total(self%albbck(is:ie, js:je)), total(self%lai(is:ie, js:je)), &
                 sum(skin_temperature(real(self%albbck(is:ie, js:je), real64), real(self%embck(is:ie, js:je), real64), &
                                      real(self%z0(is:ie, js:je), real64), real(self%lai(is:ie, js:je), real64), &
                                      real(self%vegfra(is:ie, js:je), real64))), &
                 real(max(ie - is + 1, 0)*max(je - js + 1, 0), real64)]
      end associate
   end subroutine step_land

   pure function total(values)
      real(real32), intent(in) :: values(:, :)
      real(real64) :: total

      total = sum(real(values, real64))
   end function total

end module wrf_coupling

program wrf_style_host
   use, intrinsic :: iso_fortran_env, only: error_unit, output_unit, real64
   use mpi ! no `only`: MPICH's module leaves some calls, mpi_reduce among them, to the linker
   use host_input, only: grid, read_grid
   use host_options, only: options, read_options
   use lsbc, only: lsbc_destroy, lsbc_last_error, lsbc_ok, lsbc_read_restart, lsbc_text_length, lsbc_write_restart
   use wrf_coupling, only: land, mean_name, n_mean, read_forcing, start_land, step_land
   use wrf_domain, only: cut_domain
   implicit none

   type(options) :: opt
   type(grid) :: g
   type(land), target :: here
   integer :: rank, n_rank, year, ierr, mpi_err
   real(real64) :: sums(n_mean + 1), total(n_mean + 1), started
   character(len=lsbc_text_length) :: message

   call mpi_init(mpi_err)
   call mpi_comm_rank(mpi_comm_world, rank, mpi_err)
   call mpi_comm_size(mpi_comm_world, n_rank, mpi_err)

   call read_options(opt, message)
   if (message == '') call read_grid(opt%host_file, g, message)
   if (message == '' .and. g%nx*g%ny /= g%n_cell) message = 'nx x ny is not the number of cells of ' // opt%host_file
   if (message /= '') call give_up(2)
   if (opt%empty_rank) n_rank = max(1, n_rank - 1)

   call start_land(opt%config, mpi_comm_world, g, cut_domain(g%nx, g%ny, rank, n_rank), here, ierr)
   call check()
   if (opt%restart_read /= '') then
      call lsbc_read_restart(here%lsbc, opt%restart_read, ierr)
      call check()
   end if
   if (rank == 0) write (output_unit, '(a,i0,a,i0,a,i0,a,/,a,6a10,a10)') 'WRF-style host: ', g%nx, ' x ', g%ny, ' cells on ', &
      n_rank, ' computing ranks; means over all cells', 'year', adjustr([character(len=10) :: mean_name]), 'seconds'

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

      if (rank == 0) write (error_unit, '(a,i0,2a)') 'wrf_style_host: error ', code, ': ', trim(message)
      call mpi_finalize(mpi_err)
      stop 1
   end subroutine give_up

end program wrf_style_host
