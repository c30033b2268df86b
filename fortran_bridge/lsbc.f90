!> 1 km land use and land-surface boundary conditions for weather and climate models: the calls of lsbc.h in Fortran.
!>
!> The order of calls, which calls are collective, what a call leaves alone and what each code means stand in lsbc.h.
!> Every subroutine ends with `ierr`: `lsbc_ok` or an `lsbc_err_*` code, the text of which `lsbc_last_error` gives.
module lsbc
   use, intrinsic :: iso_c_binding, only: c_char, c_double, c_f_pointer, c_float, c_int, c_int32_t, c_int64_t, c_intptr_t, &
      c_null_char, c_ptr
   use lsbc_arrays, only: by_address, described, with_layout
   use lsbc_c, only: c_create, c_describe_field, c_destroy, c_field_count, c_field_info, c_get_array, c_last_error, &
      c_read_restart, c_set_array, c_set_grid, c_step_year, c_version, c_write_restart
   implicit none
   private

   public :: lsbc_handle, lsbc_field_info_t
   public :: lsbc_create, lsbc_set_grid, lsbc_set_field, lsbc_step_year, lsbc_get_field, lsbc_field_count, lsbc_field_info
   public :: lsbc_write_restart, lsbc_read_restart, lsbc_last_error, lsbc_destroy, lsbc_version
   public :: lsbc_ok, lsbc_err_startup, lsbc_err_config, lsbc_err_model, lsbc_err_grid, lsbc_err_field, lsbc_err_value
   public :: lsbc_err_year, lsbc_err_state, lsbc_err_restart, lsbc_err_io, lsbc_err_device, lsbc_err_internal
   public :: lsbc_comm_serial, lsbc_text_length, lsbc_field_in, lsbc_field_out, lsbc_real32, lsbc_real64
   public :: lsbc_memory_any, lsbc_memory_host, lsbc_memory_device

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
   !> Memory of an array: lsbc finds out
   integer(c_int32_t), parameter :: lsbc_memory_any = 0
   !> Memory of an array: ordinary
   integer(c_int32_t), parameter :: lsbc_memory_host = 1
   !> Memory of an array: CUDA device or managed
   integer(c_int32_t), parameter :: lsbc_memory_device = 2
   !> Bytes of a value in single precision
   integer(c_int32_t), parameter :: lsbc_real32 = 4
   !> Bytes of a value in double precision
   integer(c_int32_t), parameter :: lsbc_real64 = 8

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

   !> Hand over this rank's cells: in a row, or as they lie in blocks (nproma, n_block) or a patch (n_i, n_j).
   interface lsbc_set_grid
      module procedure set_grid_row
      module procedure set_grid_2d
   end interface lsbc_set_grid

   !> Lend a field of the host to lsbc: an array of rank 1 to 3 in single or double precision, or an address.
   !>
   !> The cells lie in the order of `lsbc_set_grid`: (n_cell), a patch (n_i, n_j), or with `npromz` blocks (nproma, n_block).
   !> A field of several levels has one dimension more: the last, or with `npromz` the middle one.
   interface lsbc_set_field
      module procedure set_real64_1d
      module procedure set_real64_2d
      module procedure set_real64_3d
      module procedure set_real32_1d
      module procedure set_real32_2d
      module procedure set_real32_3d
      module procedure set_address
   end interface lsbc_set_field

   !> Fill an array of the host with a boundary field; its layout as for `lsbc_set_field`.
   interface lsbc_get_field
      module procedure get_real64_1d
      module procedure get_real64_2d
      module procedure get_real64_3d
      module procedure get_real32_1d
      module procedure get_real32_2d
      module procedure get_real32_3d
      module procedure get_address
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
   subroutine set_grid_row(handle, global_id, lon, lat, vertex_lon, vertex_lat, owned, ierr)
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
   end subroutine set_grid_row

   !> Hand over this rank's cells as they lie in blocks or a patch, first dimension fastest. Collective.
   subroutine set_grid_2d(handle, global_id, lon, lat, vertex_lon, vertex_lat, owned, ierr, npromz)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Number of each cell in the whole grid [1], shape (nproma, n_block) or (n_i, n_j)
      integer(c_int64_t), intent(in) :: global_id(:, :)
      !> Longitude of the cell centres [degrees_east], the same shape
      real(c_double), intent(in) :: lon(:, :)
      !> Latitude of the cell centres [degrees_north], the same shape
      real(c_double), intent(in) :: lat(:, :)
      !> Longitude of the corners in order around the cell [degrees_east], shape (n_vertex, nproma, n_block)
      real(c_double), intent(in) :: vertex_lon(:, :, :)
      !> Latitude of the corners [degrees_north]
      real(c_double), intent(in) :: vertex_lat(:, :, :)
      !> 1 where this rank owns the cell, 0 in its halo, shape as global_id
      integer(c_int32_t), intent(in) :: owned(:, :)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block, 0 to nproma; absent: a patch, all of it
      integer, intent(in), optional :: npromz
      integer(c_int64_t), allocatable :: row_id(:)
      integer(c_int32_t), allocatable :: row_owned(:)
      real(c_double), allocatable :: row_lon(:), row_lat(:), row_vertex_lon(:, :), row_vertex_lat(:, :)
      integer :: i, j, k, n_cell, n_i, n_j, n_last
      n_i = size(global_id, 1)
      n_j = size(global_id, 2)
      n_last = n_i
      if (present(npromz)) n_last = npromz
      n_cell = max(0, (n_j - 1)*n_i + n_last)
      if (n_j == 0) n_cell = 0
      if (any(shape(lon) /= shape(global_id)) .or. any(shape(lat) /= shape(global_id)) .or. &
         any(shape(owned) /= shape(global_id)) .or. size(vertex_lon, 2) /= n_i .or. size(vertex_lon, 3) /= n_j .or. &
         any(shape(vertex_lat) /= shape(vertex_lon)) .or. n_last < 0 .or. n_last > n_i) then
         ! The call is collective: an impossible size makes all ranks fail together.
         allocate (row_id(0), row_owned(0), row_lon(0), row_lat(0), row_vertex_lon(3, 0), row_vertex_lat(3, 0))
         ierr = c_set_grid(handle%id, -1_c_int64_t, row_id, row_lon, row_lat, 3_c_int32_t, row_vertex_lon, row_vertex_lat, &
            row_owned)
         return
      end if
      allocate (row_id(n_cell), row_owned(n_cell), row_lon(n_cell), row_lat(n_cell))
      allocate (row_vertex_lon(size(vertex_lon, 1), n_cell), row_vertex_lat(size(vertex_lon, 1), n_cell))
      do k = 1, n_cell
         i = modulo(k - 1, n_i) + 1
         j = (k - 1)/n_i + 1
         row_id(k) = global_id(i, j)
         row_owned(k) = owned(i, j)
         row_lon(k) = lon(i, j)
         row_lat(k) = lat(i, j)
         row_vertex_lon(:, k) = vertex_lon(:, i, j)
         row_vertex_lat(:, k) = vertex_lat(:, i, j)
      end do
      call set_grid_row(handle, row_id, row_lon, row_lat, row_vertex_lon, row_vertex_lat, row_owned, ierr)
   end subroutine set_grid_2d

   !> Lend a field to lsbc. Local. The rules of all procedures behind `lsbc_set_field`:
   !>
   !> lsbc keeps the address. An input is read in every `lsbc_step_year`, an output is filled by every one that succeeds: the
   !> actual argument must have the TARGET (or ASYNCHRONOUS) attribute and live until the next `lsbc_set_field` of the same
   !> name or `lsbc_destroy`. `intent(inout)` makes the compiler refuse expressions, which would be gone at the step.
   !> A section with gaps is used in place; in `!$acc host_data use_device(values)` the address of the device is.
   subroutine set_real64_1d(handle, name, values, ierr, npromz, level_dim, stream)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of a field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`
      real(c_double), target, asynchronous, intent(inout) :: values(:)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      ierr = c_set_array(handle%id, trim(name)//c_null_char, with_layout(described(values), npromz, level_dim, stream))
   end subroutine set_real64_1d

   !> Lend a field of rank 2 in double precision; see `set_real64_1d`.
   subroutine set_real64_2d(handle, name, values, ierr, npromz, level_dim, stream)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of a field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`
      real(c_double), target, asynchronous, intent(inout) :: values(:, :)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      ierr = c_set_array(handle%id, trim(name)//c_null_char, with_layout(described(values), npromz, level_dim, stream))
   end subroutine set_real64_2d

   !> Lend a field of rank 3 in double precision; see `set_real64_1d`.
   subroutine set_real64_3d(handle, name, values, ierr, npromz, level_dim, stream)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of a field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`
      real(c_double), target, asynchronous, intent(inout) :: values(:, :, :)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      ierr = c_set_array(handle%id, trim(name)//c_null_char, with_layout(described(values), npromz, level_dim, stream))
   end subroutine set_real64_3d

   !> Lend a field of rank 1 in single precision; see `set_real64_1d`.
   subroutine set_real32_1d(handle, name, values, ierr, npromz, level_dim, stream)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of a field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`
      real(c_float), target, asynchronous, intent(inout) :: values(:)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      ierr = c_set_array(handle%id, trim(name)//c_null_char, with_layout(described(values), npromz, level_dim, stream))
   end subroutine set_real32_1d

   !> Lend a field of rank 2 in single precision; see `set_real64_1d`.
   subroutine set_real32_2d(handle, name, values, ierr, npromz, level_dim, stream)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of a field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`
      real(c_float), target, asynchronous, intent(inout) :: values(:, :)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      ierr = c_set_array(handle%id, trim(name)//c_null_char, with_layout(described(values), npromz, level_dim, stream))
   end subroutine set_real32_2d

   !> Lend a field of rank 3 in single precision; see `set_real64_1d`.
   subroutine set_real32_3d(handle, name, values, ierr, npromz, level_dim, stream)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of a field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`
      real(c_float), target, asynchronous, intent(inout) :: values(:, :, :)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      ierr = c_set_array(handle%id, trim(name)//c_null_char, with_layout(described(values), npromz, level_dim, stream))
   end subroutine set_real32_3d

   !> Lend an array by its address: memory of a device in CUDA Fortran, or of another language.
   subroutine set_address(handle, name, address, item_bytes, extent, ierr, npromz, level_dim, stream, memory)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of a field
      character(len=*), intent(in) :: name
      !> Address of the first value; the array has no gaps
      type(c_ptr), intent(in) :: address
      !> `lsbc_real32` or `lsbc_real64`
      integer(c_int32_t), intent(in) :: item_bytes
      !> Extents, the fastest first: 1 to 3 of them
      integer, intent(in) :: extent(:)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      !> `lsbc_memory_any` (without it), `lsbc_memory_host` or `lsbc_memory_device`
      integer(c_int32_t), intent(in), optional :: memory
      ierr = c_set_array(handle%id, trim(name)//c_null_char, &
         with_layout(by_address(address, item_bytes, extent, memory), npromz, level_dim, stream))
   end subroutine set_address

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

   !> Fill an array of rank 1 in double precision. Local. The array is not kept.
   subroutine get_real64_1d(handle, name, values, ierr, npromz, level_dim, stream)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of an output field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`; untouched after a failure
      real(c_double), target, intent(inout) :: values(:)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      ierr = c_get_array(handle%id, trim(name)//c_null_char, with_layout(described(values), npromz, level_dim, stream))
   end subroutine get_real64_1d

   !> Fill an array of rank 2 in double precision. Local. The array is not kept.
   subroutine get_real64_2d(handle, name, values, ierr, npromz, level_dim, stream)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of an output field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`; untouched after a failure
      real(c_double), target, intent(inout) :: values(:, :)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      ierr = c_get_array(handle%id, trim(name)//c_null_char, with_layout(described(values), npromz, level_dim, stream))
   end subroutine get_real64_2d

   !> Fill an array of rank 3 in double precision. Local. The array is not kept.
   subroutine get_real64_3d(handle, name, values, ierr, npromz, level_dim, stream)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of an output field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`; untouched after a failure
      real(c_double), target, intent(inout) :: values(:, :, :)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      ierr = c_get_array(handle%id, trim(name)//c_null_char, with_layout(described(values), npromz, level_dim, stream))
   end subroutine get_real64_3d

   !> Fill an array of rank 1 in single precision. Local. The array is not kept.
   subroutine get_real32_1d(handle, name, values, ierr, npromz, level_dim, stream)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of an output field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`; untouched after a failure
      real(c_float), target, intent(inout) :: values(:)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      ierr = c_get_array(handle%id, trim(name)//c_null_char, with_layout(described(values), npromz, level_dim, stream))
   end subroutine get_real32_1d

   !> Fill an array of rank 2 in single precision. Local. The array is not kept.
   subroutine get_real32_2d(handle, name, values, ierr, npromz, level_dim, stream)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of an output field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`; untouched after a failure
      real(c_float), target, intent(inout) :: values(:, :)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      ierr = c_get_array(handle%id, trim(name)//c_null_char, with_layout(described(values), npromz, level_dim, stream))
   end subroutine get_real32_2d

   !> Fill an array of rank 3 in single precision. Local. The array is not kept.
   subroutine get_real32_3d(handle, name, values, ierr, npromz, level_dim, stream)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of an output field
      character(len=*), intent(in) :: name
      !> Values in the units of `lsbc_field_info`; untouched after a failure
      real(c_float), target, intent(inout) :: values(:, :, :)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      ierr = c_get_array(handle%id, trim(name)//c_null_char, with_layout(described(values), npromz, level_dim, stream))
   end subroutine get_real32_3d

   !> Fill an array given by its address.
   subroutine get_address(handle, name, address, item_bytes, extent, ierr, npromz, level_dim, stream, memory)
      !> Instance
      type(lsbc_handle), intent(in) :: handle
      !> Name of an output field
      character(len=*), intent(in) :: name
      !> Address of the first value; the array has no gaps
      type(c_ptr), intent(in) :: address
      !> `lsbc_real32` or `lsbc_real64`
      integer(c_int32_t), intent(in) :: item_bytes
      !> Extents, the fastest first: 1 to 3 of them
      integer, intent(in) :: extent(:)
      !> `lsbc_ok` or an `lsbc_err_*` code
      integer(c_int), intent(out) :: ierr
      !> Cells in the last block: the array is (nproma, n_block), or (nproma, n_level, n_block)
      integer, intent(in), optional :: npromz
      !> Dimension of the levels where it is not the usual one
      integer, intent(in), optional :: level_dim
      !> CUDA stream of the host on which device memory is copied; absent: the default stream
      integer(c_intptr_t), intent(in), optional :: stream
      !> `lsbc_memory_any` (without it), `lsbc_memory_host` or `lsbc_memory_device`
      integer(c_int32_t), intent(in), optional :: memory
      ierr = c_get_array(handle%id, trim(name)//c_null_char, &
         with_layout(by_address(address, item_bytes, extent, memory), npromz, level_dim, stream))
   end subroutine get_address

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
