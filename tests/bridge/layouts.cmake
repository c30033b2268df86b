# Arrays of any layout and memory. Included by CMakeLists.txt.
add_executable(test_layouts test_layouts.f90)
target_link_libraries(test_layouts PRIVATE lsbc::fortran)
if(CMAKE_Fortran_COMPILER_ID STREQUAL GNU)
  target_compile_options(test_layouts PRIVATE -std=f2008 -Wall -Wextra -O2 -fcheck=all)
endif()
bridge_test(NAME layouts COMMAND test_layouts)

add_library(cuda_stand_in SHARED cuda_stand_in.c)
set_target_properties(cuda_stand_in PROPERTIES OUTPUT_NAME cuda VERSION 1 SOVERSION 1
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/cuda_stand_in)
bridge_program(test_device_memory test_device_memory.c cuda_stand_in)
bridge_test(NAME device_memory COMMAND test_device_memory)
