# BMI from Fortran. Included by CMakeLists.txt.
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
set_tests_properties(bridge_bmi bridge_bmi_beside_a_handle PROPERTIES SKIP_RETURN_CODE 77)
