!> Runs examples/wrf/module_lsbc.f90 on the squares of a case, cut from west to east into one patch a task, and writes what it gets.
!>
!> Usage: wrf_program CONFIG GEO_EM N SIZE WEST SOUTH RESULT     (N x N squares of SIZE degrees)
!>
!> Lines of RESULT: year, day (0 after the year's step), cell, and fields in hexadecimal. Cell 10 is water in WRF, cell 20 ice.
program wrf_program
   use, intrinsic :: iso_fortran_env, only: error_unit
   use module_domain, only: domain
   use lsbc, only: lsbc_err_field, lsbc_err_state, lsbc_err_value
   use module_lsbc, only: lsbc_land, lsbc_state_name, lsbc_wrf_day, lsbc_wrf_end, lsbc_wrf_start, lsbc_wrf_step, &
      lsbc_wrf_write_restart
   use mpi, only: mpi_comm_rank, mpi_comm_size, mpi_comm_world, mpi_finalize, mpi_init
   implicit none

   type(lsbc_land), target :: land
   type(domain), target :: grid
   character(len=2048) :: word, config, geo_em, path, text
   integer, parameter :: days(3) = [1, 200, 365]
   integer :: n, ierr, stat, year, unit, i, j, k, rank, n_rank, ips, ipe
   real :: size_deg, west, south

   call get_command_argument(1, config)
   call get_command_argument(2, geo_em)
   call get_command_argument(3, word)
   read (word, *) n
   call get_command_argument(4, word)
   read (word, *) size_deg
   call get_command_argument(5, word)
   read (word, *) west
   call get_command_argument(6, word)
   read (word, *) south
   call get_command_argument(7, path)
   call mpi_init(ierr)
   call mpi_comm_rank(mpi_comm_world, rank, ierr)
   call mpi_comm_size(mpi_comm_world, n_rank, ierr)
   ips = rank*n/n_rank + 1
   ipe = (rank + 1)*n/n_rank
   if (rank == n_rank - 1) ipe = n + 1
   grid%range = [1, n + 1, 1, n + 1, 1, 2, ips - 3, ipe + 3, -2, n + 4, 1, 2, ips, ipe, 1, n + 1, 1, 2]
   allocate (grid%xlat(ips - 3:ipe + 3, -2:n + 4), grid%xlong(ips - 3:ipe + 3, -2:n + 4), grid%albbck(ips - 3:ipe + 3, -2:n + 4))
   allocate (grid%lai(ips - 3:ipe + 3, -2:n + 4), grid%z0(ips - 3:ipe + 3, -2:n + 4), grid%embck(ips - 3:ipe + 3, -2:n + 4))
   allocate (grid%vegfra(ips - 3:ipe + 3, -2:n + 4), grid%shdmax(ips - 3:ipe + 3, -2:n + 4), grid%shdmin(ips - 3:ipe + 3, -2:n + 4))
   allocate (grid%landmask(ips - 3:ipe + 3, -2:n + 4), grid%ivgtyp(ips - 3:ipe + 3, -2:n + 4))
   grid%landuse_isice = 15
   do j = -2, n + 4
      do i = ips - 3, ipe + 3
         grid%xlong(i, j) = west + size_deg*(i - 0.5)
         grid%xlat(i, j) = south + size_deg*(j - 0.5)
         grid%landmask(i, j) = merge(0.0, 1.0, i + (j - 1)*n == 10)
         grid%ivgtyp(i, j) = merge(grid%landuse_isice, 5, i + (j - 1)*n == 20)
      end do
   end do
   grid%albbck = -1.0
   grid%lai = -1.0
   grid%vegfra = -1.0
   grid%shdmax = -1.0
   grid%shdmin = -1.0
   grid%z0 = -1.0
   grid%embck = -1.0
   call lsbc_wrf_start(land, trim(config), trim(geo_em), mpi_comm_world, grid, ierr, text)
   call check()
   call lsbc_wrf_day(land, 1, grid, ierr, text)
   if (ierr /= lsbc_err_state) error stop 'a day before the first year was given'
   write (word, '(2a, i0)') trim(path), '.', rank
   open (newunit=unit, file=trim(word), status='replace', action='write')
   do year = 2000, 2001
      do k = 1, size(lsbc_state_name)
         if (lsbc_state_name(k) == 'urban') land%state(:, :, k) = 0.0625 + 0.25*(year - 2000)
         if (lsbc_state_name(k) == 'secdf') land%state(:, :, k) = 0.25
         if (lsbc_state_name(k) == 'c3ann') land%state(:, :, k) = 0.5 - 0.25*(year - 2000)
      end do
      call lsbc_wrf_step(land, year, grid, ierr, text)
      call check()
      call write_fields(0)
      do k = 1, size(days)
         call lsbc_wrf_day(land, days(k), grid, ierr, text)
         call check()
         call write_fields(days(k))
      end do
      call lsbc_wrf_day(land, 367, grid, ierr, text)
      if (ierr /= lsbc_err_field) error stop 'day 367 was given'
      call lsbc_wrf_day(land, 366, grid, ierr, text)
      if (ierr /= merge(0, lsbc_err_value, year == 2000)) error stop 'day 366 is in leap years alone'
      call write_fields(366)
   end do
   close (unit)
   grid%albbck(ips:min(ipe, n), 1:n) = -1.0
   grid%lai(ips:min(ipe, n), 1:n) = -1.0
   if (any(grid%albbck > -1.0) .or. any(grid%lai > -1.0)) error stop 'the halo was written'
   call lsbc_wrf_write_restart(land, trim(path)//'.restart', ierr, text)
   call check()
   call lsbc_wrf_end(land, ierr)
   call check()
   call mpi_finalize(ierr)

contains

   subroutine write_fields(day)
      integer, intent(in) :: day
      do j = 1, n
         do i = ips, min(ipe, n)
            write (unit, '(i0, 2(1x, i0), 7(1x, z8.8))') year, day, i + (j - 1)*n, grid%lai(i, j), grid%vegfra(i, j), &
               grid%shdmax(i, j), grid%shdmin(i, j), grid%albbck(i, j), grid%z0(i, j), grid%embck(i, j)
         end do
      end do
   end subroutine write_fields

   subroutine check()
      if (ierr == 0) return
      write (error_unit, '(i0, 2a)') ierr, ': ', trim(text)
      call mpi_finalize(stat)
      stop 1
   end subroutine check

end program wrf_program
