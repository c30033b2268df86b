! An instance of BMI and one of module lsbc in the same process: neither ends the other.
program test_bmi_beside
   use, intrinsic :: iso_c_binding, only: c_int
   use lsbc, only: lsbc_create, lsbc_destroy, lsbc_handle, lsbc_last_error, lsbc_ok, lsbc_comm_serial
   use lsbc_bmi, only: bmi_lsbc, BMI_FAILURE, BMI_SUCCESS
   implicit none
   type(bmi_lsbc) :: first, second
   type(lsbc_handle) :: handle
   character(len=1000) :: config
   character(len=2048) :: text
   double precision :: one(81), two(81)
   integer(c_int) :: ierr
   integer :: n_failed = 0

   call get_command_argument(1, config)
   call check(first%initialize(config) == BMI_SUCCESS, 'first')
   call lsbc_create(config, lsbc_comm_serial, handle, ierr)
   call check(ierr == lsbc_ok, 'create')
   call check(second%initialize(config) == BMI_SUCCESS, 'second')
   call check(first%update() == BMI_SUCCESS, 'update of the first')
   call check(first%get_value_double('valid_year', one) == BMI_SUCCESS, 'year of the first')
   call check(second%get_value_double('valid_year', two) == BMI_SUCCESS, 'year of the second')
   call check(all(one == 2001.0d0) .and. all(two == 2000.0d0), 'each has its own year')
   call check(second%update_until(0.5d0) == BMI_FAILURE, 'refusal')
   call first%last_error(text)
   call check(text == '', 'a failure of one is not one of the other')
   call lsbc_destroy(handle, ierr)
   call check(ierr == lsbc_ok, 'destroy')
   call check(first%finalize() == BMI_SUCCESS, 'finalize of the first')
   call check(second%update() == BMI_SUCCESS, 'update of the second after the first is gone')
   call check(second%finalize() == BMI_SUCCESS, 'finalize of the second')
   call check(first%initialize(config) == BMI_SUCCESS, 'the first again')
   call check(first%update_until(2.0d0) == BMI_SUCCESS, 'update of the first again')
   call check(first%finalize() == BMI_SUCCESS, 'finalize again')
   if (n_failed > 0) error stop 1

contains

   subroutine check(holds, what)
      logical, intent(in) :: holds
      character(len=*), intent(in) :: what
      character(len=2048) :: reason
      if (holds) return
      n_failed = n_failed + 1
      print '(a)', 'not true: '//trim(what)
      call first%last_error(reason)
      print '(a)', 'first: '//trim(reason)
      call second%last_error(reason)
      print '(a)', 'second: '//trim(reason)
      call lsbc_last_error(handle, reason)
      print '(a)', 'handle: '//trim(reason)
   end subroutine check

end program test_bmi_beside
