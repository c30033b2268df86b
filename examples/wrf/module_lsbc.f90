!> lsbc in WRF: to be compiled with WRF's own sources. docs/wrf.md says where its calls go.
!>
!> One instance a domain, on the mass points of this task's patch, in WRF's single precision; corners come from the geo_em file,
!> as WRF keeps none in memory. As in WRF's own files, vegetation is that of the land in a cell; water, ice, and land in which
!> lsbc has none keep WRF's values.
module module_lsbc
   use, intrinsic :: iso_c_binding, only: c_double, c_int32_t, c_int64_t
   use module_domain, only: domain, get_ijk_from_grid
   use netcdf, only: nf90_close, nf90_get_var, nf90_inq_varid, nf90_noerr, nf90_nowrite, nf90_open, nf90_strerror
   use lsbc, only: lsbc_create, lsbc_destroy, lsbc_get_field, lsbc_handle, lsbc_last_error, lsbc_ok, lsbc_read_restart, &
      lsbc_set_field, lsbc_set_grid, lsbc_step_year, lsbc_write_restart
   implicit none
   private
   public :: lsbc_land, lsbc_wrf_start, lsbc_wrf_step, lsbc_wrf_day, lsbc_wrf_write_restart, lsbc_wrf_end

   !> LUH2 names of the states, in the order of `lsbc_land%state`
   character(len=5), parameter, public :: lsbc_state_name(12) = [character(len=5) :: 'primf', 'primn', 'secdf', 'secdn', 'urban', &
      'c3ann', 'c4ann', 'c3per', 'c4per', 'c3nfx', 'pastr', 'range']

   !> Land use of one domain. Keep it with the TARGET attribute: its arrays are lent to lsbc.
   type :: lsbc_land
      type(lsbc_handle) :: handle
      !> First and last mass point of this task's patch
      integer :: is = 0, ie = -1, js = 0, je = -1
      !> Fractions of the whole cell [1], (is:ie, js:je, state); filled by the host before the year that they describe
      real, allocatable :: state(:, :, :)
      !> What every year fills, (is:ie, js:je, field), in the order of `made_name`
      real, allocatable :: made(:, :, :)
      !> The same: area fraction under leaves [1], (is:ie, js:je, month), and class fractions [1], (is:ie, js:je, class)
      real, allocatable :: cover(:, :, :), class_frac(:, :, :)
   end type lsbc_land

   integer, parameter :: n_made = 5, albedo = 1, lai = 2, z0m = 3, emissivity = 4, veg_frac = 5
   character(len=10), parameter :: made_name(n_made) = [character(len=10) :: 'albedo', 'lai', 'z0m', 'emissivity', 'veg_frac']
   !> Of `lu_frac`: all its classes, and those between ocean, the first, and water, the last
   integer, parameter :: n_class = 8, first_land = 2, last_land = 7
   !> What a day fills
   character(len=24), parameter :: day_name(2) = [character(len=24) :: 'leaf_area_index', 'vegetation_area_fraction']
   !> What lsbc gives where it has no data
   real, parameter :: no_data = -9999.0

contains

   !> Start lsbc on the tasks of a domain, and lend it its states and the arrays that every year fills. Collective.
   subroutine lsbc_wrf_start(self, config, geo_em, communicator, grid, ierr, text, restart)
      type(lsbc_land), target, intent(inout) :: self
      !> Path of lsbc's configuration
      character(len=*), intent(in) :: config
      !> Path of the domain's geo_em file, for XLONG_C and XLAT_C
      character(len=*), intent(in) :: geo_em
      !> The domain's communicator (`local_communicator` of module_dm)
      integer, intent(in) :: communicator
      type(domain), intent(in) :: grid
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer, intent(out) :: ierr
      !> What went wrong, for `wrf_error_fatal`
      character(len=*), intent(inout) :: text
      !> Restart file of lsbc, where WRF resumes a run
      character(len=*), intent(in), optional :: restart
      integer :: ids, ide, jds, jde, kds, kde, ims, ime, jms, jme, kms, kme, ips, ipe, jps, jpe, kps, kpe, k

      text = ''
      call get_ijk_from_grid(grid, ids, ide, jds, jde, kds, kde, ims, ime, jms, jme, kms, kme, ips, ipe, jps, jpe, kps, kpe)
      self%is = ips
      self%ie = min(ipe, ide - 1)
      self%js = jps
      self%je = min(jpe, jde - 1)
      allocate (self%state(self%is:self%ie, self%js:self%je, size(lsbc_state_name)))
      allocate (self%made(self%is:self%ie, self%js:self%je, n_made))
      allocate (self%cover(self%is:self%ie, self%js:self%je, 12), self%class_frac(self%is:self%ie, self%js:self%je, n_class))
      self%state = 0.0
      self%made = no_data
      self%cover = no_data
      self%class_frac = no_data
      call lsbc_create(config, communicator, self%handle, ierr)
      if (ierr == lsbc_ok) call set_cells(self, geo_em, grid, ide - ids, ierr, text)
      do k = 1, size(lsbc_state_name)
         if (ierr == lsbc_ok) call lsbc_set_field(self%handle, lsbc_state_name(k), self%state(:, :, k), ierr)
      end do
      do k = 1, n_made
         if (ierr == lsbc_ok) call lsbc_set_field(self%handle, made_name(k), self%made(:, :, k), ierr)
      end do
      if (ierr == lsbc_ok) call lsbc_set_field(self%handle, 'vegetation_area_fraction', self%cover, ierr)
      if (ierr == lsbc_ok) call lsbc_set_field(self%handle, 'lu_frac', self%class_frac, ierr)
      if (ierr == lsbc_ok .and. present(restart)) call lsbc_read_restart(self%handle, restart, ierr)
      if (ierr /= lsbc_ok .and. text == '') call lsbc_last_error(self%handle, text)
   end subroutine lsbc_wrf_start

   !> The patch's cells; XLONG_C and XLAT_C are (n_i + 1, n_j + 1) corners of the whole domain.
   subroutine set_cells(self, geo_em, grid, n_i, ierr, text)
      type(lsbc_land), intent(in) :: self
      character(len=*), intent(in) :: geo_em
      type(domain), intent(in) :: grid
      !> Mass points of the domain from west to east
      integer, intent(in) :: n_i
      integer, intent(out) :: ierr
      character(len=*), intent(inout) :: text
      integer(c_int64_t), allocatable :: global_id(:, :)
      integer(c_int32_t), allocatable :: owned(:, :)
      real(c_double), allocatable :: corner_lon(:, :), corner_lat(:, :), vertex_lon(:, :, :), vertex_lat(:, :, :)
      integer :: i, j, k, stat
      integer, parameter :: east(4) = [0, 1, 1, 0], north(4) = [0, 0, 1, 1]

      associate (is => self%is, ie => self%ie, js => self%js, je => self%je)
         allocate (corner_lon(is:ie + 1, js:je + 1), corner_lat(is:ie + 1, js:je + 1))
         call read_corners(geo_em, 'XLONG_C', is, js, corner_lon, stat)
         if (stat == nf90_noerr) call read_corners(geo_em, 'XLAT_C', is, js, corner_lat, stat)
         allocate (global_id(is:ie, js:je), owned(is:ie, js:je), vertex_lon(4, is:ie, js:je), vertex_lat(4, is:ie, js:je))
         owned = 1_c_int32_t
         do j = js, je
            do i = is, ie
               global_id(i, j) = i + int(j - 1, c_int64_t)*n_i
               do k = 1, 4
                  vertex_lon(k, i, j) = corner_lon(i + east(k), j + north(k))
                  vertex_lat(k, i, j) = corner_lat(i + east(k), j + north(k))
               end do
            end do
         end do
         ! The call is collective: a task that could not read its file hands over arrays that no task accepts.
         if (stat /= nf90_noerr) vertex_lon = huge(1.0_c_double)
         call lsbc_set_grid(self%handle, global_id, real(grid%xlong(is:ie, js:je), c_double), &
            real(grid%xlat(is:ie, js:je), c_double), vertex_lon, vertex_lat, owned, ierr)
      end associate
      if (stat /= nf90_noerr) text = trim(geo_em)//': '//trim(nf90_strerror(stat))
   end subroutine set_cells

   subroutine read_corners(path, name, is, js, corner, stat)
      character(len=*), intent(in) :: path, name
      integer, intent(in) :: is, js
      real(c_double), intent(inout) :: corner(:, :)
      integer, intent(out) :: stat
      integer :: file, variable, ignored

      corner = 0.0_c_double
      stat = nf90_open(path, nf90_nowrite, file)
      if (stat /= nf90_noerr) return
      stat = nf90_inq_varid(file, name, variable)
      if (stat == nf90_noerr) stat = nf90_get_var(file, variable, corner, start=[is, js, 1], count=[shape(corner), 1])
      ignored = nf90_close(file)
   end subroutine read_corners

   !> Bring the land use to `year`: the fields of `grid` are filled, leaf area and cover with yearly values. Collective; the same
   !> year again only fills them.
   subroutine lsbc_wrf_step(self, year, grid, ierr, text)
      type(lsbc_land), target, intent(inout) :: self
      !> Calendar year
      integer, intent(in) :: year
      type(domain), intent(inout) :: grid
      integer, intent(out) :: ierr
      character(len=*), intent(inout) :: text
      real, allocatable :: land(:, :)

      call lsbc_step_year(self%handle, year, ierr)
      if (ierr /= lsbc_ok) then
         call lsbc_last_error(self%handle, text)
         return
      end if
      call land_to_fill(self, grid, land)
      associate (is => self%is, ie => self%ie, js => self%js, je => self%je, made => self%made)
         where (land > 0.0)
            grid%albbck(is:ie, js:je) = made(:, :, albedo)
            grid%lai(is:ie, js:je) = made(:, :, lai)
            grid%z0(is:ie, js:je) = made(:, :, z0m)
            grid%embck(is:ie, js:je) = made(:, :, emissivity)
            grid%vegfra(is:ie, js:je) = percent(made(:, :, veg_frac), land)
            grid%shdmax(is:ie, js:je) = percent(maxval(self%cover, dim=3), land)
            grid%shdmin(is:ie, js:je) = percent(minval(self%cover, dim=3), land)
         end where
      end associate
   end subroutine lsbc_wrf_step

   !> Leaf area and vegetation fraction of one day of the year reached, into `grid`. Local to the task.
   subroutine lsbc_wrf_day(self, day_of_year, grid, ierr, text)
      type(lsbc_land), intent(in) :: self
      !> 1 to 365, or 366 in leap years
      integer, intent(in) :: day_of_year
      type(domain), intent(inout) :: grid
      !> `lsbc_ok`, or an `lsbc_err_*` code, and then nothing is changed
      integer, intent(out) :: ierr
      character(len=*), intent(inout) :: text
      real, allocatable :: day(:, :, :), land(:, :)
      character(len=40) :: name
      integer :: k

      allocate (day(self%is:self%ie, self%js:self%je, size(day_name)))
      ierr = lsbc_ok
      do k = 1, size(day_name)
         write (name, '(2a, i0)') trim(day_name(k)), '@', day_of_year
         if (ierr == lsbc_ok) call lsbc_get_field(self%handle, trim(name), day(:, :, k), ierr)
      end do
      if (ierr /= lsbc_ok) then
         call lsbc_last_error(self%handle, text)
         return
      end if
      call land_to_fill(self, grid, land)
      associate (is => self%is, ie => self%ie, js => self%js, je => self%je)
         where (land > 0.0)
            grid%lai(is:ie, js:je) = day(:, :, 1)
            grid%vegfra(is:ie, js:je) = percent(day(:, :, 2), land)
         end where
      end associate
   end subroutine lsbc_wrf_day

   !> Share of each cell that is land in lsbc; not above 0 where lsbc has no data, or WRF has water or ice: those keep WRF's values.
   subroutine land_to_fill(self, grid, land)
      type(lsbc_land), intent(in) :: self
      type(domain), intent(in) :: grid
      real, allocatable, intent(out) :: land(:, :)

      associate (is => self%is, ie => self%ie, js => self%js, je => self%je)
         allocate (land(is:ie, js:je))
         land = sum(self%class_frac(:, :, first_land:last_land), dim=3)
         where (grid%landmask(is:ie, js:je) < 0.5 .or. grid%ivgtyp(is:ie, js:je) == grid%landuse_isice) land = 0.0
      end associate
   end subroutine land_to_fill

   !> A part of the cell in percent of its land.
   elemental function percent(part, land)
      real, intent(in) :: part, land
      real :: percent

      percent = 100.0*min(part/land, 1.0)
   end function percent

   !> Write lsbc's state beside wrfrst. Collective.
   subroutine lsbc_wrf_write_restart(self, path, ierr, text)
      type(lsbc_land), intent(in) :: self
      character(len=*), intent(in) :: path
      integer, intent(out) :: ierr
      character(len=*), intent(inout) :: text

      call lsbc_write_restart(self%handle, path, ierr)
      if (ierr /= lsbc_ok) call lsbc_last_error(self%handle, text)
   end subroutine lsbc_wrf_write_restart

   !> Before WRF ends MPI. Collective.
   subroutine lsbc_wrf_end(self, ierr)
      type(lsbc_land), intent(in) :: self
      integer, intent(out) :: ierr

      call lsbc_destroy(self%handle, ierr)
   end subroutine lsbc_wrf_end

end module module_lsbc
