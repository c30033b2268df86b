!> A host with 4 million cells and little stack: nothing of theirs is ever put there. The component is host_component.py.
program test_stack
   use, intrinsic :: iso_c_binding, only: c_double, c_int, c_int32_t, c_int64_t
   use, intrinsic :: iso_fortran_env, only: error_unit
   use lsbc
   implicit none

   integer, parameter :: n_cell = 4000000, n_vertex = 3
   type(lsbc_handle) :: handle
   integer(c_int) :: ierr
   integer(c_int64_t) :: i
   real(c_double), allocatable, target :: urban(:), every_second(:, :)
   real(c_double), allocatable :: levels(:, :)

   call lsbc_create('ok.toml', int(lsbc_comm_serial), handle, ierr)
   call check('create')
   call set_grid()
   allocate (urban(n_cell), every_second(2, n_cell), levels(n_cell, 3))
   urban = [(real(i, c_double)/n_cell, i=1, n_cell)]
   call lsbc_set_field(handle, 'urban', urban, ierr)
   call check('set_field')
   call lsbc_step_year(handle, 2019, ierr)
   call check('step_year')
   every_second = -1.0_c_double
   call lsbc_get_field(handle, 'urban_frac', every_second(2, :), ierr)
   call check('get_field of a section')
   if (any(abs(every_second(2, :) - urban - 2019) > 1.0e-9_c_double) .or. any(every_second(1, :) > 0.0_c_double)) ierr = -1
   call check('values of the section')
   call lsbc_get_field(handle, 'lu_frac', levels, ierr)
   call check('get_field of levels')
   if (any(abs(levels(:, 3) - 3*urban) > 1.0e-12_c_double)) ierr = -1
   call check('values of the levels')
   call lsbc_destroy(handle, ierr)
   call check('destroy')

contains

   !> Stop with the text of the failure.
   subroutine check(what)
      !> What must have been done
      character(len=*), intent(in) :: what
      character(len=lsbc_text_length) :: text
      if (ierr == lsbc_ok) return
      call lsbc_last_error(handle, text)
      write (error_unit, '(3a)') what, ': ', trim(text)
      stop 1
   end subroutine check

   subroutine set_grid()
      integer(c_int64_t), allocatable :: global_id(:)
      integer(c_int32_t), allocatable :: owned(:)
      real(c_double), allocatable :: place(:), vertex(:, :)
      allocate (global_id(n_cell), owned(n_cell), place(n_cell), vertex(n_vertex, n_cell))
      do i = 1, n_cell
         global_id(i) = i
      end do
      owned = 1
      place = 1.0_c_double
      vertex = 1.0_c_double
      call lsbc_set_grid(handle, global_id, place, place, vertex, vertex, owned, ierr)
      call check('set_grid')
   end subroutine set_grid

end program test_stack
