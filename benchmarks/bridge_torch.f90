!> The same model called by FTorch, for bridge_calls.f90: as FTorch's documentation shows it, and with tensors made once.
!>
!> Needs an installed FTorch. Without one, bridge_without_torch.f90 takes the place of this file.
module direct_torch
   use, intrinsic :: iso_c_binding, only: c_float
   use ftorch, only: torch_delete, torch_kCPU, torch_model, torch_model_forward, torch_model_load, torch_tensor, &
      torch_tensor_from_array
   implicit none
   private

   public :: has_torch, torch_start, torch_wrapped, torch_kept, torch_end

   logical, parameter :: has_torch = .true.
   type(torch_model) :: wrapped_model, kept_model
   type(torch_tensor) :: kept_input(1), kept_output(1)

contains

   !> Load the model, once for each way, and wrap the arrays that `torch_kept` will use.
   subroutine torch_start(file, x, y)
      !> TorchScript file
      character(len=*), intent(in) :: file
      !> Input, shape (n_cell, n_channel)
      real(c_float), target, contiguous, intent(in) :: x(:, :)
      !> Output, shape (n_cell, n_level)
      real(c_float), target, contiguous, intent(in) :: y(:, :)
      call torch_model_load(wrapped_model, file, torch_kCPU)
      call torch_model_load(kept_model, file, torch_kCPU)
      call wrap(kept_input(1), x)
      call wrap(kept_output(1), y)
   end subroutine torch_start

   !> Wrap, forward, delete.
   subroutine torch_wrapped(x, y)
      !> Input, shape (n_cell, n_channel)
      real(c_float), target, contiguous, intent(in) :: x(:, :)
      !> Output, shape (n_cell, n_level), filled
      real(c_float), target, contiguous, intent(in) :: y(:, :)
      type(torch_tensor) :: input(1), output(1)
      call wrap(input(1), x)
      call wrap(output(1), y)
      call torch_model_forward(wrapped_model, input, output)
      call torch_delete(input)
      call torch_delete(output)
   end subroutine torch_wrapped

   subroutine torch_kept()
      call torch_model_forward(kept_model, kept_input, kept_output)
   end subroutine torch_kept

   subroutine torch_end()
      call torch_delete(kept_input)
      call torch_delete(kept_output)
      call torch_delete(wrapped_model)
      call torch_delete(kept_model)
   end subroutine torch_end

   !> One column as it is; several as (1, channel, row, column) of a square, the layout that the network was traced with.
   subroutine wrap(tensor, values)
      !> Tensor on the memory of `values`
      type(torch_tensor), intent(out) :: tensor
      !> Values, shape (n_cell, n_channel)
      real(c_float), target, contiguous, intent(in) :: values(:, :)
      real(c_float), pointer, contiguous :: column(:), square(:, :, :, :)
      integer :: side
      if (size(values, 2) == 1) then
         column => values(:, 1)
         call torch_tensor_from_array(tensor, column, torch_kCPU)
      else
         side = nint(sqrt(real(size(values, 1))))
         square(1:1, 1:size(values, 2), 1:side, 1:side) => values
         call torch_tensor_from_array(tensor, square, [4, 3, 2, 1], torch_kCPU)
      end if
   end subroutine wrap

end module direct_torch
