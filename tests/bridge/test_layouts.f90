!> Arrays as hosts hold them: blocks with npromz, patches with a halo, sections, levels, addresses. The component is the fake one,
!> whose urban_frac is urban + year and whose level k of lu_frac is urban * k.
program test_layouts
   use, intrinsic :: iso_c_binding, only: c_double, c_float, c_int, c_int32_t, c_int64_t, c_loc
   use, intrinsic :: iso_fortran_env, only: error_unit, output_unit
   use lsbc
   implicit none

   integer, parameter :: n_cell = 11, nproma = 4, n_block = 3, npromz = 3
   real(c_double), parameter :: outside = -1.0_c_double
   type(lsbc_handle) :: blocked, patch
   integer(c_int) :: ierr
   integer :: n_failed = 0
   character(len=lsbc_text_length) :: text

   call make(blocked)
   call blocks_of_icon()
   call levels_of_icon()
   call lent_outputs()
   call addresses()
   call impossible_blocks()
   call lsbc_destroy(blocked, ierr)
   call blocks_without_cells()
   call make(patch)
   call patches_of_wrf()
   call lsbc_destroy(patch, ierr)
   call check(ierr == lsbc_ok, 'destroy')
   if (n_failed > 0) stop 1
   write (output_unit, '(a)') 'layouts: all true'

contains

   !> Count what is not true.
   subroutine check(condition, sentence)
      logical, intent(in) :: condition
      character(len=*), intent(in) :: sentence
      if (condition) return
      n_failed = n_failed + 1
      call lsbc_last_error(blocked, text)
      write (error_unit, '(3a, i0, 2a)') 'not true: ', sentence, ' (ierr ', ierr, ') ', trim(text)
   end subroutine check

   subroutine make(handle)
      type(lsbc_handle), intent(out) :: handle
      call lsbc_create('ok.toml', int(lsbc_comm_serial), handle, ierr)
      call check(ierr == lsbc_ok, 'create')
   end subroutine make

   !> Value of cell k, exact in both precisions.
   pure function value(k) result(v)
      integer, intent(in) :: k
      real(c_double) :: v
      v = real(k, c_double)/64
   end function value

   !> Cell of a place in a block; 0 behind the last one.
   pure function cell(jc, jb) result(k)
      integer, intent(in) :: jc, jb
      integer :: k
      k = (jb - 1)*nproma + jc
      if (k > n_cell) k = 0
   end function cell

   !> The grid in a patch or in blocks: squares side by side.
   subroutine set_squares(handle, n_i, n_j, n_last)
      type(lsbc_handle), intent(in) :: handle
      integer, intent(in) :: n_i, n_j
      integer, intent(in), optional :: n_last
      integer(c_int64_t) :: id(n_i, n_j)
      integer(c_int32_t) :: owned(n_i, n_j)
      real(c_double) :: lon(n_i, n_j), lat(n_i, n_j), vertex_lon(4, n_i, n_j), vertex_lat(4, n_i, n_j)
      integer :: i, j
      owned = 1
      do j = 1, n_j
         do i = 1, n_i
            id(i, j) = i + (j - 1)*n_i
            lon(i, j) = 10.0_c_double + i + (j - 1)*n_i
            lat(i, j) = 48.0_c_double
            vertex_lon(:, i, j) = lon(i, j) + [-0.5_c_double, 0.5_c_double, 0.5_c_double, -0.5_c_double]
            vertex_lat(:, i, j) = lat(i, j) + [-0.5_c_double, -0.5_c_double, 0.5_c_double, 0.5_c_double]
         end do
      end do
      if (present(n_last)) then
         vertex_lon(:, n_last + 1:, n_j) = huge(1.0_c_double)
         call lsbc_set_grid(handle, id, lon, lat, vertex_lon, vertex_lat(:, :, :n_j - 1), owned, ierr, npromz=n_last)
         call check(ierr == lsbc_err_grid, 'arrays of different size are an error of the grid')
         call lsbc_set_grid(handle, id, lon, lat, vertex_lon, vertex_lat, owned, ierr, npromz=n_i + 1)
         call check(ierr == lsbc_err_grid, 'more cells in the last block than a block holds')
         call lsbc_set_grid(handle, id, lon, lat, vertex_lon, vertex_lat, owned, ierr, npromz=n_last)
      else
         call lsbc_set_grid(handle, id, lon, lat, vertex_lon, vertex_lat, owned, ierr)
      end if
      call check(ierr == lsbc_ok, 'set the grid')
   end subroutine set_squares

   subroutine blocks_of_icon()
      real(c_double), target :: urban(nproma, n_block), urban_3d(nproma, 5, n_block)
      real(c_float), target :: urban_single(nproma, n_block)
      real(c_double) :: result(nproma, n_block)
      real(c_float) :: result_single(nproma, n_block)
      integer :: jc, jb
      call set_squares(blocked, nproma, n_block, npromz)
      urban = outside
      call lsbc_set_field(blocked, 'urban', urban, ierr, npromz=npromz)
      call check(ierr == lsbc_ok, 'lend blocks')
      do jb = 1, n_block
         do jc = 1, nproma
            if (cell(jc, jb) > 0) urban(jc, jb) = value(cell(jc, jb))
         end do
      end do
      call lsbc_step_year(blocked, 2019, ierr)
      call check(ierr == lsbc_ok, 'step')
      result = outside
      call lsbc_get_field(blocked, 'urban_frac', result, ierr, npromz=npromz)
      call check(ierr == lsbc_ok .and. all(abs(result(:, :2) - urban(:, :2) - 2019) < 1.0e-9_c_double) .and. &
         all(abs(result(:npromz, 3) - urban(:npromz, 3) - 2019) < 1.0e-9_c_double), 'blocks come back in their order')
      call check(abs(result(4, 3) - outside) < tiny(1.0_c_double), 'the place behind the last cell is untouched')

      urban_single = real(urban, c_float)
      call lsbc_set_field(blocked, 'urban', urban_single, ierr, npromz=npromz)
      call lsbc_step_year(blocked, 2020, ierr)
      result_single = 0.0_c_float
      call lsbc_get_field(blocked, 'urban_frac', result_single, ierr, npromz=npromz)
      call check(ierr == lsbc_ok .and. abs(result_single(3, 3) - 2020 - real(value(11), c_float)) < 1.0e-3_c_float .and. &
         abs(result_single(4, 3)) < tiny(1.0_c_float), 'blocks in single precision')

      urban_3d = huge(1.0_c_double)
      urban_3d(:, 2, :) = urban + 1
      call lsbc_set_field(blocked, 'urban', urban_3d(:, 2, :), ierr, npromz=npromz)
      call lsbc_step_year(blocked, 2021, ierr)
      call lsbc_get_field(blocked, 'urban_frac', result, ierr, npromz=npromz)
      call check(ierr == lsbc_ok .and. abs(result(3, 3) - 2022 - value(11)) < 1.0e-9_c_double, &
         'a level of a field of several, in place')
   end subroutine blocks_of_icon

   subroutine levels_of_icon()
      real(c_double) :: levels(nproma, 3, n_block), rows(n_cell, 3), first(3, n_cell)
      real(c_float) :: levels_single(nproma, 3, n_block)
      levels = outside
      call lsbc_get_field(blocked, 'lu_frac', levels, ierr, npromz=npromz)
      call check(ierr == lsbc_ok .and. abs(levels(3, 3, 3) - 3*(1 + value(11))) < 1.0e-9_c_double .and. &
         abs(levels(1, 2, 2) - 2*(1 + value(5))) < 1.0e-9_c_double .and. all(levels(4, :, 3) < 0), 'levels between place and block')
      call lsbc_get_field(blocked, 'lu_frac', rows, ierr)
      call check(ierr == lsbc_ok .and. abs(rows(11, 3) - 3*(1 + value(11))) < 1.0e-9_c_double, 'levels behind cells')
      call lsbc_get_field(blocked, 'lu_frac', first, ierr, level_dim=1)
      call check(ierr == lsbc_ok .and. all(abs(first - transpose(rows)) < tiny(1.0_c_double)), 'levels in front, as the host says')
      call lsbc_get_field(blocked, 'lu_frac', levels_single, ierr, npromz=npromz)
      call check(ierr == lsbc_ok .and. abs(levels_single(3, 1, 3) - real(1 + value(11), c_float)) < 1.0e-6_c_float, &
         'levels in single precision')
   end subroutine levels_of_icon

   !> Lent once, filled by every year.
   subroutine lent_outputs()
      real(c_double), target, asynchronous :: frac(nproma, n_block), urban(n_cell)
      real(c_float), target, asynchronous :: levels(nproma, 3, n_block)
      frac = outside
      levels = -1.0_c_float
      urban = 0.25_c_double
      call lsbc_set_field(blocked, 'urban', urban, ierr)
      call lsbc_set_field(blocked, 'urban_frac', frac, ierr, npromz=npromz)
      call check(ierr == lsbc_ok, 'lend an output')
      call lsbc_set_field(blocked, 'lu_frac', levels, ierr, npromz=npromz)
      call check(ierr == lsbc_ok .and. all(frac < 0), 'lend an output of several levels; nothing is filled yet')
      call lsbc_step_year(blocked, 2022, ierr)
      call check(ierr == lsbc_ok .and. abs(frac(3, 3) - 2022.25_c_double) < 1.0e-9_c_double .and. frac(4, 3) < 0, &
         'the year fills it')
      call check(abs(levels(3, 3, 3) - 0.75_c_float) < 1.0e-6_c_float .and. levels(4, 3, 3) < 0, 'and its levels')
      call lsbc_step_year(blocked, 2030, ierr)
      call check(ierr == lsbc_err_year .and. abs(frac(3, 3) - 2022.25_c_double) < 1.0e-9_c_double, 'a year that fails leaves it')
   end subroutine lent_outputs

   subroutine addresses()
      real(c_double), target :: urban(n_cell), result(nproma, n_block)
      urban = 0.5_c_double
      result = outside
      call lsbc_set_field(blocked, 'urban', c_loc(urban), lsbc_real64, [n_cell], ierr)
      call check(ierr == lsbc_ok, 'lend an address')
      call lsbc_step_year(blocked, 2023, ierr)
      call lsbc_get_field(blocked, 'urban_frac', c_loc(result), lsbc_real64, [nproma, n_block], ierr, npromz=npromz, &
         memory=lsbc_memory_host)
      call check(ierr == lsbc_ok .and. abs(result(3, 3) - 2023.5_c_double) < 1.0e-9_c_double .and. result(4, 3) < 0, &
         'fill an address')
      call lsbc_get_field(blocked, 'urban_frac', c_loc(result), lsbc_real64, [1, 1, 1, 1], ierr)
      call check(ierr == lsbc_err_field, 'four dimensions are refused')
   end subroutine addresses

   subroutine impossible_blocks()
      real(c_double), target :: urban(nproma, n_block)
      urban = 0.0_c_double
      call lsbc_set_field(blocked, 'urban', urban, ierr)
      call check(ierr == lsbc_err_field, 'blocks without npromz hold too many cells')
      call lsbc_last_error(blocked, text)
      call check(index(text, '12 cells; the grid has 11') > 0, 'the text counts them')
      call lsbc_set_field(blocked, 'urban', urban, ierr, npromz=0)
      call check(ierr == lsbc_err_field, 'two blocks hold too few cells')
      call lsbc_last_error(blocked, text)
      call check(index(text, '8 cells') > 0 .and. index(text, 'the grid has 11') > 0, 'the text counts these, too')
      call lsbc_set_field(blocked, 'urban', urban, ierr, npromz=5)
      call check(ierr == lsbc_err_field, 'more cells in the last block than a block holds')
   end subroutine impossible_blocks

   !> A host without cells on this rank has one block, of which npromz = 0 cells are used.
   subroutine blocks_without_cells()
      type(lsbc_handle) :: empty
      real(c_double), target :: urban(nproma, 1), first(3, nproma, 1), levels(nproma, 3, 1), last(nproma, 1, 3)
      urban = outside
      first = outside
      levels = outside
      last = outside
      call make(empty)
      call set_squares(empty, nproma, 1, 0)
      call lsbc_set_field(empty, 'urban', urban, ierr, npromz=0)
      call check(ierr == lsbc_ok, 'lend a block without cells')
      call lsbc_set_field(empty, 'lu_frac', levels, ierr, npromz=0)
      call check(ierr == lsbc_ok, 'lend levels without cells')
      call lsbc_step_year(empty, 2019, ierr)
      call check(ierr == lsbc_ok, 'step without cells')
      call lsbc_get_field(empty, 'lu_frac', first, ierr, npromz=0, level_dim=1)
      call check(ierr == lsbc_ok, 'get levels first without cells')
      call lsbc_get_field(empty, 'lu_frac', last, ierr, npromz=0, level_dim=3)
      call check(ierr == lsbc_ok, 'get levels last without cells')
      call check(all(abs([urban, [first], [levels], [last]] - outside) < tiny(1.0_c_double)), 'nothing is written')
      call lsbc_set_field(empty, 'urban', urban(:, 1), ierr, npromz=0)
      call check(ierr == lsbc_err_field, 'npromz without blocks is refused')
      call lsbc_destroy(empty, ierr)
   end subroutine blocks_without_cells

   !> Memory (-1:8, 0:6), the tile is (2:6, 2:4).
   subroutine patches_of_wrf()
      real(c_float), target :: urban(-1:8, 0:6), levels(-1:8, 3, 0:6)
      real(c_double) :: result(-1:8, 0:6), layers(-1:8, 0:6, 3)
      integer :: i, j
      call set_squares(patch, 5, 3)
      urban = huge(1.0_c_float)
      call lsbc_set_field(patch, 'urban', urban(2:6, 2:4), ierr)
      call check(ierr == lsbc_ok, 'lend the tile of a patch')
      do j = 2, 4
         do i = 2, 6
            urban(i, j) = real(value(i - 1 + (j - 2)*5), c_float)
         end do
      end do
      call lsbc_step_year(patch, 2019, ierr)
      call check(ierr == lsbc_ok, 'step a patch')
      result = outside
      call lsbc_get_field(patch, 'urban_frac', result(2:6, 2:4), ierr)
      call check(ierr == lsbc_ok .and. all(abs(result(2:6, 2:4) - 2019 - urban(2:6, 2:4)) < 1.0e-9_c_double), 'a patch comes back')
      call check(count(result < 0) == size(result) - 15, 'the halo is untouched')
      layers = outside
      call lsbc_get_field(patch, 'lu_frac', layers(2:6, 2:4, :), ierr)
      call check(ierr == lsbc_ok .and. abs(layers(6, 4, 3) - 3*value(15)) < 1.0e-9_c_double .and. &
         count(layers < 0) == size(layers) - 45, 'levels behind the patch')
      levels = -1.0_c_float
      call lsbc_get_field(patch, 'lu_frac', levels(2:6, :, 2:4), ierr, level_dim=2)
      call check(ierr == lsbc_ok .and. abs(levels(6, 3, 4) - real(3*value(15), c_float)) < 1.0e-6_c_float .and. &
         count(levels < 0) == size(levels) - 45, 'levels in the middle of the patch, as WRF keeps them')
   end subroutine patches_of_wrf

end program test_layouts
