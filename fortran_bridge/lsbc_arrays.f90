!> Arrays of the host as lsbc_array_t of lsbc.h describes them: addresses, extents and steps. No value is touched, so that an
!> array may lie on a device. Used by module lsbc alone; hosts use that one.
module lsbc_arrays
   use, intrinsic :: iso_c_binding, only: c_double, c_float, c_int32_t, c_int64_t, c_intptr_t, c_loc, c_null_ptr, c_ptr
   use lsbc_c, only: c_array
   implicit none
   private

   public :: by_address, described, with_layout

   !> Bytes of a value
   integer(c_int32_t), parameter :: real32_bytes = 4, real64_bytes = 8

   !> The description of an array of any shape and with any gaps
   interface described
      module procedure described_real64_1d
      module procedure described_real64_2d
      module procedure described_real64_3d
      module procedure described_real32_1d
      module procedure described_real32_2d
      module procedure described_real32_3d
   end interface described

contains

   function described_real64_1d(values) result(array)
      real(c_double), target, intent(in) :: values(:)
      type(c_array) :: array
      type(c_ptr) :: at(0:1)
      at = c_null_ptr
      if (size(values) > 0) then
         at(0) = c_loc(values(1))
         if (size(values, 1) > 1) at(1) = c_loc(values(2))
      end if
      array = by_steps(real64_bytes, shape(values), at)
   end function described_real64_1d

   function described_real64_2d(values) result(array)
      real(c_double), target, intent(in) :: values(:, :)
      type(c_array) :: array
      type(c_ptr) :: at(0:2)
      at = c_null_ptr
      if (size(values) > 0) then
         at(0) = c_loc(values(1, 1))
         if (size(values, 1) > 1) at(1) = c_loc(values(2, 1))
         if (size(values, 2) > 1) at(2) = c_loc(values(1, 2))
      end if
      array = by_steps(real64_bytes, shape(values), at)
   end function described_real64_2d

   function described_real64_3d(values) result(array)
      real(c_double), target, intent(in) :: values(:, :, :)
      type(c_array) :: array
      type(c_ptr) :: at(0:3)
      at = c_null_ptr
      if (size(values) > 0) then
         at(0) = c_loc(values(1, 1, 1))
         if (size(values, 1) > 1) at(1) = c_loc(values(2, 1, 1))
         if (size(values, 2) > 1) at(2) = c_loc(values(1, 2, 1))
         if (size(values, 3) > 1) at(3) = c_loc(values(1, 1, 2))
      end if
      array = by_steps(real64_bytes, shape(values), at)
   end function described_real64_3d

   function described_real32_1d(values) result(array)
      real(c_float), target, intent(in) :: values(:)
      type(c_array) :: array
      type(c_ptr) :: at(0:1)
      at = c_null_ptr
      if (size(values) > 0) then
         at(0) = c_loc(values(1))
         if (size(values, 1) > 1) at(1) = c_loc(values(2))
      end if
      array = by_steps(real32_bytes, shape(values), at)
   end function described_real32_1d

   function described_real32_2d(values) result(array)
      real(c_float), target, intent(in) :: values(:, :)
      type(c_array) :: array
      type(c_ptr) :: at(0:2)
      at = c_null_ptr
      if (size(values) > 0) then
         at(0) = c_loc(values(1, 1))
         if (size(values, 1) > 1) at(1) = c_loc(values(2, 1))
         if (size(values, 2) > 1) at(2) = c_loc(values(1, 2))
      end if
      array = by_steps(real32_bytes, shape(values), at)
   end function described_real32_2d

   function described_real32_3d(values) result(array)
      real(c_float), target, intent(in) :: values(:, :, :)
      type(c_array) :: array
      type(c_ptr) :: at(0:3)
      at = c_null_ptr
      if (size(values) > 0) then
         at(0) = c_loc(values(1, 1, 1))
         if (size(values, 1) > 1) at(1) = c_loc(values(2, 1, 1))
         if (size(values, 2) > 1) at(2) = c_loc(values(1, 2, 1))
         if (size(values, 3) > 1) at(3) = c_loc(values(1, 1, 2))
      end if
      array = by_steps(real32_bytes, shape(values), at)
   end function described_real32_3d

   !> The description of an array from the addresses of its first value and of the next one along each dimension.
   function by_steps(item_bytes, extent, at) result(array)
      !> Bytes of a value
      integer(c_int32_t), intent(in) :: item_bytes
      !> Values along each dimension
      integer, intent(in) :: extent(:)
      !> Address of the first value, and of its neighbour along each dimension that has one
      type(c_ptr), intent(in) :: at(0:)
      type(c_array) :: array
      integer(c_intptr_t) :: first
      integer :: k
      array = by_address(at(0), item_bytes, extent)
      first = transfer(at(0), first)
      do k = 1, size(extent)
         array%stride_bytes(k) = transfer(at(k), first) - first
         ! along a dimension of one value any stride will do, but 0 would stand for an array without gaps
         if (extent(k) <= 1) array%stride_bytes(k) = item_bytes
      end do
   end function by_steps

   !> The description of an array without gaps.
   function by_address(address, item_bytes, extent, memory) result(array)
      !> Address of the first value
      type(c_ptr), intent(in) :: address
      !> Bytes of a value
      integer(c_int32_t), intent(in) :: item_bytes
      !> Values along each dimension; more than three are left to lsbc to refuse
      integer, intent(in) :: extent(:)
      !> Where it lies
      integer(c_int32_t), intent(in), optional :: memory
      type(c_array) :: array
      array%address = address
      array%item_bytes = item_bytes
      array%n_dim = size(extent, kind=c_int32_t)
      array%extent(1:min(3, size(extent))) = extent(1:min(3, size(extent)))
      if (present(memory)) array%memory = memory
   end function by_address

   !> The same description with what the host says of its layout.
   function with_layout(plain, npromz, level_dim, stream) result(array)
      !> The array
      type(c_array), intent(in) :: plain
      !> Cells in the last block
      integer, intent(in), optional :: npromz
      !> Dimension of the levels
      integer, intent(in), optional :: level_dim
      !> CUDA stream
      integer(c_intptr_t), intent(in), optional :: stream
      type(c_array) :: array
      array = plain
      if (present(level_dim)) array%level_dim = level_dim
      if (present(npromz)) then
         array%npromz = npromz
         if (npromz == 0) array = without_last_block(array)
      end if
      if (present(stream)) array%stream = transfer(stream, array%stream)
   end function with_layout

   !> The description of blocks the last of which holds no cells, as of a rank without cells: an npromz of 0 means no blocks.
   function without_last_block(blocks) result(array)
      !> (nproma, n_block), or with levels one dimension more
      type(c_array), intent(in) :: blocks
      type(c_array) :: array
      integer :: block_dim
      array = blocks
      array%npromz = -1 ! refused
      if (array%n_dim /= 3 .and. (array%n_dim /= 2 .or. array%level_dim /= 0)) return
      block_dim = merge(2, array%n_dim, array%n_dim == 2 .or. array%level_dim == 3)
      array%extent(block_dim) = max(0_c_int64_t, array%extent(block_dim) - 1)
      array%npromz = array%extent(merge(2, 1, array%level_dim == 1))
   end function without_last_block

end module lsbc_arrays
