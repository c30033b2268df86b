!> The functions of lsbc_bmi.h as Fortran sees them, by what they give. For module lsbc_bmi alone; hosts use that one.
module lsbc_bmi_c
   use, intrinsic :: iso_c_binding, only: c_char, c_double, c_f_pointer, c_int, c_int32_t, c_int64_t, c_intptr_t, c_loc, &
      c_null_char, c_null_ptr, c_ptr
   implicit none
   private
   public :: ask_text, ask_texts, ask_integer, ask_integers, ask_real, ask_reals, ask_at_indices, ask_pointer, ask_time
   public :: ask_other_type
   public :: begin, finish, text_of_failure

   interface
      function c_initialize(config_file, handle) bind(c, name='lsbc_bmi_initialize') result(status)
         import :: c_char, c_int, c_int32_t
         implicit none
         character(kind=c_char), intent(in) :: config_file(*)
         integer(c_int32_t), intent(out) :: handle
         integer(c_int) :: status
      end function c_initialize

      function c_call(handle, function_name, name, grid, time, n_index, index, count, memory, kind) bind(c, name='lsbc_bmi_call') &
         result(status)
         import :: c_char, c_double, c_int, c_int32_t, c_int64_t, c_ptr
         implicit none
         integer(c_int32_t), value :: handle
         character(kind=c_char), intent(in) :: function_name(*)
         character(kind=c_char), intent(in) :: name(*)
         integer(c_int32_t), value :: grid
         real(c_double), value :: time
         integer(c_int64_t), value :: n_index
         integer(c_int32_t), intent(in) :: index(*)
         integer(c_int64_t), value :: count
         type(c_ptr), value :: memory
         character(kind=c_char), intent(in) :: kind(*)
         integer(c_int) :: status
      end function c_call

      function c_finalize(handle) bind(c, name='lsbc_bmi_finalize') result(status)
         import :: c_int, c_int32_t
         implicit none
         integer(c_int32_t), value :: handle
         integer(c_int) :: status
      end function c_finalize

      function c_last_error(handle, buffer, length) bind(c, name='lsbc_last_error') result(status)
         import :: c_char, c_int, c_int32_t
         implicit none
         integer(c_int32_t), value :: handle
         character(kind=c_char), intent(out) :: buffer(*)
         integer(c_int32_t), value :: length
         integer(c_int) :: status
      end function c_last_error
   end interface

   integer(c_int32_t), parameter :: no_index(0) = [integer(c_int32_t) ::]

contains

   !> Make an instance; its handle is 0 after a failure.
   function begin(config_file, handle) result(status)
      character(len=*), intent(in) :: config_file
      integer(c_int32_t), intent(out) :: handle
      integer :: status
      status = bmi_status(c_initialize(trim(config_file)//c_null_char, handle))
   end function begin

   !> End an instance; one that never was is no failure.
   function finish(handle) result(status)
      integer(c_int32_t), intent(inout) :: handle
      integer :: status
      status = 0
      if (handle /= 0) status = bmi_status(c_finalize(handle))
      handle = 0
   end function finish

   !> `update`, which does not look at the time, or `update_until`.
   function ask_time(handle, function_name, time) result(status)
      integer(c_int32_t), intent(in) :: handle
      character(len=*), intent(in) :: function_name
      double precision, intent(in) :: time
      integer :: status
      status = bmi_status(c_call(handle, function_name//c_null_char, c_null_char, 0_c_int32_t, real(time, c_double), 0_c_int64_t, &
         no_index, 0_c_int64_t, c_null_ptr, 'f8'//c_null_char))
   end function ask_time

   !> One text; blank after a failure.
   function ask_text(handle, function_name, name, grid, text) result(status)
      integer(c_int32_t), intent(in) :: handle
      character(len=*), intent(in) :: function_name
      character(len=*), intent(in) :: name
      integer, intent(in) :: grid
      character(len=*), intent(out) :: text
      integer :: status
      character(kind=c_char), target :: letters(len(text))
      type(c_ptr) :: memory
      integer :: k
      text = ''
      memory = c_loc(letters) ! inside the call, gfortran 12 passes on the length of a letter in place of that of 'S1'
      status = plain_call(handle, function_name, name, grid, size(letters, kind=c_int64_t), memory, 'S1')
      if (status /= 0) return
      do k = 1, len(text)
         text(k:k) = letters(k)
      end do
   end function ask_text

   !> Texts of the same length, as many as there are.
   function ask_texts(handle, function_name, texts) result(status)
      integer(c_int32_t), intent(in) :: handle
      character(len=*), intent(in) :: function_name
      character(len=*), intent(out) :: texts(:)
      integer :: status
      character(kind=c_char), allocatable, target :: letters(:, :)
      type(c_ptr) :: memory
      integer :: i, k
      allocate (letters(len(texts), size(texts)))
      memory = c_loc(letters)
      status = plain_call(handle, function_name, '', 0, size(letters, kind=c_int64_t), memory, 'S1')
      texts = ''
      if (status /= 0) return
      do i = 1, size(texts)
         do k = 1, len(texts)
            texts(i) (k:k) = letters(k, i)
         end do
      end do
   end function ask_texts

   !> One integer; -1 after a failure.
   function ask_integer(handle, function_name, name, grid, value) result(status)
      integer(c_int32_t), intent(in) :: handle
      character(len=*), intent(in) :: function_name
      character(len=*), intent(in) :: name
      integer, intent(in) :: grid
      integer, intent(out) :: value
      integer :: status
      integer(c_int32_t), target :: answer
      answer = -1
      status = plain_call(handle, function_name, name, grid, 1_c_int64_t, c_loc(answer), 'i4')
      value = int(answer)
   end function ask_integer

   !> Numbers of nodes or edges, or counts of them, of a grid.
   function ask_integers(handle, function_name, grid, values) result(status)
      integer(c_int32_t), intent(in) :: handle
      character(len=*), intent(in) :: function_name
      integer, intent(in) :: grid
      integer, intent(out) :: values(:)
      integer :: status
      integer(c_int32_t), allocatable, target :: answer(:)
      allocate (answer(size(values)), source=-1_c_int32_t)
      status = plain_call(handle, function_name, '', grid, size(answer, kind=c_int64_t), c_loc(answer), 'i4')
      values = int(answer)
   end function ask_integers

   !> One real; -1 after a failure.
   function ask_real(handle, function_name, value) result(status)
      integer(c_int32_t), intent(in) :: handle
      character(len=*), intent(in) :: function_name
      double precision, intent(out) :: value
      integer :: status
      real(c_double), target :: answer
      answer = -1.0
      status = plain_call(handle, function_name, '', 0, 1_c_int64_t, c_loc(answer), 'f8')
      value = answer
   end function ask_real

   !> Values of a variable or coordinates of a grid, in place; also what hands values over.
   function ask_reals(handle, function_name, name, grid, values) result(status)
      integer(c_int32_t), intent(in) :: handle
      character(len=*), intent(in) :: function_name
      character(len=*), intent(in) :: name
      integer, intent(in) :: grid
      double precision, contiguous, target, intent(inout) :: values(:)
      integer :: status
      status = plain_call(handle, function_name, name, grid, size(values, kind=c_int64_t), address_of(values), 'f8')
   end function ask_reals

   !> The same at positions that count from 1.
   function ask_at_indices(handle, function_name, name, inds, values) result(status)
      integer(c_int32_t), intent(in) :: handle
      character(len=*), intent(in) :: function_name
      character(len=*), intent(in) :: name
      integer, intent(in) :: inds(:)
      double precision, contiguous, target, intent(inout) :: values(:)
      integer :: status
      status = bmi_status(c_call(handle, function_name//c_null_char, trim(name)//c_null_char, 0_c_int32_t, 0.0_c_double, &
         size(inds, kind=c_int64_t), int(inds - 1, c_int32_t), size(values, kind=c_int64_t), address_of(values), &
         'f8'//c_null_char))
   end function ask_at_indices

   !> The array behind a variable; no array after a failure.
   function ask_pointer(handle, name, values) result(status)
      integer(c_int32_t), intent(in) :: handle
      character(len=*), intent(in) :: name
      double precision, pointer, intent(inout) :: values(:)
      integer :: status
      integer(c_int64_t), target :: found(2)
      nullify (values)
      status = plain_call(handle, 'get_value_ptr', name, 0, 2_c_int64_t, c_loc(found), 'i8')
      if (status == 0) call c_f_pointer(transfer(int(found(1), c_intptr_t), c_null_ptr), values, [found(2)])
   end function ask_pointer

   !> The failure of a procedure for a type that no variable has.
   function ask_other_type(handle, name) result(status)
      integer(c_int32_t), intent(in) :: handle
      character(len=*), intent(in) :: name
      integer :: status
      status = plain_call(handle, 'other_type', name, 0, 0_c_int64_t, c_null_ptr, 'f8')
   end function ask_other_type

   !> Text of the last failure.
   subroutine text_of_failure(handle, text)
      integer(c_int32_t), intent(in) :: handle
      character(len=*), intent(out) :: text
      character(kind=c_char) :: letters(2048)
      integer :: k
      text = ''
      if (c_last_error(handle, letters, size(letters, kind=c_int32_t)) /= 0) return
      do k = 1, min(len(text), size(letters))
         if (letters(k) == c_null_char) return
         text(k:k) = letters(k)
      end do
   end subroutine text_of_failure

   function plain_call(handle, function_name, name, grid, count, memory, kind) result(status)
      integer(c_int32_t), intent(in) :: handle
      character(len=*), intent(in) :: function_name
      character(len=*), intent(in) :: name
      integer, intent(in) :: grid
      integer(c_int64_t), intent(in) :: count
      type(c_ptr), intent(in) :: memory
      character(len=*), intent(in) :: kind
      integer :: status
      status = bmi_status(c_call(handle, function_name//c_null_char, trim(name)//c_null_char, int(grid, c_int32_t), &
         0.0_c_double, 0_c_int64_t, no_index, count, memory, kind//c_null_char))
   end function plain_call

   function address_of(values) result(address)
      double precision, contiguous, target, intent(in) :: values(:)
      type(c_ptr) :: address
      address = c_null_ptr
      if (size(values) > 0) address = c_loc(values)
   end function address_of

   !> BMI knows success (0) and failure (1); which failure it was, the text says.
   pure function bmi_status(status)
      integer(c_int), intent(in) :: status
      integer :: bmi_status
      bmi_status = merge(0, 1, status == 0)
   end function bmi_status

end module lsbc_bmi_c
