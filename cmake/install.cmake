# Install the libraries, the header, the modules, a CMake package and a pkg-config file.
#
# Several Fortran compilers may install into one prefix, one after the other: what is theirs has their name in it. The C
# library, the header and the pkg-config file are those of the last install.
include(CMakePackageConfigHelpers)
set(lsbc_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lsbc)

set(lsbc_fortran_libraries lsbc_fortran lsbc_bmi)
foreach(library IN LISTS lsbc_fortran_libraries)
  set_target_properties(${library} PROPERTIES OUTPUT_NAME ${library}-${lsbc_compiler})
endforeach()
set_target_properties(lsbc ${lsbc_fortran_libraries} PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${lsbc_so_version})

install(TARGETS lsbc EXPORT lsbcTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS ${lsbc_fortran_libraries} EXPORT lsbcFortranTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES fortran_bridge/lsbc.h fortran_bridge/lsbc_bmi.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET lsbc_bmi_c)
  set_target_properties(lsbc_bmi_c PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${lsbc_so_version})
  install(TARGETS lsbc_bmi_c EXPORT lsbcTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
  install(FILES fortran_bridge/lsbc_bmi_c.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endif()
install(DIRECTORY ${PROJECT_BINARY_DIR}/fortran_bridge/modules/ DESTINATION ${LSBC_MODULE_DIR})
install(EXPORT lsbcTargets NAMESPACE lsbc:: DESTINATION ${lsbc_package_dir})
install(EXPORT lsbcFortranTargets FILE lsbcFortran-${lsbc_compiler}.cmake NAMESPACE lsbc:: DESTINATION ${lsbc_package_dir})

configure_package_config_file(cmake/lsbcConfig.cmake.in ${PROJECT_BINARY_DIR}/lsbcConfig.cmake
  INSTALL_DESTINATION ${lsbc_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lsbcConfigVersion.cmake COMPATIBILITY ${lsbc_compatibility})
install(FILES ${PROJECT_BINARY_DIR}/lsbcConfig.cmake ${PROJECT_BINARY_DIR}/lsbcConfigVersion.cmake
  DESTINATION ${lsbc_package_dir})

# Relative to the file itself, so that an installed tree can be moved.
file(RELATIVE_PATH lsbc_pc_to_prefix
  /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/lsbc.pc.in ${PROJECT_BINARY_DIR}/lsbc.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lsbc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
