# What must hold elsewhere than in this build: strict compilers, sanitizers, other Fortran compilers, hosts' own projects.
# Included by CMakeLists.txt, whose helpers it uses.

# Sources of the libraries: our own C, the C that cffi wrote, and the Fortran modules in the order of their use.
get_target_property(folder lsbc SOURCE_DIR)
get_target_property(own_sources lsbc SOURCES)
get_target_property(modules lsbc_fortran SOURCES)
get_target_property(bmi_modules lsbc_bmi SOURCES)
set(joint_source ${own_sources})
list(FILTER joint_source INCLUDE REGEX "joint")
list(REMOVE_ITEM own_sources ${joint_source})
list(TRANSFORM own_sources PREPEND ${folder}/)
list(TRANSFORM modules PREPEND ${folder}/)
list(TRANSFORM bmi_modules PREPEND ${folder}/)

# --- every source compiles without a warning under each compiler that is here ---------------------------------------------
set(strict -O2 -fPIC -Wall -Wextra -Wpedantic -Werror)
set(headers -I${PROJECT_SOURCE_DIR}/fortran_bridge)
foreach(folder IN LISTS Python_INCLUDE_DIRS MPI_C_INCLUDE_DIRS)
  list(APPEND headers -isystem ${folder})
endforeach()
get_target_property(definitions lsbc COMPILE_DEFINITIONS)
list(TRANSFORM definitions PREPEND -D)

# strict_test(NAME name COMMAND compiler flag ...): in a scratch folder of its own.
function(strict_test name)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/strict_${name})
  file(MAKE_DIRECTORY ${folder})
  add_test(NAME bridge_strict_${name} COMMAND ${ARGN} WORKING_DIRECTORY ${folder})
  set_tests_properties(bridge_strict_${name} PROPERTIES TIMEOUT 60)
endfunction()

find_program(LSBC_GCC NAMES gcc)
find_program(LSBC_GXX NAMES g++)
find_program(LSBC_CLANG NAMES clang clang-21 clang-20 clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
find_program(LSBC_CLANGXX NAMES clang++ clang++-21 clang++-20 clang++-19 clang++-18 clang++-17 clang++-16 clang++-15 clang++-14)
foreach(compiler IN ITEMS GCC CLANG)
  if(LSBC_${compiler})
    string(TOLOWER ${compiler} name)
    strict_test(library_${name} ${LSBC_${compiler}} -std=c99 ${strict} ${headers} ${definitions} -c ${own_sources})
    strict_test(header_c99_${name} ${LSBC_${compiler}} -std=c99 ${strict} ${headers} -c ${CMAKE_CURRENT_SOURCE_DIR}/header_c99.c)
    strict_test(bmi_c_${name} ${LSBC_${compiler}} -std=c99 ${strict} ${headers} -I${bmi_stand_in} -c ${PROJECT_SOURCE_DIR}/fortran_bridge/lsbc_bmi_struct.c)
  endif()
endforeach()
foreach(compiler IN ITEMS GXX CLANGXX)
  if(LSBC_${compiler})
    string(TOLOWER ${compiler} name)
    strict_test(header_cxx17_${name} ${LSBC_${compiler}} -std=c++17 ${strict} ${headers} -c ${CMAKE_CURRENT_SOURCE_DIR}/header_cxx17.cpp)
    strict_test(bmi_c_header_${name} ${LSBC_${compiler}} -std=c++17 ${strict} ${headers} -I${bmi_stand_in} -include lsbc_bmi_c.h
      -c ${CMAKE_CURRENT_SOURCE_DIR}/header_cxx17.cpp)
  endif()
endforeach()

find_program(LSBC_GFORTRAN NAMES gfortran)
find_program(LSBC_FLANG NAMES flang-new flang-21 flang-20 flang-new-19 flang-new-18)
if(LSBC_GFORTRAN)
  strict_test(fortran_gfortran ${LSBC_GFORTRAN} -std=f2008 -Wall -Wextra -pedantic -Werror -O2 -c ${modules})
  # BMI prescribes arguments, used or not; GCC 12 takes allocatables that are allocated by assignment for uninitialized.
  strict_test(bmi_gfortran ${LSBC_GFORTRAN} -std=f2008 -Wall -Wextra -pedantic -Werror -Wno-unused-dummy-argument
    -Wno-uninitialized -Wno-maybe-uninitialized -c ${modules} ${bmi_modules})
endif()
if(LSBC_FLANG)
  # Its strictest: it knows the standard of 2018 alone.
  strict_test(fortran_flang ${LSBC_FLANG} -std=f2018 -pedantic -Werror -O2 -c ${modules})
endif()

# --- the library and its tests under AddressSanitizer and UndefinedBehaviorSanitizer --------------------------------------
include(CheckCSourceCompiles)
set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
set(CMAKE_REQUIRED_FLAGS -fsanitize=address,undefined)
check_c_source_compiles("int main(void) { return 0; }" LSBC_HAS_SANITIZERS)
unset(CMAKE_REQUIRED_FLAGS)

# A second liblsbc from the same sources, and test programs against it. Python leaks what lives as long as the process.
function(sanitized_test name)
  add_executable(sanitized_${name} test_${name}.c)
  target_compile_options(sanitized_${name} PRIVATE ${sanitize} -g)
  target_link_options(sanitized_${name} PRIVATE ${sanitize})
  target_compile_definitions(sanitized_${name} PRIVATE LSBC_EXPECTED_VERSION="${PROJECT_VERSION}")
  target_link_libraries(sanitized_${name} PRIVATE lsbc_sanitized ${ARGN})
endfunction()

if(LSBC_HAS_SANITIZERS)
  set_source_files_properties(${joint_source} PROPERTIES GENERATED ON)
  add_library(lsbc_sanitized SHARED ${own_sources} ${joint_source})
  add_dependencies(lsbc_sanitized lsbc)
  target_include_directories(lsbc_sanitized PUBLIC ${PROJECT_SOURCE_DIR}/fortran_bridge)
  target_compile_definitions(lsbc_sanitized PRIVATE $<TARGET_PROPERTY:lsbc,COMPILE_DEFINITIONS>)
  target_compile_options(lsbc_sanitized PRIVATE ${sanitize} -g)
  target_link_options(lsbc_sanitized PRIVATE ${sanitize})
  target_link_libraries(lsbc_sanitized PRIVATE $<TARGET_PROPERTY:lsbc,LINK_LIBRARIES>)
  set_target_properties(lsbc_sanitized PROPERTIES C_VISIBILITY_PRESET hidden)

  # A host's trap is to end it by a signal, not by a report.
  set(sanitizer_options ASAN_OPTIONS=detect_leaks=0:handle_sigfpe=0 UBSAN_OPTIONS=print_stacktrace=1)
  sanitized_test(calls)
  bridge_test(NAME sanitized_calls COMMAND sanitized_calls ENVIRONMENT ${sanitizer_options})
  if(OpenMP_C_FOUND)
    sanitized_test(host_state OpenMP::OpenMP_C m)
    bridge_test(NAME sanitized_host_state COMMAND sanitized_host_state ENVIRONMENT ${sanitizer_options})
  endif()
  sanitized_test(ranks MPI::MPI_C)
  bridge_test(NAME sanitized_two_ranks COMMAND ${two_ranks} $<TARGET_FILE:sanitized_ranks> ENVIRONMENT ${sanitizer_options})
  sanitized_test(real_component)
  bridge_test(NAME sanitized_real_component COMMAND sanitized_real_component REAL
    ENVIRONMENT LSBC_LOG_LEVEL=CRITICAL ${sanitizer_options})
endif()

# --- a library of another version than the Python package -----------------------------------------------------------------
set(other_version ${CMAKE_CURRENT_BINARY_DIR}/other_version.c)
add_custom_command(OUTPUT ${other_version} VERBATIM
  COMMAND ${Python_EXECUTABLE} ${PROJECT_SOURCE_DIR}/fortran_bridge/build_ffi.py ${other_version} 99.0.0
  DEPENDS ${PROJECT_SOURCE_DIR}/fortran_bridge/build_ffi.py)
add_library(lsbc_other_version SHARED ${own_sources} ${other_version})
target_include_directories(lsbc_other_version PUBLIC ${PROJECT_SOURCE_DIR}/fortran_bridge)
target_compile_definitions(lsbc_other_version PRIVATE $<TARGET_PROPERTY:lsbc,COMPILE_DEFINITIONS>)
target_link_libraries(lsbc_other_version PRIVATE $<TARGET_PROPERTY:lsbc,LINK_LIBRARIES>)
add_executable(test_other_version test_startup_failure.c)
target_link_libraries(test_other_version PRIVATE lsbc_other_version)
bridge_test(NAME start_with_another_version COMMAND test_other_version "liblsbc is version 99.0.0, the Python package lsbc in"
  "is version ${PROJECT_VERSION}; install both of one version")

# --- hosts' own projects --------------------------------------------------------------------------------------------------
if(NOT CMAKE_SOURCE_DIR STREQUAL PROJECT_SOURCE_DIR)
  return()
endif()
set(scratch ${CMAKE_CURRENT_BINARY_DIR})
set(compilers -D C_COMPILER=${CMAKE_C_COMPILER} -D FORTRAN_COMPILER=${CMAKE_Fortran_COMPILER})
set(host -D ROOT=${PROJECT_SOURCE_DIR} -D VERSION=${PROJECT_VERSION} -D COMPILER=${lsbc_compiler} -D PYTHON=${Python_EXECUTABLE} ${compilers})
set(consumer ${CMAKE_CURRENT_SOURCE_DIR}/consumer)

bridge_test(NAME consumers COMMAND ${CMAKE_COMMAND} ${host} -D BUILD=${PROJECT_BINARY_DIR} -D WORK=${scratch}/installed
  -D SOURCE=${consumer} -D LIBDIR=${CMAKE_INSTALL_LIBDIR} -D INCLUDEDIR=${CMAKE_INSTALL_INCLUDEDIR}
  -P ${CMAKE_CURRENT_SOURCE_DIR}/check_consumers.cmake)
set_tests_properties(bridge_consumers PROPERTIES FIXTURES_SETUP installed TIMEOUT 300)

bridge_test(NAME subproject COMMAND ${CMAKE_COMMAND} ${host} -D WORK=${scratch}/subproject_build
  -D SOURCE=${CMAKE_CURRENT_SOURCE_DIR}/subproject -D HOSTS=${consumer} -P ${CMAKE_CURRENT_SOURCE_DIR}/check_subproject.cmake)
set_tests_properties(bridge_subproject PROPERTIES TIMEOUT 300)

if(LSBC_FLANG AND NOT CMAKE_Fortran_COMPILER_ID STREQUAL LLVMFlang)
  bridge_test(NAME second_compiler COMMAND ${CMAKE_COMMAND} ${host} -D WORK=${scratch}/second_compiler
    -D PREFIX=${scratch}/installed/prefix -D SOURCE=${consumer} -D SECOND_COMPILER=${LSBC_FLANG}
    -P ${CMAKE_CURRENT_SOURCE_DIR}/check_second_compiler.cmake)
  set_tests_properties(bridge_second_compiler PROPERTIES FIXTURES_REQUIRED installed TIMEOUT 300)
endif()

find_program(LSBC_FPM NAMES fpm HINTS ${python_bin})
if(LSBC_FPM)
  bridge_test(NAME fpm COMMAND ${CMAKE_COMMAND} ${host} -D WORK=${scratch}/fpm_host -D FPM=${LSBC_FPM}
    -D LIB=${scratch}/installed/prefix/${CMAKE_INSTALL_LIBDIR} -P ${CMAKE_CURRENT_SOURCE_DIR}/check_fpm.cmake)
  set_tests_properties(bridge_fpm PROPERTIES FIXTURES_REQUIRED installed)
endif()
