!> Runs examples/icon/mo_lsbc.f90 on the squares of a case, each cut into two triangles, in blocks, and writes what it gets.
!>
!> Usage: icon_program CONFIG N SIZE WEST SOUTH RESULT     (N x N squares of SIZE degrees)
!>
!> A task owns a run of triangles and has up to ten more in its halo on either side.
program icon_program
   use, intrinsic :: iso_fortran_env, only: error_unit
   use mo_ext_data_types, only: t_external_data
   use mo_kind, only: wp
   use mo_lsbc, only: lsbc_icon_end, lsbc_icon_start, lsbc_icon_update, lsbc_icon_write_restart, lsbc_state_name, t_lsbc
   use mo_math_constants, only: rad2deg
   use mo_model_domain, only: t_patch
   use mpi, only: mpi_comm_rank, mpi_comm_size, mpi_comm_world, mpi_finalize, mpi_init
   implicit none

   integer, parameter :: nproma = 24, n_halo = 10
   type(t_lsbc), target :: land
   type(t_patch) :: patch
   type(t_external_data) :: ext
   character(len=2048) :: word, config, path, text
   integer :: n, ierr, year, unit, jb, jc, k, jv, rank, n_rank
   real(wp) :: size_deg, west, south, filled

   call get_command_argument(1, config)
   call get_command_argument(2, word)
   read (word, *) n
   call get_command_argument(3, word)
   read (word, *) size_deg
   call get_command_argument(4, word)
   read (word, *) west
   call get_command_argument(5, word)
   read (word, *) south
   call get_command_argument(6, path)
   call mpi_init(ierr)
   call mpi_comm_rank(mpi_comm_world, rank, ierr)
   call mpi_comm_size(mpi_comm_world, n_rank, ierr)
   call make_patch(2*n*n*rank/n_rank, 2*n*n*(rank + 1)/n_rank - 1)
   filled = -1.0_wp
   allocate (ext%atm%lai_mx(nproma, patch%nblks_c), ext%atm%plcov_mx(nproma, patch%nblks_c), ext%atm%rootdp(nproma, patch%nblks_c))
   allocate (ext%atm%z0(nproma, patch%nblks_c), ext%atm%emis_rad(nproma, patch%nblks_c))
   text = ''
   call lsbc_icon_start(land, trim(config), patch, ierr, text)
   call check()
   write (word, '(2a, i0)') trim(path), '.', rank
   open (newunit=unit, file=trim(word), status='replace', action='write')
   do year = 2000, 2001
      do k = 1, size(lsbc_state_name)
         if (lsbc_state_name(k) == 'urban') land%state(:, :, k) = 0.05_wp + 0.25_wp*(year - 2000)
         if (lsbc_state_name(k) == 'secdf') land%state(:, :, k) = 0.25_wp
         if (lsbc_state_name(k) == 'c3ann') land%state(:, :, k) = 0.5_wp - 0.25_wp*(year - 2000)
      end do
      ext%atm%lai_mx = filled
      ext%atm%plcov_mx = filled
      ext%atm%rootdp = filled
      ext%atm%z0 = filled
      ext%atm%emis_rad = filled
      call lsbc_icon_update(land, year, patch, ext, ierr, text)
      call check()
      do jb = 1, patch%nblks_c
         do jc = 1, merge(patch%npromz_c, nproma, jb == patch%nblks_c)
            write (unit, '(i0, 1x, i0, 5(1x, z16.16))') year, patch%cells%decomp_info%glb_index((jb - 1)*nproma + jc), &
               ext%atm%lai_mx(jc, jb), ext%atm%plcov_mx(jc, jb), ext%atm%rootdp(jc, jb), ext%atm%z0(jc, jb), &
               ext%atm%emis_rad(jc, jb)
         end do
      end do
      if (any(ext%atm%z0(patch%npromz_c + 1:, patch%nblks_c) > filled)) error stop 'the places behind the last cell were written'
   end do
   close (unit)
   call lsbc_icon_write_restart(land, trim(path)//'.restart', ierr, text)
   call check()
   call lsbc_icon_end(land, ierr)
   call check()
   call mpi_finalize(ierr)

contains

   subroutine check()
      if (ierr == 0) return
      write (error_unit, '(i0, 2a)') ierr, ': ', trim(text)
      call mpi_finalize(ierr)
      stop 1
   end subroutine check

   !> Square (i, j) holds triangles 2 k - 1, below its diagonal, and 2 k; vertices are numbered row by row, in blocks too.
   subroutine make_patch(first, last)
      !> Numbers of the task's own triangles, from 0
      integer, intent(in) :: first, last
      integer :: i, j, k, t, corner(3), start, n_cell
      start = max(first - n_halo, 0)
      n_cell = min(last + n_halo, 2*n*n - 1) - start + 1
      patch%comm = mpi_comm_world
      patch%nblks_c = (n_cell + nproma - 1)/nproma
      patch%npromz_c = n_cell - (patch%nblks_c - 1)*nproma
      allocate (patch%cells%center(nproma, patch%nblks_c), patch%cells%vertex_idx(nproma, patch%nblks_c, 3))
      allocate (patch%cells%vertex_blk(nproma, patch%nblks_c, 3), patch%cells%decomp_info%glb_index(n_cell))
      allocate (patch%cells%decomp_info%decomp_domain(nproma, patch%nblks_c))
      allocate (patch%verts%vertex(nproma, ((n + 1)**2 - 1)/nproma + 1))
      patch%cells%decomp_info%decomp_domain = 0
      do k = 0, (n + 1)**2 - 1
         patch%verts%vertex(modulo(k, nproma) + 1, k/nproma + 1)%lon = (west + size_deg*modulo(k, n + 1))/rad2deg
         patch%verts%vertex(modulo(k, nproma) + 1, k/nproma + 1)%lat = (south + size_deg*(k/(n + 1)))/rad2deg
      end do
      do j = 0, n - 1
         do i = 0, n - 1
            do t = 0, 1
               k = 2*(j*n + i) + t
               corner = [j*(n + 1) + i, j*(n + 1) + i + 1, (j + 1)*(n + 1) + i + 1]
               if (t == 1) corner(2:3) = [corner(3), corner(1) + n + 1]
               if (k < start .or. k >= start + n_cell) cycle
               jb = (k - start)/nproma + 1
               jc = modulo(k - start, nproma) + 1
               patch%cells%decomp_info%glb_index(k - start + 1) = 5000 - k
               if (k < first .or. k > last) patch%cells%decomp_info%decomp_domain(jc, jb) = 1
               do jv = 1, 3
                  patch%cells%vertex_idx(jc, jb, jv) = modulo(corner(jv), nproma) + 1
                  patch%cells%vertex_blk(jc, jb, jv) = corner(jv)/nproma + 1
               end do
               patch%cells%center(jc, jb)%lon = (west + size_deg*(i + merge(2, 1, t == 0)/3.0_wp))/rad2deg
               patch%cells%center(jc, jb)%lat = (south + size_deg*(j + merge(1, 2, t == 0)/3.0_wp))/rad2deg
            end do
         end do
      end do
   end subroutine make_patch

end program icon_program
