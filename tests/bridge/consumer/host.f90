!> The smallest Fortran host: creates and ends an instance.
program host
   use, intrinsic :: iso_c_binding, only: c_int
   use lsbc, only: lsbc_comm_serial, lsbc_create, lsbc_destroy, lsbc_handle, lsbc_last_error, lsbc_ok, lsbc_text_length
   implicit none
   type(lsbc_handle) :: handle
   integer(c_int) :: ierr
   character(len=lsbc_text_length) :: text
   call lsbc_create('ok.toml', int(lsbc_comm_serial), handle, ierr)
   if (ierr /= lsbc_ok) then
      call lsbc_last_error(handle, text)
      print '(a)', trim(text)
      stop 1
   end if
   call lsbc_destroy(handle, ierr)
   if (ierr /= lsbc_ok) stop 1
end program host
