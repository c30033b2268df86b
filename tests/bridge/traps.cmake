# What embedding Python in a Fortran or C host under MPI is known to break, one test or more each. `without_cures.py` shows
# that each fails when lsbc does not take care. Included by CMakeLists.txt, whose functions it uses.
find_package(OpenMP COMPONENTS Fortran)
find_package(Threads REQUIRED)
set(host_component LSBC_COMPONENT=host_component:HostComponent)
execute_process(COMMAND ${Python_EXECUTABLE} -c "import sys; print(sys.prefix, end='')" OUTPUT_VARIABLE python_prefix)
set(four_ranks ${MPIEXEC_EXECUTABLE} ${MPIEXEC_NUMPROC_FLAG} 4 ${MPIEXEC_PREFLAGS})

function(fortran_program name source)
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE lsbc::fortran ${ARGN})
endfunction()

# The environment is searched for nothing: not through PATH, not in the working directory.
bridge_program(test_create test_create.c)
bridge_test(NAME start_without_path COMMAND test_create place.toml ENVIRONMENT ${host_component} PATH=/usr/bin:/bin EXPECTED_PREFIX=${python_prefix})
set_tests_properties(bridge_start_without_path PROPERTIES WORKING_DIRECTORY /)
set(shadows ${CMAKE_CURRENT_BINARY_DIR}/shadows)
foreach(module IN ITEMS numpy lsbc signal cffi)
  file(WRITE ${shadows}/${module}.py "raise RuntimeError('taken from the working directory')\n")
endforeach()
bridge_test(NAME start_among_shadows COMMAND test_create place.toml ENVIRONMENT ${host_component})
set_tests_properties(bridge_start_among_shadows PROPERTIES WORKING_DIRECTORY ${shadows})
# numpy and cffi without lsbc; a start of Python that fails half-way.
execute_process(COMMAND ${Python_EXECUTABLE} -c "import numpy, os; print(os.path.dirname(os.path.dirname(numpy.__file__)), end='')"
  OUTPUT_VARIABLE site_packages)
bridge_test(NAME start_without_lsbc COMMAND test_startup_failure "No module named 'lsbc" ${bare}/bin/python LSBC_PYTHON
  ENVIRONMENT LSBC_PYTHON=${bare}/bin/python PYTHONPATH=${site_packages})
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/broken_site/sitecustomize.py "raise SystemExit(3)\n")
bridge_test(NAME start_with_broken_site COMMAND test_startup_failure "Python did not start" "site" LSBC_PYTHON
  ENVIRONMENT PYTHONPATH=${CMAKE_CURRENT_BINARY_DIR}/broken_site)

# Floating-point traps and OpenMP.
if(OpenMP_C_FOUND)
  foreach(way IN ITEMS REGISTERS FENV)
    string(TOLOWER guard_by_${way} name)
    add_executable(test_${name} test_guard.c ${PROJECT_SOURCE_DIR}/fortran_bridge/guard.c)
    target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/fortran_bridge)
    if(way STREQUAL FENV)
      target_compile_definitions(test_${name} PRIVATE LSBC_GUARD_BY_FENV)
    endif()
    target_link_libraries(test_${name} PRIVATE OpenMP::OpenMP_C m)
    bridge_test(NAME ${name} COMMAND test_${name})
  endforeach()
endif()
if(OpenMP_Fortran_FOUND AND CMAKE_Fortran_COMPILER_ID STREQUAL GNU)
  fortran_program(test_traps test_traps.f90 OpenMP::OpenMP_Fortran)
  target_compile_options(test_traps PRIVATE -ffpe-trap=invalid,zero,overflow)
  foreach(library IN ITEMS onnxruntime torch)
    execute_process(COMMAND ${Python_EXECUTABLE} -c
      "import importlib.util as u, sys; sys.exit(not all(u.find_spec(m) for m in sys.argv[1:]))" ${library} onnx RESULT_VARIABLE lacks_${library})
  endforeach()
  foreach(which IN ITEMS onnxruntime_host_first torch_host_first torch_inside_first)
    string(REGEX MATCH "^([a-z]+)_(.*)$" matched ${which})
    set(library ${CMAKE_MATCH_1})
    set(order ${CMAKE_MATCH_2})
    if(lacks_${library})
      message(STATUS "bridge: ${library} (with onnx) is not installed, so its overflows under the host's traps are not tested")
    else()
      bridge_test(NAME traps_${which} COMMAND test_traps ${order} ENVIRONMENT
        LSBC_COMPONENT=network_component:NetworkComponent NETWORK=${library} OMP_NUM_THREADS=2 OMP_STACKSIZE=256k)
    endif()
  endforeach()
endif()

# A process with other users of Python, with threads, and with little stack.
set(other_joint ${CMAKE_CURRENT_BINARY_DIR}/other_embedded.c)
add_custom_command(OUTPUT ${other_joint} COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/other_embedded.py ${other_joint}
  DEPENDS other_embedded.py VERBATIM)
add_library(other_embedded SHARED ${other_joint})
target_link_libraries(other_embedded PRIVATE Python::Python)
bridge_program(test_two_embedded test_two_embedded.c other_embedded)
foreach(first IN ITEMS other lsbc)
  bridge_test(NAME two_embedded_${first}_first COMMAND test_two_embedded ${first} ENVIRONMENT "PATH=${python_bin}:$ENV{PATH}")
endforeach()
bridge_program(test_instances test_instances.c Threads::Threads)
bridge_test(NAME instances_and_threads COMMAND test_instances)
bridge_test(NAME real_instances COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/real_instances.py $<TARGET_FILE:lsbc> REAL
  ENVIRONMENT LSBC_LOG_LEVEL=CRITICAL "PYTHONPATH=${package_dir}:${PROJECT_SOURCE_DIR}/tests")
fortran_program(test_stack test_stack.f90)
bridge_test(NAME small_stack COMMAND sh -c "ulimit -s 1024 && exec $<TARGET_FILE:test_stack>" ENVIRONMENT ${host_component})
fortran_program(test_kept_address test_kept_address.f90)
if(CMAKE_Fortran_COMPILER_ID STREQUAL GNU)
  target_compile_options(test_kept_address PRIVATE -O3)
endif()
bridge_test(NAME kept_address COMMAND test_kept_address)
bridge_test(NAME no_logicals COMMAND ${CMAKE_COMMAND}
  "-DFILES=${PROJECT_SOURCE_DIR}/fortran_bridge/lsbc.h;${PROJECT_SOURCE_DIR}/fortran_bridge/lsbc_c.f90;${PROJECT_SOURCE_DIR}/fortran_bridge/lsbc.f90"
  -P ${CMAKE_CURRENT_SOURCE_DIR}/check_header.cmake)

# The end of an instance, and of very many calls.
bridge_program(test_exit test_exit.c)
bridge_test(NAME exit_functions COMMAND test_exit ${CMAKE_CURRENT_BINARY_DIR}/exit_function_ran ENVIRONMENT ${host_component})
bridge_program(test_memory test_memory.c)
bridge_test(NAME memory COMMAND test_memory)
set_tests_properties(bridge_memory PROPERTIES SKIP_RETURN_CODE 77)

# Another MPI library than liblsbc's, and than mpi4py's.
bridge_program(test_other_mpi test_other_mpi.c MPI::MPI_C)
bridge_test(NAME another_mpi COMMAND test_other_mpi)
include(CheckSymbolExists)
set(CMAKE_REQUIRED_LIBRARIES MPI::MPI_C)
check_symbol_exists(OPEN_MPI mpi.h LSBC_TESTS_HAVE_OPEN_MPI)
unset(CMAKE_REQUIRED_LIBRARIES)
if(LSBC_TESTS_HAVE_OPEN_MPI)
  set(other_kind mpich)
else()
  set(other_kind openmpi)
endif()
execute_process(COMMAND ${Python_EXECUTABLE} -c "import glob, mpi4py; print(len(glob.glob(mpi4py.__path__[0] + '/MPI.${other_kind}.*')), end='')"
  OUTPUT_VARIABLE mpi4py_of_other_kind ERROR_QUIET)
if(mpi4py_of_other_kind EQUAL 1) # a wheel that holds several kinds
  bridge_test(NAME mpi4py_of_another_mpi COMMAND test_other_mpi mpi4py ENVIRONMENT MPI4PY_MPIABI=${other_kind})
endif()

# MPI that starts late, its thread levels, parts of the job, and a plugin that brings it.
bridge_program(test_mpi_order test_mpi_order.c MPI::MPI_C Threads::Threads)
# mpi_test(NAME level what LAUNCHER)
function(mpi_test name level what)
  bridge_test(NAME ${name} COMMAND ${ARGN} $<TARGET_FILE:test_mpi_order> ${level} ${what} ENVIRONMENT ${host_component})
endfunction()
mpi_test(mpi4py_before_mpi_init single mpi4py_first ${two_ranks})
mpi_test(serial_before_mpi_init funneled serial_first ${two_ranks})
mpi_test(parts_of_the_job serialized parts ${four_ranks})
mpi_test(ranks_from_another_thread multiple thread ${two_ranks})
mpi_test(one_rank_late single late ${two_ranks})
bridge_program(test_python_mpi_host test_python_mpi_host.c Python::Python MPI::MPI_C)
target_compile_definitions(test_python_mpi_host PRIVATE HOST_PYTHON="${Python_EXECUTABLE}")
bridge_test(NAME host_with_mpi4py COMMAND ${two_ranks} $<TARGET_FILE:test_python_mpi_host>)
add_executable(load_plugin load_plugin.c)
target_link_libraries(load_plugin PRIVATE ${CMAKE_DL_LIBS})
add_library(plugin_with_mpi MODULE plugin_with_mpi.c)
target_link_libraries(plugin_with_mpi PRIVATE lsbc::lsbc MPI::MPI_C)
bridge_test(NAME plugin_with_mpi COMMAND ${two_ranks} $<TARGET_FILE:load_plugin> $<TARGET_FILE:plugin_with_mpi>)
