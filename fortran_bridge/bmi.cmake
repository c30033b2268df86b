# lsbc_bmi: type bmi_lsbc with the procedures of the Basic Model Interface; lsbc_bmi_c: its C structure. Included by
# CMakeLists.txt.
#
# Without more it is a plain type. -DLSBC_BMIF_DIR=PREFIX, where bmi-fortran is installed, makes it extend its abstract type.
set(LSBC_BMIF_DIR "" CACHE PATH "Prefix of bmi-fortran (module bmif_2_0), which type bmi_lsbc then extends")

add_library(lsbc_bmi SHARED lsbc_bmi_c.f90 lsbc_bmi.F90)
add_library(lsbc::bmi ALIAS lsbc_bmi)
target_include_directories(lsbc_bmi PUBLIC
  $<BUILD_INTERFACE:${CMAKE_CURRENT_BINARY_DIR}/modules>
  $<INSTALL_INTERFACE:${LSBC_MODULE_DIR}>)
target_link_libraries(lsbc_bmi PUBLIC lsbc)
set_target_properties(lsbc_bmi PROPERTIES
  INSTALL_RPATH "$ORIGIN"
  INSTALL_RPATH_USE_LINK_PATH ON
  EXPORT_NAME bmi
  Fortran_MODULE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/modules)

if(LSBC_BMIF_DIR)
  find_path(LSBC_BMIF_MODULES bmif_2_0.mod PATHS ${LSBC_BMIF_DIR} PATH_SUFFIXES include NO_DEFAULT_PATH)
  find_library(LSBC_BMIF_LIBRARY bmif PATHS ${LSBC_BMIF_DIR} PATH_SUFFIXES lib lib64 NO_DEFAULT_PATH)
  if(NOT LSBC_BMIF_MODULES OR NOT LSBC_BMIF_LIBRARY)
    message(FATAL_ERROR "LSBC_BMIF_DIR=${LSBC_BMIF_DIR} holds no include/bmif_2_0.mod or no lib/libbmif: name the prefix where bmi-fortran is installed.")
  endif()
  target_compile_definitions(lsbc_bmi PRIVATE LSBC_WITH_BMIF)
  target_include_directories(lsbc_bmi PUBLIC ${LSBC_BMIF_MODULES})
  target_link_libraries(lsbc_bmi PUBLIC ${LSBC_BMIF_LIBRARY})
endif()

# -DLSBC_BMI_C_DIR=FOLDER, where CSDMS's bmi.h is (or a framework's copy of it), adds the C structure.
set(LSBC_BMI_C_DIR "" CACHE PATH "Folder of bmi.h of bmi-c, whose structure of functions lsbc_bmi_c fills")

# lsbc_add_bmi_c(NAME FOLDER): the library for the bmi.h of a folder, whose warnings are not ours.
function(lsbc_add_bmi_c name folder)
  add_library(${name} SHARED ${PROJECT_SOURCE_DIR}/fortran_bridge/lsbc_bmi_struct.c)
  target_compile_features(${name} PRIVATE c_std_99)
  target_include_directories(${name} SYSTEM PUBLIC ${folder})
  target_link_libraries(${name} PUBLIC lsbc)
  set_target_properties(${name} PROPERTIES
    C_VISIBILITY_PRESET hidden
    INSTALL_RPATH "$ORIGIN"
    INSTALL_RPATH_USE_LINK_PATH ON)
endfunction()

if(LSBC_BMI_C_DIR)
  if(NOT EXISTS ${LSBC_BMI_C_DIR}/bmi.h)
    message(FATAL_ERROR "LSBC_BMI_C_DIR=${LSBC_BMI_C_DIR} holds no bmi.h: name the folder where that of bmi-c is.")
  endif()
  lsbc_add_bmi_c(lsbc_bmi_c ${LSBC_BMI_C_DIR})
  set_target_properties(lsbc_bmi_c PROPERTIES EXPORT_NAME bmi_c)
  add_library(lsbc::bmi_c ALIAS lsbc_bmi_c)
endif()
