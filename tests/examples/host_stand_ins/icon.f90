!> Stands for the modules of ICON that examples/icon/mo_lsbc.f90 uses: their names, members and shapes.
module mo_kind
   use, intrinsic :: iso_fortran_env, only: real64
   implicit none
   integer, parameter :: wp = real64
end module mo_kind

module mo_math_constants
   use mo_kind, only: wp
   implicit none
   real(wp), parameter :: rad2deg = 180.0_wp/3.14159265358979323846264338327950288_wp
end module mo_math_constants

module mo_model_domain
   use mo_kind, only: wp
   implicit none
   type :: t_geographical_coordinates
      real(wp) :: lon, lat
   end type t_geographical_coordinates
   type :: t_grid_domain_decomp_info
      integer, allocatable :: glb_index(:)
      integer, pointer :: decomp_domain(:, :)
   end type t_grid_domain_decomp_info
   type :: t_grid_cells
      integer, allocatable :: vertex_idx(:, :, :), vertex_blk(:, :, :)
      type(t_geographical_coordinates), allocatable :: center(:, :)
      type(t_grid_domain_decomp_info) :: decomp_info
   end type t_grid_cells
   type :: t_grid_vertices
      type(t_geographical_coordinates), allocatable :: vertex(:, :)
   end type t_grid_vertices
   type :: t_patch
      integer :: nblks_c, npromz_c, comm
      type(t_grid_cells) :: cells
      type(t_grid_vertices) :: verts
   end type t_patch
end module mo_model_domain

module mo_ext_data_types
   use mo_kind, only: wp
   implicit none
   type :: t_external_atmos
      real(wp), pointer :: lai_mx(:, :), plcov_mx(:, :), rootdp(:, :), z0(:, :), emis_rad(:, :)
   end type t_external_atmos
   type :: t_external_data
      type(t_external_atmos) :: atm
   end type t_external_data
end module mo_ext_data_types
