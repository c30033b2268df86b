!> lsbc behind the Basic Model Interface 2.0 of CSDMS: type `bmi_lsbc` has the procedures of its Fortran specification.
!>
!> Where the build was given that specification (LSBC_BMIF_DIR, which defines LSBC_WITH_BMIF), the type extends its abstract
!> type `bmi`; else it is a plain type with the same procedures. Behind it stands the Python class
!> lsbc.emulator.adapters.bmi:LsbcBmi, whose rules hold: what `initialize` reads, what the input arrays hold, what time means.
!> An instance runs on the calling process alone; on ranks use module lsbc.
!>
!> Every function returns BMI_SUCCESS or BMI_FAILURE; `last_error` says which failure it was. All variables are double
!> precision: the procedures for other types fail. Indices, nodes and edges count from 1, as arrays in Fortran do; grids
!> from 0. Pass a finalized or new object to `initialize`: it clears the object without looking at it.
module lsbc_bmi
   use, intrinsic :: iso_c_binding, only: c_int32_t
   use lsbc_bmi_c, only: ask_at_indices, ask_integer, ask_integers, ask_other_type, ask_pointer, ask_real, ask_reals, &
      ask_text, ask_texts, ask_time, begin, finish, text_of_failure
#ifdef LSBC_WITH_BMIF
   use bmif_2_0, only: bmi, BMI_FAILURE, BMI_MAX_COMPONENT_NAME, BMI_MAX_TYPE_NAME, BMI_MAX_UNITS_NAME, BMI_MAX_VAR_NAME, &
      BMI_SUCCESS
#endif
   implicit none
   private

   public :: bmi_lsbc, BMI_SUCCESS, BMI_FAILURE
   public :: BMI_MAX_COMPONENT_NAME, BMI_MAX_VAR_NAME, BMI_MAX_TYPE_NAME, BMI_MAX_UNITS_NAME

#ifndef LSBC_WITH_BMIF
   !> What a function returns when all went well
   integer, parameter :: BMI_SUCCESS = 0
   !> What it returns when not
   integer, parameter :: BMI_FAILURE = 1
   !> Lengths of the texts that a caller declares
   integer, parameter :: BMI_MAX_COMPONENT_NAME = 2048, BMI_MAX_VAR_NAME = 2048, BMI_MAX_TYPE_NAME = 2048, BMI_MAX_UNITS_NAME = 2048
#endif

   character(len=BMI_MAX_COMPONENT_NAME), target, protected :: component_name = 'lsbc'

   !> One instance of lsbc
#ifdef LSBC_WITH_BMIF
   type, extends(bmi) :: bmi_lsbc
#else
   type :: bmi_lsbc
#endif
      private
      integer(c_int32_t) :: handle = 0
      character(len=BMI_MAX_VAR_NAME), pointer :: input_names(:) => null()
      character(len=BMI_MAX_VAR_NAME), pointer :: output_names(:) => null()
   contains
      procedure :: initialize
      procedure :: update
      procedure :: update_until
      procedure :: finalize
      procedure :: get_component_name
      procedure :: get_input_item_count
      procedure :: get_output_item_count
      procedure :: get_input_var_names
      procedure :: get_output_var_names
      procedure :: get_var_grid
      procedure :: get_var_type
      procedure :: get_var_units
      procedure :: get_var_itemsize
      procedure :: get_var_nbytes
      procedure :: get_var_location
      procedure :: get_current_time
      procedure :: get_start_time
      procedure :: get_end_time
      procedure :: get_time_units
      procedure :: get_time_step
      procedure :: get_value_int
      procedure :: get_value_float
      procedure :: get_value_double
      procedure :: get_value_ptr_int
      procedure :: get_value_ptr_float
      procedure :: get_value_ptr_double
      procedure :: get_value_at_indices_int
      procedure :: get_value_at_indices_float
      procedure :: get_value_at_indices_double
      procedure :: set_value_int
      procedure :: set_value_float
      procedure :: set_value_double
      procedure :: set_value_at_indices_int
      procedure :: set_value_at_indices_float
      procedure :: set_value_at_indices_double
      procedure :: get_grid_rank
      procedure :: get_grid_size
      procedure :: get_grid_type
      procedure :: get_grid_shape
      procedure :: get_grid_spacing
      procedure :: get_grid_origin
      procedure :: get_grid_x
      procedure :: get_grid_y
      procedure :: get_grid_z
      procedure :: get_grid_node_count
      procedure :: get_grid_edge_count
      procedure :: get_grid_face_count
      procedure :: get_grid_edge_nodes
      procedure :: get_grid_face_edges
      procedure :: get_grid_face_nodes
      procedure :: get_grid_nodes_per_face
      !> Text of the last failure; not in BMI
      procedure :: last_error
   end type bmi_lsbc

contains

   !> Read lsbc's configuration, set the cells of its run.host and make the first year.
   function initialize(this, config_file) result(bmi_status)
      class(bmi_lsbc), intent(out) :: this
      character(len=*), intent(in) :: config_file
      integer :: n_input, n_output
      integer :: bmi_status
      bmi_status = begin(config_file, this%handle)
      if (bmi_status == BMI_SUCCESS) bmi_status = this%get_input_item_count(n_input)
      if (bmi_status == BMI_SUCCESS) bmi_status = this%get_output_item_count(n_output)
      if (bmi_status /= BMI_SUCCESS) return
      allocate (this%input_names(n_input), this%output_names(n_output))
      bmi_status = ask_texts(this%handle, 'get_input_var_names', this%input_names)
      if (bmi_status == BMI_SUCCESS) bmi_status = ask_texts(this%handle, 'get_output_var_names', this%output_names)
   end function initialize

   !> Make the next year from what is in the input arrays.
   function update(this) result(bmi_status)
      class(bmi_lsbc), intent(inout) :: this
      integer :: bmi_status
      bmi_status = ask_time(this%handle, 'update', 0.0d0)
   end function update

   !> Update until a time that is a whole number of years.
   function update_until(this, time) result(bmi_status)
      class(bmi_lsbc), intent(inout) :: this
      double precision, intent(in) :: time
      integer :: bmi_status
      bmi_status = ask_time(this%handle, 'update_until', time)
   end function update_until

   !> Give everything back; pointers of `get_value_ptr_double` and of the names are dead afterwards.
   function finalize(this) result(bmi_status)
      class(bmi_lsbc), intent(inout) :: this
      integer :: bmi_status
      bmi_status = finish(this%handle)
      if (associated(this%input_names)) deallocate (this%input_names)
      if (associated(this%output_names)) deallocate (this%output_names)
   end function finalize

   !> The name of the model; the caller's pointer has length BMI_MAX_COMPONENT_NAME.
   function get_component_name(this, name) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), pointer, intent(out) :: name
      integer :: bmi_status
      name => component_name
      bmi_status = BMI_SUCCESS
   end function get_component_name

   !> Number of input variables.
   function get_input_item_count(this, count) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(out) :: count
      integer :: bmi_status
      bmi_status = ask_integer(this%handle, 'get_input_item_count', '', 0, count)
   end function get_input_item_count

   !> Number of output variables.
   function get_output_item_count(this, count) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(out) :: count
      integer :: bmi_status
      bmi_status = ask_integer(this%handle, 'get_output_item_count', '', 0, count)
   end function get_output_item_count

   !> Names of the input variables; the caller's pointer has length BMI_MAX_VAR_NAME.
   function get_input_var_names(this, names) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), pointer, intent(out) :: names(:)
      integer :: count
      integer :: bmi_status
      names => this%input_names
      bmi_status = this%get_input_item_count(count)
   end function get_input_var_names

   !> Names of the output variables; the caller's pointer has length BMI_MAX_VAR_NAME.
   function get_output_var_names(this, names) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), pointer, intent(out) :: names(:)
      integer :: count
      integer :: bmi_status
      names => this%output_names
      bmi_status = this%get_output_item_count(count)
   end function get_output_var_names

   !> The grid of a variable.
   function get_var_grid(this, name, grid) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      integer, intent(out) :: grid
      integer :: bmi_status
      bmi_status = ask_integer(this%handle, 'get_var_grid', name, 0, grid)
   end function get_var_grid

   !> The type of a variable: double precision.
   function get_var_type(this, name, type) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      character(len=*), intent(out) :: type
      integer :: itemsize
      integer :: bmi_status
      bmi_status = this%get_var_itemsize(name, itemsize)
      type = ''
      if (bmi_status == BMI_SUCCESS) type = 'double precision'
   end function get_var_type

   !> Units of a variable.
   function get_var_units(this, name, units) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      character(len=*), intent(out) :: units
      integer :: bmi_status
      bmi_status = ask_text(this%handle, 'get_var_units', name, 0, units)
   end function get_var_units

   !> Bytes of one value.
   function get_var_itemsize(this, name, size) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      integer, intent(out) :: size
      integer :: bmi_status
      bmi_status = ask_integer(this%handle, 'get_var_itemsize', name, 0, size)
   end function get_var_itemsize

   !> Bytes of a variable.
   function get_var_nbytes(this, name, nbytes) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      integer, intent(out) :: nbytes
      integer :: bmi_status
      bmi_status = ask_integer(this%handle, 'get_var_nbytes', name, 0, nbytes)
   end function get_var_nbytes

   !> Where a variable has its values: on faces.
   function get_var_location(this, name, location) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      character(len=*), intent(out) :: location
      integer :: bmi_status
      bmi_status = ask_text(this%handle, 'get_var_location', name, 0, location)
   end function get_var_location

   !> Years since the first one.
   function get_current_time(this, time) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      double precision, intent(out) :: time
      integer :: bmi_status
      bmi_status = ask_real(this%handle, 'get_current_time', time)
   end function get_current_time

   !> 0.
   function get_start_time(this, time) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      double precision, intent(out) :: time
      integer :: bmi_status
      bmi_status = ask_real(this%handle, 'get_start_time', time)
   end function get_start_time

   !> The time of the last year of the run.
   function get_end_time(this, time) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      double precision, intent(out) :: time
      integer :: bmi_status
      bmi_status = ask_real(this%handle, 'get_end_time', time)
   end function get_end_time

   !> The unit of time: a calendar year, however many days it has.
   function get_time_units(this, units) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(out) :: units
      integer :: bmi_status
      bmi_status = ask_text(this%handle, 'get_time_units', '', 0, units)
   end function get_time_units

   !> One year.
   function get_time_step(this, time_step) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      double precision, intent(out) :: time_step
      integer :: bmi_status
      bmi_status = ask_real(this%handle, 'get_time_step', time_step)
   end function get_time_step

   !> All variables are double precision: fails.
   function get_value_int(this, name, dest) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      integer, intent(inout) :: dest(:)
      integer :: bmi_status
      bmi_status = ask_other_type(this%handle, name)
   end function get_value_int

   !> All variables are double precision: fails.
   function get_value_float(this, name, dest) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      real, intent(inout) :: dest(:)
      integer :: bmi_status
      bmi_status = ask_other_type(this%handle, name)
   end function get_value_float

   !> Copy the values of a variable, one for each face.
   function get_value_double(this, name, dest) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      double precision, intent(inout) :: dest(:)
      integer :: bmi_status
      bmi_status = ask_reals(this%handle, 'get_value', name, 0, dest)
   end function get_value_double

   !> All variables are double precision: fails.
   function get_value_ptr_int(this, name, dest_ptr) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      integer, pointer, intent(inout) :: dest_ptr(:)
      integer :: bmi_status
      nullify (dest_ptr)
      bmi_status = ask_other_type(this%handle, name)
   end function get_value_ptr_int

   !> All variables are double precision: fails.
   function get_value_ptr_float(this, name, dest_ptr) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      real, pointer, intent(inout) :: dest_ptr(:)
      integer :: bmi_status
      nullify (dest_ptr)
      bmi_status = ask_other_type(this%handle, name)
   end function get_value_ptr_float

   !> The array itself, the same until `finalize`; write to inputs alone.
   function get_value_ptr_double(this, name, dest_ptr) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      double precision, pointer, intent(inout) :: dest_ptr(:)
      integer :: bmi_status
      bmi_status = ask_pointer(this%handle, name, dest_ptr)
   end function get_value_ptr_double

   !> All variables are double precision: fails.
   function get_value_at_indices_int(this, name, dest, inds) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      integer, intent(inout) :: dest(:)
      integer, intent(in) :: inds(:)
      integer :: bmi_status
      bmi_status = ask_other_type(this%handle, name)
   end function get_value_at_indices_int

   !> All variables are double precision: fails.
   function get_value_at_indices_float(this, name, dest, inds) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      real, intent(inout) :: dest(:)
      integer, intent(in) :: inds(:)
      integer :: bmi_status
      bmi_status = ask_other_type(this%handle, name)
   end function get_value_at_indices_float

   !> Copy some values of a variable.
   function get_value_at_indices_double(this, name, dest, inds) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(in) :: name
      double precision, intent(inout) :: dest(:)
      integer, intent(in) :: inds(:)
      integer :: bmi_status
      bmi_status = ask_at_indices(this%handle, 'get_value_at_indices', name, inds, dest)
   end function get_value_at_indices_double

   !> All variables are double precision: fails.
   function set_value_int(this, name, src) result(bmi_status)
      class(bmi_lsbc), intent(inout) :: this
      character(len=*), intent(in) :: name
      integer, intent(in) :: src(:)
      integer :: bmi_status
      bmi_status = ask_other_type(this%handle, name)
   end function set_value_int

   !> All variables are double precision: fails.
   function set_value_float(this, name, src) result(bmi_status)
      class(bmi_lsbc), intent(inout) :: this
      character(len=*), intent(in) :: name
      real, intent(in) :: src(:)
      integer :: bmi_status
      bmi_status = ask_other_type(this%handle, name)
   end function set_value_float

   !> Set an input.
   function set_value_double(this, name, src) result(bmi_status)
      class(bmi_lsbc), intent(inout) :: this
      character(len=*), intent(in) :: name
      double precision, intent(in) :: src(:)
      double precision, allocatable :: values(:)
      integer :: bmi_status
      values = src
      bmi_status = ask_reals(this%handle, 'set_value', name, 0, values)
   end function set_value_double

   !> All variables are double precision: fails.
   function set_value_at_indices_int(this, name, inds, src) result(bmi_status)
      class(bmi_lsbc), intent(inout) :: this
      character(len=*), intent(in) :: name
      integer, intent(in) :: inds(:)
      integer, intent(in) :: src(:)
      integer :: bmi_status
      bmi_status = ask_other_type(this%handle, name)
   end function set_value_at_indices_int

   !> All variables are double precision: fails.
   function set_value_at_indices_float(this, name, inds, src) result(bmi_status)
      class(bmi_lsbc), intent(inout) :: this
      character(len=*), intent(in) :: name
      integer, intent(in) :: inds(:)
      real, intent(in) :: src(:)
      integer :: bmi_status
      bmi_status = ask_other_type(this%handle, name)
   end function set_value_at_indices_float

   !> Set an input in some places.
   function set_value_at_indices_double(this, name, inds, src) result(bmi_status)
      class(bmi_lsbc), intent(inout) :: this
      character(len=*), intent(in) :: name
      integer, intent(in) :: inds(:)
      double precision, intent(in) :: src(:)
      double precision, allocatable :: values(:)
      integer :: bmi_status
      values = src
      bmi_status = ask_at_indices(this%handle, 'set_value_at_indices', name, inds, values)
   end function set_value_at_indices_double

   !> Dimensions of the grid: longitude and latitude.
   function get_grid_rank(this, grid, rank) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      integer, intent(out) :: rank
      integer :: bmi_status
      bmi_status = ask_integer(this%handle, 'get_grid_rank', '', grid, rank)
   end function get_grid_rank

   !> Number of nodes, as BMI has it for unstructured grids.
   function get_grid_size(this, grid, size) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      integer, intent(out) :: size
      integer :: bmi_status
      bmi_status = ask_integer(this%handle, 'get_grid_size', '', grid, size)
   end function get_grid_size

   !> The kind of grid: unstructured.
   function get_grid_type(this, grid, type) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      character(len=*), intent(out) :: type
      integer :: bmi_status
      bmi_status = ask_text(this%handle, 'get_grid_type', '', grid, type)
   end function get_grid_type

   !> Fails: an unstructured grid has none.
   function get_grid_shape(this, grid, shape) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      integer, dimension(:), intent(out) :: shape
      integer :: bmi_status
      bmi_status = ask_integers(this%handle, 'get_grid_shape', grid, shape)
   end function get_grid_shape

   !> Fails: an unstructured grid has none.
   function get_grid_spacing(this, grid, spacing) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      double precision, dimension(:), intent(out) :: spacing
      integer :: bmi_status
      bmi_status = ask_reals(this%handle, 'get_grid_spacing', '', grid, spacing)
   end function get_grid_spacing

   !> Fails: an unstructured grid has none.
   function get_grid_origin(this, grid, origin) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      double precision, dimension(:), intent(out) :: origin
      integer :: bmi_status
      bmi_status = ask_reals(this%handle, 'get_grid_origin', '', grid, origin)
   end function get_grid_origin

   !> Longitudes of the nodes [degrees_east].
   function get_grid_x(this, grid, x) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      double precision, dimension(:), intent(out) :: x
      integer :: bmi_status
      bmi_status = ask_reals(this%handle, 'get_grid_x', '', grid, x)
   end function get_grid_x

   !> Latitudes of the nodes [degrees_north].
   function get_grid_y(this, grid, y) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      double precision, dimension(:), intent(out) :: y
      integer :: bmi_status
      bmi_status = ask_reals(this%handle, 'get_grid_y', '', grid, y)
   end function get_grid_y

   !> Fails: an unstructured grid has none.
   function get_grid_z(this, grid, z) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      double precision, dimension(:), intent(out) :: z
      integer :: bmi_status
      bmi_status = ask_reals(this%handle, 'get_grid_z', '', grid, z)
   end function get_grid_z

   !> Number of nodes.
   function get_grid_node_count(this, grid, count) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      integer, intent(out) :: count
      integer :: bmi_status
      bmi_status = ask_integer(this%handle, 'get_grid_node_count', '', grid, count)
   end function get_grid_node_count

   !> Number of edges.
   function get_grid_edge_count(this, grid, count) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      integer, intent(out) :: count
      integer :: bmi_status
      bmi_status = ask_integer(this%handle, 'get_grid_edge_count', '', grid, count)
   end function get_grid_edge_count

   !> Number of faces: cells of the host.
   function get_grid_face_count(this, grid, count) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      integer, intent(out) :: count
      integer :: bmi_status
      bmi_status = ask_integer(this%handle, 'get_grid_face_count', '', grid, count)
   end function get_grid_face_count

   !> The two nodes of each edge.
   function get_grid_edge_nodes(this, grid, edge_nodes) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      integer, dimension(:), intent(out) :: edge_nodes
      integer :: bmi_status
      bmi_status = ask_integers(this%handle, 'get_grid_edge_nodes', grid, edge_nodes)
      if (bmi_status == BMI_SUCCESS) edge_nodes = edge_nodes + 1
   end function get_grid_edge_nodes

   !> The edges of each face, counter-clockwise.
   function get_grid_face_edges(this, grid, face_edges) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      integer, dimension(:), intent(out) :: face_edges
      integer :: bmi_status
      bmi_status = ask_integers(this%handle, 'get_grid_face_edges', grid, face_edges)
      if (bmi_status == BMI_SUCCESS) face_edges = face_edges + 1
   end function get_grid_face_edges

   !> The nodes of each face, counter-clockwise.
   function get_grid_face_nodes(this, grid, face_nodes) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      integer, dimension(:), intent(out) :: face_nodes
      integer :: bmi_status
      bmi_status = ask_integers(this%handle, 'get_grid_face_nodes', grid, face_nodes)
      if (bmi_status == BMI_SUCCESS) face_nodes = face_nodes + 1
   end function get_grid_face_nodes

   !> Number of nodes of each face.
   function get_grid_nodes_per_face(this, grid, nodes_per_face) result(bmi_status)
      class(bmi_lsbc), intent(in) :: this
      integer, intent(in) :: grid
      integer, dimension(:), intent(out) :: nodes_per_face
      integer :: bmi_status
      bmi_status = ask_integers(this%handle, 'get_grid_nodes_per_face', grid, nodes_per_face)
   end function get_grid_nodes_per_face

   !> Text of the last failure of this instance, or of the last `initialize` that failed; 2048 characters hold all of it.
   subroutine last_error(this, text)
      class(bmi_lsbc), intent(in) :: this
      character(len=*), intent(out) :: text
      call text_of_failure(this%handle, text)
   end subroutine last_error

end module lsbc_bmi
