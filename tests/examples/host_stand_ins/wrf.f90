!> Stands for the module of WRF that examples/wrf/module_lsbc.f90 uses: its names, members and shapes.
module module_domain
   implicit none
   type :: domain
      !> Domain, memory and patch ranges as get_ijk_from_grid gives them
      integer :: range(18)
      real, pointer :: xlat(:, :), xlong(:, :), albbck(:, :), lai(:, :), z0(:, :), embck(:, :), vegfra(:, :), shdmax(:, :), &
         shdmin(:, :), landmask(:, :)
      integer, pointer :: ivgtyp(:, :)
      integer :: landuse_isice
   end type domain

contains

   subroutine get_ijk_from_grid(grid, ids, ide, jds, jde, kds, kde, ims, ime, jms, jme, kms, kme, ips, ipe, jps, jpe, kps, kpe)
      type(domain), intent(in) :: grid
      integer, intent(out) :: ids, ide, jds, jde, kds, kde, ims, ime, jms, jme, kms, kme, ips, ipe, jps, jpe, kps, kpe
      ids = grid%range(1); ide = grid%range(2); jds = grid%range(3); jde = grid%range(4); kds = grid%range(5); kde = grid%range(6)
      ims = grid%range(7); ime = grid%range(8); jms = grid%range(9); jme = grid%range(10); kms = grid%range(11)
      kme = grid%range(12)
      ips = grid%range(13); ipe = grid%range(14); jps = grid%range(15); jpe = grid%range(16); kps = grid%range(17)
      kpe = grid%range(18)
   end subroutine get_ijk_from_grid

end module module_domain
