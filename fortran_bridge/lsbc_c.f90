!> The C functions of lsbc.h as Fortran sees them. For module lsbc alone; hosts use that one.
module lsbc_c
   use, intrinsic :: iso_c_binding, only: c_char, c_double, c_int, c_int32_t, c_int64_t, c_null_ptr, c_ptr
   implicit none
   public

   !> lsbc_field_info_t of lsbc.h
   type, bind(c) :: c_field_info
      character(kind=c_char) :: name(64)
      character(kind=c_char) :: standard_name(128)
      character(kind=c_char) :: units(32)
      integer(c_int32_t) :: n_level
      integer(c_int32_t) :: direction
   end type c_field_info

   !> lsbc_array_t of lsbc.h
   type, bind(c) :: c_array
      type(c_ptr) :: address = c_null_ptr
      integer(c_int32_t) :: item_bytes = 0
      integer(c_int32_t) :: n_dim = 0
      integer(c_int64_t) :: extent(3) = 0
      integer(c_int64_t) :: stride_bytes(3) = 0
      integer(c_int64_t) :: npromz = 0
      integer(c_int32_t) :: level_dim = 0
      integer(c_int32_t) :: memory = 0
      type(c_ptr) :: stream = c_null_ptr
   end type c_array

   interface
      function c_create(config_path, comm, handle) bind(c, name='lsbc_create') result(status)
         import :: c_char, c_int, c_int32_t
         implicit none
         character(kind=c_char), intent(in) :: config_path(*)
         integer(c_int32_t), value :: comm
         integer(c_int32_t), intent(out) :: handle
         integer(c_int) :: status
      end function c_create

      function c_set_grid(handle, n_cell, global_id, lon_deg, lat_deg, n_vertex, vertex_lon_deg, vertex_lat_deg, owned) &
         bind(c, name='lsbc_set_grid') result(status)
         import :: c_double, c_int, c_int32_t, c_int64_t
         implicit none
         integer(c_int32_t), value :: handle
         integer(c_int64_t), value :: n_cell
         integer(c_int64_t), intent(in) :: global_id(*)
         real(c_double), intent(in) :: lon_deg(*)
         real(c_double), intent(in) :: lat_deg(*)
         integer(c_int32_t), value :: n_vertex
         real(c_double), intent(in) :: vertex_lon_deg(*)
         real(c_double), intent(in) :: vertex_lat_deg(*)
         integer(c_int32_t), intent(in) :: owned(*)
         integer(c_int) :: status
      end function c_set_grid

      function c_set_array(handle, name, array) bind(c, name='lsbc_set_array') result(status)
         import :: c_array, c_char, c_int, c_int32_t
         implicit none
         integer(c_int32_t), value :: handle
         character(kind=c_char), intent(in) :: name(*)
         type(c_array), intent(in) :: array
         integer(c_int) :: status
      end function c_set_array

      function c_step_year(handle, year) bind(c, name='lsbc_step_year') result(status)
         import :: c_int, c_int32_t
         implicit none
         integer(c_int32_t), value :: handle
         integer(c_int32_t), value :: year
         integer(c_int) :: status
      end function c_step_year

      function c_get_array(handle, name, array) bind(c, name='lsbc_get_array') result(status)
         import :: c_array, c_char, c_int, c_int32_t
         implicit none
         integer(c_int32_t), value :: handle
         character(kind=c_char), intent(in) :: name(*)
         type(c_array), intent(in) :: array
         integer(c_int) :: status
      end function c_get_array

      function c_field_count(handle, count) bind(c, name='lsbc_field_count') result(status)
         import :: c_int, c_int32_t
         implicit none
         integer(c_int32_t), value :: handle
         integer(c_int32_t), intent(inout) :: count
         integer(c_int) :: status
      end function c_field_count

      function c_describe_field(handle, index, info) bind(c, name='lsbc_field_info') result(status)
         import :: c_field_info, c_int, c_int32_t
         implicit none
         integer(c_int32_t), value :: handle
         integer(c_int32_t), value :: index
         type(c_field_info), intent(inout) :: info
         integer(c_int) :: status
      end function c_describe_field

      function c_write_restart(handle, path) bind(c, name='lsbc_write_restart') result(status)
         import :: c_char, c_int, c_int32_t
         implicit none
         integer(c_int32_t), value :: handle
         character(kind=c_char), intent(in) :: path(*)
         integer(c_int) :: status
      end function c_write_restart

      function c_read_restart(handle, path) bind(c, name='lsbc_read_restart') result(status)
         import :: c_char, c_int, c_int32_t
         implicit none
         integer(c_int32_t), value :: handle
         character(kind=c_char), intent(in) :: path(*)
         integer(c_int) :: status
      end function c_read_restart

      function c_last_error(handle, buffer, length) bind(c, name='lsbc_last_error') result(status)
         import :: c_char, c_int, c_int32_t
         implicit none
         integer(c_int32_t), value :: handle
         character(kind=c_char), intent(inout) :: buffer(*)
         integer(c_int32_t), value :: length
         integer(c_int) :: status
      end function c_last_error

      function c_destroy(handle) bind(c, name='lsbc_destroy') result(status)
         import :: c_int, c_int32_t
         implicit none
         integer(c_int32_t), value :: handle
         integer(c_int) :: status
      end function c_destroy

      function c_version() bind(c, name='lsbc_version') result(text)
         import :: c_ptr
         implicit none
         type(c_ptr) :: text
      end function c_version
   end interface

end module lsbc_c
