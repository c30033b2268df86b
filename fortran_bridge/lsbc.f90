!> 1 km land use and land-surface boundary conditions for weather and climate models: the calls of lsbc.h in Fortran.
!>
!> The order of calls, which calls are collective, what a call leaves alone and what each code means stand in lsbc.h.
!> Every subroutine ends with `ierr`: `lsbc_ok` or an `lsbc_err_*` code, the text of which `lsbc_last_error` gives.
module lsbc
   use, intrinsic :: iso_c_binding, only: c_char, c_double, c_f_pointer, c_float, c_int, c_int32_t, c_int64_t, c_loc, &
      c_null_char, c_null_ptr, c_ptr
   use lsbc_c, only: c_create, c_describe_field, c_destroy, c_fail, c_field_count, c_field_info, c_get_field, c_get_field_f32, &
      c_last_error, c_read_restart, c_set_field, c_set_field_f32, c_set_grid, c_step_year, c_version, c_write_restart
   implicit none
   private

   public :: lsbc_handle, lsbc_field_info_t
   public :: lsbc_create, lsbc_set_grid, lsbc_set_field, lsbc_step_year, lsbc_get_field, lsbc_field_count, lsbc_field_info
   public :: lsbc_write_restart, lsbc_read_restart, lsbc_last_error, lsbc_destroy, lsbc_version
   public :: lsbc_ok, lsbc_err_startup, lsbc_err_config, lsbc_err_model, lsbc_err_grid, lsbc_err_field, lsbc_err_value
   public :: lsbc_err_year, lsbc_err_state, lsbc_err_restart, lsbc_err_io, lsbc_err_device, lsbc_err_internal
   public :: lsbc_comm_serial, lsbc_text_length, lsbc_field_in, lsbc_field_out

   !> Success
   integer(c_int), parameter :: lsbc_ok = 0
   !> The Python interpreter, or a library that lsbc needs, did not start
   integer(c_int), parameter :: lsbc_err_startup = 1
   !> The TOML file
   integer(c_int), parameter :: lsbc_err_config = 2
   !> The model artefact
   integer(c_int), parameter :: lsbc_err_model = 3
   !> The host's cells
   integer(c_int), parameter :: lsbc_err_grid = 4
   !> A field is unknown or missing, or its size or layout is wrong
   integer(c_int), parameter :: lsbc_err_field = 5
   !> A field's values
   integer(c_int), parameter :: lsbc_err_value = 6
   !> The year runs backwards or skips
   integer(c_int), parameter :: lsbc_err_year = 7
   !> Calls in the wrong order, or on a handle that is unknown or destroyed
   integer(c_int), parameter :: lsbc_err_state = 8
   !> The restart file is damaged or belongs to another grid or model
   integer(c_int), parameter :: lsbc_err_restart = 9
   !> A file could not be read or written
   integer(c_int), parameter :: lsbc_err_io = 10
   !> The accelerator
   integer(c_int), parameter :: lsbc_err_device = 11
   !> A defect of lsbc
   integer(c_int), parameter :: lsbc_err_internal = 12

   !> In place of a communicator: run on this process alone and never touch MPI
   integer(c_int32_t), parameter :: lsbc_comm_serial = -1
   !> Length that holds every text of `lsbc_last_error` uncut
   integer, parameter :: lsbc_text_length = 2048
   !> Direction of a field that the host sets
   integer(c_int32_t), parameter :: lsbc_field_in = 1
   !> Direction of a field that the host gets
   integer(c_int32_t), parameter :: lsbc_field_out = 2

   !> One instance. A handle that `lsbc_create` has not filled is refused by every call with `lsbc_err_state`.
   type :: lsbc_handle
      private
      integer(c_int32_t) :: id = 0
   end type lsbc_handle

   !> One field of the exchange
   type :: lsbc_field_info_t
      !> What `lsbc_set_field` and `lsbc_get_field` take
      character(len=64) :: name = ''
      !> CF standard name; blank where CF has none
      character(len=128) :: standard_name = ''
      !> UDUNITS; "1" for fractions
      character(len=32) :: units = ''
      !> 1 for a plain field
      integer(c_int32_t) :: n_level = 0
      !> `lsbc_field_in` or `lsbc_field_out`
      integer(c_int32_t) :: direction = 0
   end type lsbc_field_info_t

   !> Lend a field of the host to lsbc, without a copy.
   interface lsbc_set_field
      module procedure set_field_real64
      module procedure set_field_real32
   end interface lsbc_set_field

   !> Fill an array of the host with a boundary field.
   interface lsbc_get_field
      module procedure get_field_real64
      module procedure get_field_real32
      module procedure get_levels_real64
      module procedure get_levels_real32
   end interface lsbc_get_field

contains

   !> Start lsbc on the ranks of a communicator. Collective.
   subroutine lsbc_create(config_path, comm, handle, ierr)
      !> Path of the TOML configuration; trailing blanks do not count
      character(len=*), intent(in) :: config_path
      !> Communicator of the host (`comm%mpi_val` with mpi_f08), which is duplicated; or `lsbc_comm_serial`
      integer, intent(in) :: comm
      !> The new instance; no instance after a failure
      type(lsbc_handle), intent(out) :: handle
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      ierr = c_create(trim(config_path)//c_null_char, int(comm, c_int32_t), handle%id)
   end subroutine lsbc_create

   !> Hand over this rank's cells. Collective. The arrays are copied and may go after the call.
   subroutine lsbc_set_grid(handle, global_id, lon, lat, vertex_lon, vertex_lat, owned, ierr)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Number of each cell in the whole grid [1], shape (n_cell)
      integer(c_int64_t), contiguous, intent(in) :: global_id(:)
      !> Longitude of the cell centres [degrees_east], shape (n_cell)
      real(c_double), contiguous, intent(in) :: lon(:)
      !> Latitude of the cell centres [degrees_north], shape (n_cell)
      real(c_double), contiguous, intent(in) :: lat(:)
      !> Longitude of the corners in order around the cell [degrees_east], shape (n_vertex, n_cell)
      real(c_double), contiguous, intent(in) :: vertex_lon(:, :)
      !> Latitude of the corners [degrees_north], shape (n_vertex, n_cell)
      real(c_double), contiguous, intent(in) :: vertex_lat(:, :)
      !> 1 where this rank owns the cell, 0 in its halo, shape (n_cell)
      integer(c_int32_t), contiguous, intent(in) :: owned(:)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      integer(c_int64_t) :: n_cell
      n_cell = size(global_id, kind=c_int64_t)
      if (size(lon, kind=c_int64_t) /= n_cell .or. size(lat, kind=c_int64_t) /= n_cell .or. &
         size(owned, kind=c_int64_t) /= n_cell .or. size(vertex_lon, 2, c_int64_t) /= n_cell .or. &
         any(shape(vertex_lon) /= shape(vertex_lat))) then
         ! The call is collective: an impossible size makes all ranks fail together.
         n_cell = -1
      end if
      ierr = c_set_grid(handle%id, n_cell, global_id, lon, lat, int(size(vertex_lon, 1), c_int32_t), vertex_lon, vertex_lat, &
         owned)
   end subroutine lsbc_set_grid

   !> Lend a field in double precision to lsbc. Local. Nothing is copied.
   !>
   !> lsbc keeps the address and reads the values during `lsbc_step_year`: the actual argument must have the TARGET (or
   !> ASYNCHRONOUS) attribute, be contiguous, and live until the next `lsbc_set_field` of the same name or `lsbc_destroy`.
   !> Never written to; `intent(inout)` makes the compiler refuse expressions, which would be gone at the step.
   subroutine set_field_real64(handle, name, values, ierr)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of an input field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`, shape (n_cell)
      real(c_double), target, asynchronous, intent(inout) :: values(:)
      !> `lsbc_ok` or an `lsbc_err_*` code; `lsbc_err_field` for an array with gaps
      integer(c_int), intent(out) :: ierr
      type(c_ptr) :: address
      address = c_null_ptr
      if (size(values) > 0) address = c_loc(values(1))
      if (is_contiguous(values)) then
         ierr = c_set_field(handle%id, trim(name)//c_null_char, size(values, kind=c_int64_t), address)
      else
         ! a size that no grid has: takes back the array lent before
         ierr = c_set_field(handle%id, trim(name)//c_null_char, -1_c_int64_t, c_null_ptr)
         ierr = refuse_gaps(handle, name)
      end if
   end subroutine set_field_real64

   !> Lend a field in single precision to lsbc. The rules of `set_field_real64` hold.
   subroutine set_field_real32(handle, name, values, ierr)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of an input field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`, shape (n_cell)
      real(c_float), target, asynchronous, intent(inout) :: values(:)
      !> `lsbc_ok` or an `lsbc_err_*` code; `lsbc_err_field` for an array with gaps
      integer(c_int), intent(out) :: ierr
      type(c_ptr) :: address
      address = c_null_ptr
      if (size(values) > 0) address = c_loc(values(1))
      if (is_contiguous(values)) then
         ierr = c_set_field_f32(handle%id, trim(name)//c_null_char, size(values, kind=c_int64_t), address)
      else
         ! a size that no grid has: takes back the array lent before
         ierr = c_set_field(handle%id, trim(name)//c_null_char, -1_c_int64_t, c_null_ptr)
         ierr = refuse_gaps(handle, name)
      end if
   end subroutine set_field_real32

   !> The code, with its text kept, for an array that lsbc could only copy.
   function refuse_gaps(handle, name) result(status)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of the field
      character(len=*), intent(in) :: name
      integer(c_int) :: status
      status = c_fail(handle%id, lsbc_err_field, "Field '"//trim(name)//"' is not contiguous in memory; lsbc keeps the "// &
         "address and does not copy."//c_null_char)
   end function refuse_gaps

   !> Bring the land use to `year` and make the boundary fields of that year. Collective.
   subroutine lsbc_step_year(handle, year, ierr)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Calendar year; the same again does nothing
      integer, intent(in) :: year
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      ierr = c_step_year(handle%id, int(year, c_int32_t))
   end subroutine lsbc_step_year

   !> Fill an array with a field of one level. Local. The array is not kept.
   subroutine get_field_real64(handle, name, values, ierr)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of an output field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`, shape (n_cell); untouched after a failure
      real(c_double), contiguous, intent(inout) :: values(:)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      ierr = c_get_field(handle%id, trim(name)//c_null_char, 1_c_int32_t, size(values, kind=c_int64_t), values)
   end subroutine get_field_real64

   !> Fill an array with a field of one level, in single precision. Local.
   subroutine get_field_real32(handle, name, values, ierr)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of an output field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`, shape (n_cell); untouched after a failure
      real(c_float), contiguous, intent(inout) :: values(:)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      ierr = c_get_field_f32(handle%id, trim(name)//c_null_char, 1_c_int32_t, size(values, kind=c_int64_t), values)
   end subroutine get_field_real32

   !> Fill an array with a field of several levels. Local.
   subroutine get_levels_real64(handle, name, values, ierr)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of an output field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`, shape (n_cell, n_level); untouched after a failure
      real(c_double), contiguous, intent(inout) :: values(:, :)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      ierr = c_get_field(handle%id, trim(name)//c_null_char, int(size(values, 2), c_int32_t), &
         size(values, 1, c_int64_t), values)
   end subroutine get_levels_real64

   !> Fill an array with a field of several levels, in single precision. Local.
   subroutine get_levels_real32(handle, name, values, ierr)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of an output field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`, shape (n_cell, n_level); untouched after a failure
      real(c_float), contiguous, intent(inout) :: values(:, :)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      ierr = c_get_field_f32(handle%id, trim(name)//c_null_char, int(size(values, 2), c_int32_t), &
         size(values, 1, c_int64_t), values)
   end subroutine get_levels_real32

   !> Number of fields, in and out together. Local.
   subroutine lsbc_field_count(handle, count, ierr)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Number of fields [1]; 0 after a failure
      integer(c_int32_t), intent(out) :: count
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      count = 0
      ierr = c_field_count(handle%id, count)
   end subroutine lsbc_field_count

   !> Describe one field. Local.
   subroutine lsbc_field_info(handle, index, info, ierr)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> 1 to the count: the index of lsbc.h plus one
      integer, intent(in) :: index
      !> The field; empty after a failure
      type(lsbc_field_info_t), intent(out) :: info
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      type(c_field_info) :: field
      ierr = c_describe_field(handle%id, int(index - 1, c_int32_t), field)
      if (ierr /= lsbc_ok) return
      call copy_text(field%name, info%name)
      call copy_text(field%standard_name, info%standard_name)
      call copy_text(field%units, info%units)
      info%n_level = field%n_level
      info%direction = field%direction
   end subroutine lsbc_field_info

   !> Write the state, exactly. Collective.
   subroutine lsbc_write_restart(handle, path, ierr)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> The file, the same on all ranks; trailing blanks do not count
      character(len=*), intent(in) :: path
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      ierr = c_write_restart(handle%id, trim(path)//c_null_char)
   end subroutine lsbc_write_restart

   !> Read the state that `lsbc_write_restart` left, also on another number of ranks. Collective.
   subroutine lsbc_read_restart(handle, path, ierr)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> The file, the same on all ranks; trailing blanks do not count
      character(len=*), intent(in) :: path
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      ierr = c_read_restart(handle%id, trim(path)//c_null_char)
   end subroutine lsbc_read_restart

   !> Text of the last failure of an instance, or of the last `lsbc_create` that failed. Local.
   subroutine lsbc_last_error(handle, text)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> The text, cut or filled with blanks; `lsbc_text_length` holds every text
      character(len=*), intent(out) :: text
      character(kind=c_char) :: buffer(lsbc_text_length)
      text = ''
      if (c_last_error(handle%id, buffer, int(lsbc_text_length, c_int32_t)) == lsbc_ok) call copy_text(buffer, text)
   end subroutine lsbc_last_error

   !> End an instance. Collective; call it before MPI_Finalize.
   subroutine lsbc_destroy(handle, ierr)
      !> Instance; dead afterwards, and refused by every call
      type(lsbc_handle), intent(in) :: handle
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      ierr = c_destroy(handle%id)
   end subroutine lsbc_destroy

   !> Version of liblsbc, "major.minor.patch".
   subroutine lsbc_version(text)
      !> The version, cut or filled with blanks
      character(len=*), intent(out) :: text
      character(kind=c_char), pointer :: version(:)
      text = ''
      call c_f_pointer(c_version(), version, [32])
      call copy_text(version, text)
   end subroutine lsbc_version

   !> A C string, up to its NUL, as blank-filled text.
   subroutine copy_text(from, into)
      !> Characters with a NUL among them
      character(kind=c_char), intent(in) :: from(:)
      !> The same as Fortran text
      character(len=*), intent(inout) :: into
      integer :: i
      into = ''
      do i = 1, min(size(from), len(into))
         if (from(i) == c_null_char) exit
         into(i:i) = from(i)
      end do
   end subroutine copy_text

end module lsbc
