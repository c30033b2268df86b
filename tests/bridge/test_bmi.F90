! BMI from Fortran: goes through a run and writes every output of every year, for bmi_case.py to compare.
! Arguments: configuration, file to write.
program test_bmi
#ifdef LSBC_WITH_BMIF
   use bmif_2_0, only: bmi
#endif
   use lsbc_bmi, only: bmi_lsbc, BMI_FAILURE, BMI_MAX_COMPONENT_NAME, BMI_MAX_UNITS_NAME, BMI_MAX_VAR_NAME, BMI_SUCCESS
   implicit none
   integer, parameter :: n_cell = 81
   type(bmi_lsbc) :: model
   character(len=BMI_MAX_VAR_NAME), pointer :: names(:), inputs(:)
   character(len=BMI_MAX_COMPONENT_NAME), pointer :: name
   character(len=BMI_MAX_UNITS_NAME) :: text
   character(len=1000) :: config, path
   double precision :: time, values(n_cell), some(2), x(100), y(100)
   double precision, pointer :: urban(:), forest(:)
   real :: single(n_cell)
   integer :: n_failed = 0, year = 0, unit, number, nodes(4*n_cell), edges(4*n_cell), ends(360), per_face(n_cell), i


   call get_command_argument(1, config)
   call get_command_argument(2, path)

   ! Before a run.
   call refused(model%get_current_time(time), 'get_current_time came before initialize or after finalize')
   call refused(model%get_input_var_names(inputs), 'came before initialize')
   call done(model%finalize(), 'finalize of nothing')
   call refused(model%initialize('no_such_file.toml'), 'no_such_file.toml: cannot be read')

   call done(model%initialize(config), 'initialize')
   call names_and_kinds()
   call grid()

   ! Time, and one year after the other.
   open (newunit=unit, file=path, access='stream', form='unformatted', status='replace')
   call done(model%get_value_ptr_double('urban', urban), 'pointer of an input')
   call done(model%get_value_ptr_double('lu_frac.forest', forest), 'pointer of an output')
   call write_outputs()
   call refused(model%update_until(0.5d0), 'Time 0.5 is not a whole number of years')
   call done(model%update(), 'update')
   call write_outputs()
   call done(model%get_value_double('lu_frac.forest', values), 'get_value')
   call check(all(forest == values), 'the pointer sees the new year')

   ! Values in and out.
   call done(model%get_value_double(inputs(5), values), 'get_value of an input')
   call check(all(urban == values), 'a name of lsbc and its name in BMI are the same array')
   urban = 0.5d0
   call refused(model%update(), "Field 'urban'", "sum to")
   call done(model%set_value_double('urban', values), 'set_value')
   call done(model%set_value_at_indices_double('urban', [1, n_cell], [0.125d0, 0.25d0]), 'set_value_at_indices')
   call check(urban(1) == 0.125d0 .and. urban(n_cell) == 0.25d0 .and. urban(2) == values(2), 'indices count from 1')
   call done(model%get_value_at_indices_double('urban', some, [n_cell, 1]), 'get_value_at_indices')
   call check(all(some == [0.25d0, 0.125d0]), 'values at indices')
   call refused(model%get_value_at_indices_double('urban', some, [0, 1]), 'Indices into variable')
   call refused(model%set_value_double('albedo', values), "Variable 'albedo' is an output")
   call refused(model%get_value_float('albedo', single), "Variable 'albedo' is double precision")
   call refused(model%get_value_double('snow', values), "There is no variable 'snow'")
   call refused(model%get_value_double('albedo', values(:80)), 'fills an array of shape (81,)')
   urban = values
   call done(model%update_until(2.0d0), 'update_until')
   call write_outputs()
   call refused(model%update(), 'Year 2002 is run.last_year')
   close (unit)
#ifdef LSBC_WITH_BMIF
   call through_the_abstract_type(model)
#endif

   call done(model%finalize(), 'finalize')
   call done(model%finalize(), 'finalize again')
   call refused(model%update(), 'update came before initialize or after finalize')
   if (n_failed > 0) error stop 1

contains

   subroutine names_and_kinds()
      call done(model%get_component_name(name), 'component name')
      call check(name == 'lsbc', 'component name')
      call done(model%get_input_item_count(number), 'count of inputs')
      call done(model%get_input_var_names(inputs), 'names of inputs')
      call done(model%get_output_var_names(names), 'names of outputs')
      call check(number == 12 .and. size(inputs) == 12 .and. size(names) == 48, 'counts')
      call check(inputs(5) == 'land_luh2~urban__area_fraction', 'name of the fifth input')
      call done(model%get_var_grid(inputs(5), number), 'grid')
      call check(number == 0, 'grid')
      call done(model%get_var_nbytes(inputs(5), number), 'bytes')
      call check(number == 8*n_cell, 'bytes')
      call done(model%get_var_type(inputs(5), text), 'type')
      call check(text == 'double precision', 'type')
      call done(model%get_var_units('root_depth', text), 'units')
      call check(text == 'm', 'units')
      call done(model%get_var_location('root_depth', text), 'location')
      call check(text == 'face', 'location')
      call refused(model%get_var_units('root_depth', text(:0)), 'more than the 0 of the variable')
      call done(model%get_time_units(text), 'units of time')
      call check(text == 'year', 'units of time')
      call done(model%get_start_time(time), 'start')
      call check(time == 0.0d0, 'start')
      call done(model%get_end_time(time), 'end')
      call check(time == 2.0d0, 'end')
      call done(model%get_time_step(time), 'step')
      call check(time == 1.0d0, 'step')
   end subroutine names_and_kinds

   subroutine grid()
      call done(model%get_grid_type(0, text), 'grid type')
      call check(text == 'unstructured', 'grid type')
      call done(model%get_grid_rank(0, number), 'rank')
      call check(number == 2, 'rank')
      call done(model%get_grid_size(0, number), 'size')
      call check(number == 100, 'size')
      call done(model%get_grid_node_count(0, number), 'nodes')
      call check(number == 100, 'nodes')
      call done(model%get_grid_edge_count(0, number), 'edges')
      call check(number == 180, 'edges')
      call done(model%get_grid_face_count(0, number), 'faces')
      call check(number == n_cell, 'faces')
      call done(model%get_grid_x(0, x), 'x')
      call done(model%get_grid_y(0, y), 'y')
      call done(model%get_grid_face_nodes(0, nodes), 'face nodes')
      call check(minval(nodes) == 1 .and. maxval(nodes) == 100, 'nodes count from 1')
      ! The first cell is the one of 0.2 degrees from 9.1 E, 47.1 N.
      call check(abs(sum(x(nodes(:4)))/4 - 9.2d0) < 1d-9 .and. abs(sum(y(nodes(:4)))/4 - 47.2d0) < 1d-9, 'place of a face')
      call done(model%get_grid_face_edges(0, edges), 'face edges')
      call done(model%get_grid_edge_nodes(0, ends), 'edge nodes')
      do i = 1, 4
         call check(all([minval(ends(2*edges(i) - 1:2*edges(i))), maxval(ends(2*edges(i) - 1:2*edges(i)))] == &
            [min(nodes(i), nodes(modulo(i, 4) + 1)), max(nodes(i), nodes(modulo(i, 4) + 1))]), 'edges of a face')
      end do
      call done(model%get_grid_nodes_per_face(0, per_face), 'nodes per face')
      call check(all(per_face == 4), 'nodes per face')
      call refused(model%get_grid_spacing(0, some), 'Grid 0 has no spacing')
      call refused(model%get_grid_rank(1, number), 'There is no grid 1')
   end subroutine grid

   subroutine write_outputs()
      integer :: k
      call done(model%get_current_time(time), 'time')
      call check(time == year, 'time')
      do k = 1, size(names)
         call done(model%get_value_double(names(k), values), names(k))
         write (unit) values
      end do
      year = nint(time) + 1
   end subroutine write_outputs

#ifdef LSBC_WITH_BMIF
   subroutine through_the_abstract_type(any_model)
      class(bmi), intent(inout) :: any_model
      call done(any_model%get_current_time(time), 'abstract type')
      call check(time == 2.0d0, 'abstract type')
   end subroutine through_the_abstract_type
#endif

   subroutine check(holds, what)
      logical, intent(in) :: holds
      character(len=*), intent(in) :: what
      if (holds) return
      n_failed = n_failed + 1
      print '(a)', 'not true: '//trim(what)
   end subroutine check

   subroutine done(status, what)
      integer, intent(in) :: status
      character(len=*), intent(in) :: what
      character(len=2048) :: reason
      if (status == BMI_SUCCESS) return
      call model%last_error(reason)
      call check(.false., trim(what)//': '//trim(reason))
   end subroutine done

   subroutine refused(status, words, or_words)
      integer, intent(in) :: status
      character(len=*), intent(in) :: words
      character(len=*), intent(in), optional :: or_words
      character(len=2048) :: reason
      logical :: found
      call model%last_error(reason)
      found = index(reason, words) > 0
      if (present(or_words)) found = found .or. index(reason, or_words) > 0
      call check(status == BMI_FAILURE .and. found, 'refused with "'//words//'", got "'//trim(reason)//'"')
   end subroutine refused

end program test_bmi
