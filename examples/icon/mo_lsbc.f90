!> lsbc in ICON: to be compiled with ICON's own sources. docs/icon.md says where its calls go.
!>
!> One instance a domain. The states are (nproma, nblks_c) as all of ICON's fields; whoever reads the land-use scenario fills
!> them before the year that they describe. What lsbc makes goes into ICON's external parameters after each midnight's own
!> update, so that the two do not overwrite each other. Leaf area and plant cover are the year's largest, of the land in the cell:
!> ICON gives them a course through the year.
module mo_lsbc
   use, intrinsic :: iso_c_binding, only: c_int32_t, c_int64_t
   use mo_ext_data_types, only: t_external_data
   use mo_kind, only: wp
   use mo_math_constants, only: rad2deg
   use mo_model_domain, only: t_patch
   use lsbc, only: lsbc_create, lsbc_destroy, lsbc_get_field, lsbc_handle, lsbc_last_error, lsbc_ok, lsbc_read_restart, &
      lsbc_set_field, lsbc_set_grid, lsbc_step_year, lsbc_write_restart
   implicit none
   private
   public :: t_lsbc, lsbc_icon_start, lsbc_icon_update, lsbc_icon_write_restart, lsbc_icon_end

   !> LUH2 names of the states, in the order of `t_lsbc%state`
   character(len=5), parameter, public :: lsbc_state_name(12) = [character(len=5) :: 'primf', 'primn', 'secdf', 'secdn', 'urban', &
      'c3ann', 'c4ann', 'c3per', 'c4per', 'c3nfx', 'pastr', 'range']

   !> What lsbc gives where it has no data
   real(wp), parameter :: no_data = -9999.0_wp
   !> Of `lu_frac`: all its classes, and those between ocean, the first, and water, the last
   integer, parameter :: n_class = 8, first_land = 2, last_land = 7

   !> Land use of one domain. Keep it with the TARGET attribute: its arrays are lent to lsbc.
   type :: t_lsbc
      type(lsbc_handle) :: handle
      !> Fractions of the whole cell [1], (nproma, nblks_c, state); filled by the host
      real(wp), allocatable :: state(:, :, :)
      !> What every year fills: leaf area index of the vegetated area [m2 m-2] and area fraction under leaves [1],
      !> (nproma, month, nblks_c), and class fractions [1], (nproma, class, nblks_c)
      real(wp), allocatable :: leaf_area(:, :, :), cover(:, :, :), class_frac(:, :, :)
   end type t_lsbc

contains

   !> Start lsbc on the ranks of a domain. Collective over `p_patch%comm`.
   subroutine lsbc_icon_start(self, config, p_patch, ierr, text, restart)
      type(t_lsbc), target, intent(inout) :: self
      !> Path of lsbc's configuration
      character(len=*), intent(in) :: config
      type(t_patch), intent(in) :: p_patch
      !> `lsbc_ok` or an `lsbc_err_*` code, the same on all ranks
      integer, intent(out) :: ierr
      !> What went wrong, for `finish`
      character(len=*), intent(inout) :: text
      !> Restart file of lsbc, where ICON resumes a run
      character(len=*), intent(in), optional :: restart
      integer :: k, nproma

      nproma = size(p_patch%cells%center, 1)
      allocate (self%state(nproma, p_patch%nblks_c, size(lsbc_state_name)))
      allocate (self%leaf_area(nproma, 12, p_patch%nblks_c), self%cover(nproma, 12, p_patch%nblks_c))
      allocate (self%class_frac(nproma, n_class, p_patch%nblks_c))
      self%state = 0.0_wp
      self%leaf_area = no_data
      self%cover = no_data
      self%class_frac = no_data
      call lsbc_create(config, p_patch%comm, self%handle, ierr)
      if (ierr == lsbc_ok) call set_cells(self, p_patch, ierr)
      do k = 1, size(lsbc_state_name)
         if (ierr == lsbc_ok) call lsbc_set_field(self%handle, lsbc_state_name(k), self%state(:, :, k), ierr, &
            npromz=p_patch%npromz_c)
      end do
      if (ierr == lsbc_ok) call lsbc_set_field(self%handle, 'leaf_area_index', self%leaf_area, ierr, npromz=p_patch%npromz_c)
      if (ierr == lsbc_ok) call lsbc_set_field(self%handle, 'vegetation_area_fraction', self%cover, ierr, &
         npromz=p_patch%npromz_c)
      if (ierr == lsbc_ok) call lsbc_set_field(self%handle, 'lu_frac', self%class_frac, ierr, npromz=p_patch%npromz_c)
      if (ierr == lsbc_ok .and. present(restart)) call lsbc_read_restart(self%handle, restart, ierr)
      if (ierr /= lsbc_ok) call lsbc_last_error(self%handle, text)
   end subroutine lsbc_icon_start

   !> All cells of this rank, own and halo, as ICON holds them: triangles, in radians.
   subroutine set_cells(self, p_patch, ierr)
      type(t_lsbc), intent(in) :: self
      type(t_patch), intent(in) :: p_patch
      integer, intent(out) :: ierr
      integer(c_int64_t), allocatable :: global_id(:, :)
      integer(c_int32_t), allocatable :: owned(:, :)
      real(wp), allocatable :: lon(:, :), lat(:, :), vertex_lon(:, :, :), vertex_lat(:, :, :)
      integer :: jb, jc, jv, nproma

      nproma = size(p_patch%cells%center, 1)
      allocate (global_id(nproma, p_patch%nblks_c), owned(nproma, p_patch%nblks_c), lon(nproma, p_patch%nblks_c))
      allocate (lat(nproma, p_patch%nblks_c), vertex_lon(3, nproma, p_patch%nblks_c), vertex_lat(3, nproma, p_patch%nblks_c))
      do jb = 1, p_patch%nblks_c
         do jc = 1, merge(p_patch%npromz_c, nproma, jb == p_patch%nblks_c)
            global_id(jc, jb) = p_patch%cells%decomp_info%glb_index((jb - 1)*nproma + jc)
            owned(jc, jb) = merge(1_c_int32_t, 0_c_int32_t, p_patch%cells%decomp_info%decomp_domain(jc, jb) == 0)
            lon(jc, jb) = p_patch%cells%center(jc, jb)%lon*rad2deg
            lat(jc, jb) = p_patch%cells%center(jc, jb)%lat*rad2deg
            do jv = 1, 3
               associate (vertex => p_patch%verts%vertex(p_patch%cells%vertex_idx(jc, jb, jv), &
                  p_patch%cells%vertex_blk(jc, jb, jv)))
                  vertex_lon(jv, jc, jb) = vertex%lon*rad2deg
                  vertex_lat(jv, jc, jb) = vertex%lat*rad2deg
               end associate
            end do
         end do
      end do
      call lsbc_set_grid(self%handle, global_id, lon, lat, vertex_lon, vertex_lat, owned, ierr, npromz=p_patch%npromz_c)
   end subroutine set_cells

   !> Bring the land use to `year` and put its parameters into ICON's. Collective; the same year again only puts them there.
   subroutine lsbc_icon_update(self, year, p_patch, ext_data, ierr, text)
      type(t_lsbc), target, intent(in) :: self
      !> Calendar year
      integer, intent(in) :: year
      type(t_patch), intent(in) :: p_patch
      type(t_external_data), intent(inout) :: ext_data
      integer, intent(out) :: ierr
      character(len=*), intent(inout) :: text

      call lsbc_step_year(self%handle, year, ierr)
      if (ierr == lsbc_ok) call put_largest_month(self, ext_data%atm%lai_mx, ext_data%atm%plcov_mx)
      call put(self, 'root_depth', p_patch%npromz_c, ext_data%atm%rootdp, ierr)
      call put(self, 'z0m', p_patch%npromz_c, ext_data%atm%z0, ierr)
      call put(self, 'emissivity', p_patch%npromz_c, ext_data%atm%emis_rad, ierr)
      if (ierr /= lsbc_ok) call lsbc_last_error(self%handle, text)
   end subroutine lsbc_icon_update

   !> The largest month of leaf area and cover into ICON's, but where lsbc has no data or no land: there ICON's own values stay.
   subroutine put_largest_month(self, leaf_area, cover)
      type(t_lsbc), intent(in) :: self
      real(wp), intent(inout) :: leaf_area(:, :), cover(:, :)
      real(wp), allocatable :: land(:, :)

      allocate (land, source=sum(self%class_frac(:, first_land:last_land, :), dim=2))
      where (land > 0.0_wp)
         leaf_area = maxval(self%leaf_area, dim=2)
         cover = min(maxval(self%cover, dim=2)/land, 1.0_wp)
      end where
   end subroutine put_largest_month

   !> One field into ICON's, but where lsbc has no data (uncovered_cells = "fill"): there ICON's own value stays.
   subroutine put(self, name, npromz, field, ierr)
      type(t_lsbc), intent(in) :: self
      character(len=*), intent(in) :: name
      integer, intent(in) :: npromz
      real(wp), intent(inout) :: field(:, :)
      integer, intent(inout) :: ierr
      real(wp), allocatable :: made(:, :)

      if (ierr /= lsbc_ok) return
      allocate (made(size(field, 1), size(field, 2)))
      made = no_data
      call lsbc_get_field(self%handle, name, made, ierr, npromz=npromz)
      if (ierr == lsbc_ok) where (made > no_data) field = made
   end subroutine put

   !> Write lsbc's state beside ICON's restart. Collective.
   subroutine lsbc_icon_write_restart(self, path, ierr, text)
      type(t_lsbc), intent(in) :: self
      character(len=*), intent(in) :: path
      integer, intent(out) :: ierr
      character(len=*), intent(inout) :: text

      call lsbc_write_restart(self%handle, path, ierr)
      if (ierr /= lsbc_ok) call lsbc_last_error(self%handle, text)
   end subroutine lsbc_icon_write_restart

   !> Before ICON ends MPI. Collective.
   subroutine lsbc_icon_end(self, ierr)
      type(t_lsbc), intent(in) :: self
      integer, intent(out) :: ierr

      call lsbc_destroy(self%handle, ierr)
   end subroutine lsbc_icon_end

end module mo_lsbc
