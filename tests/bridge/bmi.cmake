# BMI from Fortran and C. Included by CMakeLists.txt.
add_executable(test_bmi test_bmi.F90)
target_link_libraries(test_bmi PRIVATE lsbc::bmi)
if(LSBC_BMIF_DIR)
  target_compile_definitions(test_bmi PRIVATE LSBC_WITH_BMIF)
endif()
if(CMAKE_Fortran_COMPILER_ID STREQUAL GNU)
  target_compile_options(test_bmi PRIVATE -std=f2008 -fcheck=all -ffpe-trap=invalid,zero,overflow)
endif()
add_executable(test_bmi_beside test_bmi_beside.f90)
target_link_libraries(test_bmi_beside PRIVATE lsbc::bmi lsbc::fortran)
bridge_test(NAME bmi COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/bmi_case.py $<TARGET_FILE:test_bmi> REAL
  ENVIRONMENT LSBC_LOG_LEVEL=CRITICAL)
bridge_test(NAME bmi_beside_a_handle COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/bmi_case.py
  $<TARGET_FILE:test_bmi_beside> alone REAL ENVIRONMENT LSBC_LOG_LEVEL=CRITICAL)

# The C structure, of the bmi.h that the build was given, else of one that stands in for it.
set(bmi_stand_in ${CMAKE_CURRENT_SOURCE_DIR}/bmi_stand_in)
lsbc_add_bmi_c(bmi_c_short_names ${bmi_stand_in})
target_compile_definitions(bmi_c_short_names PUBLIC BMI_MAX_VAR_NAME=52)
set(bmi_c lsbc_bmi_c)
if(NOT TARGET lsbc_bmi_c)
  set(bmi_c bmi_c_stand_in)
  lsbc_add_bmi_c(bmi_c_stand_in ${bmi_stand_in})
endif()
add_executable(test_bmi_c test_bmi_c.c)
target_link_libraries(test_bmi_c PRIVATE ${bmi_c} m)
add_executable(test_bmi_c_beside test_bmi_c_beside.c)
target_link_libraries(test_bmi_c_beside PRIVATE bmi_c_short_names)
add_executable(test_bmi_c_loaded test_bmi_c_loaded.c)
target_include_directories(test_bmi_c_loaded SYSTEM PRIVATE $<TARGET_PROPERTY:${bmi_c},INTERFACE_INCLUDE_DIRECTORIES>)
target_link_libraries(test_bmi_c_loaded PRIVATE ${CMAKE_DL_LIBS})
bridge_test(NAME bmi_c COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/bmi_case.py $<TARGET_FILE:test_bmi_c> REAL
  ENVIRONMENT LSBC_LOG_LEVEL=CRITICAL)
bridge_test(NAME bmi_c_two_instances COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/bmi_case.py
  $<TARGET_FILE:test_bmi_c_beside> alone REAL ENVIRONMENT LSBC_LOG_LEVEL=CRITICAL)
bridge_test(NAME bmi_c_loaded COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/bmi_case.py
  $<TARGET_FILE:test_bmi_c_loaded> alone REAL ENVIRONMENT LSBC_LOG_LEVEL=CRITICAL BMI_LIBRARY=$<TARGET_FILE:${bmi_c}>)
set_tests_properties(bridge_bmi bridge_bmi_beside_a_handle bridge_bmi_c bridge_bmi_c_two_instances bridge_bmi_c_loaded PROPERTIES SKIP_RETURN_CODE 77)
