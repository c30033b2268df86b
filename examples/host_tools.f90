! What both example hosts share and a real model has of its own: a command line, a grid file reader and a land surface.
! Nothing here knows lsbc.

!> Command line of the example hosts.
module host_options
   implicit none
   private
   public :: options, read_options

   !> What the user asked for
   type :: options
      !> Configuration of lsbc, and the host's own grid and forcing
      character(len=512) :: config = '', host_file = ''
      !> Calendar years, both included
      integer :: first_year = 0, last_year = 0
      !> Write a restart after this year (0: never), and its path
      integer :: restart_year = 0
      character(len=512) :: restart_write = ''
      !> Start from this restart (blank: from the first map)
      character(len=512) :: restart_read = ''
      !> Leave the last rank without cells
      logical :: empty_rank = .false.
   end type options

   character(len=*), parameter :: usage = 'usage: PROGRAM CONFIG HOST_FILE FIRST_YEAR LAST_YEAR ' // &
      '[--restart-write YEAR FILE] [--restart-read FILE] [--empty-rank]'

contains

   !> Read the arguments; `message` is blank, or says what is wrong.
   subroutine read_options(opt, message)
      type(options), intent(out) :: opt
      character(len=*), intent(out) :: message
      integer :: at
      character(len=512) :: word

      message = ''
      opt%config = argument(1)
      opt%host_file = argument(2)
      call read_year(argument(3), opt%first_year, message)
      call read_year(argument(4), opt%last_year, message)
      at = 5
      do while (at <= command_argument_count() .and. message == '')
         word = argument(at)
         select case (word)
         case ('--restart-write')
            call read_year(argument(at + 1), opt%restart_year, message)
            opt%restart_write = argument(at + 2)
            at = at + 3
         case ('--restart-read')
            opt%restart_read = argument(at + 1)
            at = at + 2
         case ('--empty-rank')
            opt%empty_rank = .true.
            at = at + 1
         case default
            message = 'unknown argument ' // trim(word) // '; ' // usage
         end select
      end do
      if (message == '' .and. opt%last_year < opt%first_year) message = 'LAST_YEAR is before FIRST_YEAR; ' // usage
   end subroutine read_options

   function argument(at) result(word)
      integer, intent(in) :: at
      character(len=512) :: word

      word = ''
      if (at <= command_argument_count()) call get_command_argument(at, word)
   end function argument

   subroutine read_year(word, year, message)
      character(len=*), intent(in) :: word
      integer, intent(out) :: year
      character(len=*), intent(inout) :: message
      integer :: stat

      year = 0
      read (word, *, iostat=stat) year
      if (stat /= 0 .and. message == '') message = 'a year is expected, got "' // trim(word) // '"; ' // usage
   end subroutine read_year

end module host_options

!> The host's grid and land-use forcing file.
module host_input
   use, intrinsic :: iso_fortran_env, only: int32, int64, real64
   use netcdf, only: nf90_close, nf90_get_att, nf90_get_var, nf90_global, nf90_inq_dimid, nf90_inq_varid, &
                     nf90_inquire_dimension, nf90_noerr, nf90_nowrite, nf90_open, nf90_strerror
   implicit none
   private
   public :: grid, read_grid, read_state

   !> All cells of the host's grid
   type :: grid
      !> Cells, corners a cell, and size of the patch (0 where the grid is unstructured)
      integer :: n_cell = 0, n_vertex = 0, nx = 0, ny = 0
      !> Number of each cell in the whole grid
      integer(int64), allocatable :: global_id(:)
      !> Centres in degrees, (n_cell)
      real(real64), allocatable :: lon(:), lat(:)
      !> Corners in degrees, (n_vertex, n_cell)
      real(real64), allocatable :: vertex_lon(:, :), vertex_lat(:, :)
      !> Place of each cell in the patch, from 1; only where nx > 0
      integer(int32), allocatable :: i(:), j(:)
   end type grid

contains

   !> Read the grid; `message` is blank, or says what is wrong.
   subroutine read_grid(path, g, message)
      character(len=*), intent(in) :: path
      type(grid), intent(out) :: g
      character(len=*), intent(out) :: message
      integer :: file, stat

      message = ''
      stat = nf90_open(trim(path), nf90_nowrite, file)
      if (stat /= nf90_noerr) then
         message = trim(path) // ': ' // trim(nf90_strerror(stat))
         return
      end if
      g%n_cell = length('cell')
      g%n_vertex = length('nv')
      allocate (g%global_id(g%n_cell), g%lon(g%n_cell), g%lat(g%n_cell), g%i(g%n_cell), g%j(g%n_cell))
      allocate (g%vertex_lon(g%n_vertex, g%n_cell), g%vertex_lat(g%n_vertex, g%n_cell))
      call note(nf90_get_var(file, variable('global_id'), g%global_id), 'global_id')
      call note(nf90_get_var(file, variable('clon'), g%lon), 'clon')
      call note(nf90_get_var(file, variable('clat'), g%lat), 'clat')
      call note(nf90_get_var(file, variable('clon_vertices'), g%vertex_lon), 'clon_vertices')
      call note(nf90_get_var(file, variable('clat_vertices'), g%vertex_lat), 'clat_vertices')
      if (nf90_get_att(file, nf90_global, 'nx', g%nx) == nf90_noerr) then
         call note(nf90_get_att(file, nf90_global, 'ny', g%ny), 'ny')
         call note(nf90_get_var(file, variable('i'), g%i), 'i')
         call note(nf90_get_var(file, variable('j'), g%j), 'j')
      end if
      call note(nf90_close(file), 'close')

   contains

      ! The results have names of their own: gfortran would else want an executable stack.
      function length(name) result(n)
         character(len=*), intent(in) :: name
         integer :: n, dim, found

         n = 0
         found = nf90_inq_dimid(file, name, dim)
         if (found == nf90_noerr) found = nf90_inquire_dimension(file, dim, len=n)
         call note(found, name)
      end function length

      function variable(name) result(id)
         character(len=*), intent(in) :: name
         integer :: id

         call note(nf90_inq_varid(file, name, id), name)
      end function variable

      subroutine note(found, what)
         integer, intent(in) :: found
         character(len=*), intent(in) :: what

         if (found /= nf90_noerr .and. message == '') &
            message = trim(path) // ', ' // what // ': ' // trim(nf90_strerror(found))
      end subroutine note

   end subroutine read_grid

   !> Read one land-use state of one year on all cells; `message` is blank, or says what is wrong.
   subroutine read_state(path, name, year, values, message)
      character(len=*), intent(in) :: path, name
      integer, intent(in) :: year
      !> Fraction of each cell [1]
      real(real64), intent(out) :: values(:)
      character(len=*), intent(out) :: message
      integer :: file, stat, id, dim, n_year, at
      integer, allocatable :: years(:)

      message = ''
      values = 0.0_real64
      n_year = 0
      at = 0
      stat = nf90_open(trim(path), nf90_nowrite, file)
      if (stat == nf90_noerr) stat = nf90_inq_dimid(file, 'year', dim)
      if (stat == nf90_noerr) stat = nf90_inquire_dimension(file, dim, len=n_year)
      allocate (years(n_year))
      if (stat == nf90_noerr) stat = nf90_inq_varid(file, 'year', id)
      if (stat == nf90_noerr) stat = nf90_get_var(file, id, years)
      if (stat == nf90_noerr) then
         do at = n_year, 1, -1
            if (years(at) == year) exit
         end do
         if (at == 0) write (message, '(2a,i0)') trim(path), ' has no year ', year
      end if
      if (stat == nf90_noerr) stat = nf90_inq_varid(file, name, id)
      if (stat == nf90_noerr .and. at > 0) &
         stat = nf90_get_var(file, id, values, start=[1, at], count=[size(values), 1])
      if (stat /= nf90_noerr) message = trim(path) // ', ' // name // ': ' // trim(nf90_strerror(stat))
      stat = nf90_close(file)
   end subroutine read_state

end module host_input

!> A land surface in thirty lines: the skin temperature that closes the energy balance over a year's mean weather.
module host_surface
   use, intrinsic :: iso_fortran_env, only: real64
   implicit none
   private
   public :: skin_temperature, cell_area

   real(real64), parameter :: shortwave = 250.0_real64    !< down, daytime mean [W m-2]
   real(real64), parameter :: longwave = 310.0_real64     !< down [W m-2]
   real(real64), parameter :: air_temperature = 285.0_real64 !< [K]
   real(real64), parameter :: air_humidity = 0.0065_real64   !< [kg kg-1]
   real(real64), parameter :: wind = 4.0_real64           !< at the reference height [m s-1]
   real(real64), parameter :: reference_height = 20.0_real64 !< above displacement [m]
   real(real64), parameter :: density = 1.2_real64        !< of air [kg m-3]
   real(real64), parameter :: heat_capacity = 1004.6_real64  !< of air [J kg-1 K-1]
   real(real64), parameter :: vaporisation = 2.5e6_real64 !< latent heat [J kg-1]
   real(real64), parameter :: karman = 0.4_real64, stefan_boltzmann = 5.670374e-8_real64
   real(real64), parameter :: leaf_resistance = 150.0_real64, soil_resistance = 600.0_real64 !< [s m-1]

contains

   !> Skin temperature [K] from Newton's method on net radiation = sensible + latent heat flux.
   !> Neutral exchange over roughness z0m, a tenth of it for heat; leaves evaporate by LAI, the rest as moist soil.
   elemental function skin_temperature(albedo, emissivity, z0m, lai, veg_frac) result(t)
      real(real64), intent(in) :: albedo, emissivity, z0m, lai, veg_frac
      real(real64) :: t, exchange, conductance, saturation, slope, balance, step
      integer :: iteration

      exchange = wind*karman**2/(log(reference_height/z0m)*log(10.0_real64*reference_height/z0m))
      conductance = veg_frac*evaporating(exchange, leaf_resistance/max(lai, 0.1_real64)) + &
                    (1.0_real64 - veg_frac)*evaporating(exchange, soil_resistance)
      t = air_temperature
      do iteration = 1, 30
         saturation = 0.00377_real64*exp(17.27_real64*(t - 273.15_real64)/(t - 35.85_real64))
         slope = saturation*17.27_real64*237.3_real64/(t - 35.85_real64)**2
         balance = (1.0_real64 - albedo)*shortwave + emissivity*(longwave - stefan_boltzmann*t**4) &
                   - density*heat_capacity*exchange*(t - air_temperature) &
                   - density*vaporisation*conductance*(saturation - air_humidity)
         step = balance/(4.0_real64*emissivity*stefan_boltzmann*t**3 + density*heat_capacity*exchange &
                         + density*vaporisation*conductance*slope)
         t = t + step
         if (abs(step) < 1.0e-9_real64) exit
      end do
   end function skin_temperature

   !> Air conductance and surface resistance in series [m s-1].
   elemental function evaporating(exchange, resistance) result(conductance)
      real(real64), intent(in) :: exchange, resistance
      real(real64) :: conductance

      conductance = 1.0_real64/(1.0_real64/exchange + resistance)
   end function evaporating

   !> Area of a small cell from its corners in degrees [degree2 at the equator]; good for weights.
   pure function cell_area(lon, lat) result(area)
      real(real64), intent(in) :: lon(:), lat(:)
      real(real64) :: area, scale
      integer :: k, next

      scale = cos(acos(-1.0_real64)/180.0_real64*sum(lat)/size(lat))
      area = 0.0_real64
      do k = 1, size(lon)
         next = modulo(k, size(lon)) + 1
         area = area + (lon(k) - lon(1))*(lat(next) - lat(1)) - (lon(next) - lon(1))*(lat(k) - lat(1))
      end do
      area = 0.5_real64*scale*abs(area)
   end function cell_area

end module host_surface
