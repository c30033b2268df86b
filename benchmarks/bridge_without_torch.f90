!> In place of bridge_torch.f90 where FTorch is not installed: says so, and does nothing.
module direct_torch
   use, intrinsic :: iso_c_binding, only: c_float
   implicit none
   private

   public :: has_torch, torch_start, torch_wrapped, torch_kept, torch_end

   logical, parameter :: has_torch = .false.

contains

   subroutine torch_start(file, x, y)
      !> Not opened
      character(len=*), intent(in) :: file
      !> Not read
      real(c_float), target, contiguous, intent(in) :: x(:, :)
      !> Not filled
      real(c_float), target, contiguous, intent(in) :: y(:, :)
   end subroutine torch_start

   subroutine torch_wrapped(x, y)
      !> Not read
      real(c_float), target, contiguous, intent(in) :: x(:, :)
      !> Not filled
      real(c_float), target, contiguous, intent(in) :: y(:, :)
   end subroutine torch_wrapped

   subroutine torch_kept()
   end subroutine torch_kept

   subroutine torch_end()
   end subroutine torch_end

end module direct_torch
