# Install the libraries, the header, the modules, a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)
set(lsbc_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lsbc)

install(TARGETS lsbc lsbc_fortran lsbc_bmi EXPORT lsbcTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES fortran_bridge/lsbc.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_BINARY_DIR}/fortran_bridge/modules/ DESTINATION ${LSBC_MODULE_DIR})
install(EXPORT lsbcTargets NAMESPACE lsbc:: DESTINATION ${lsbc_package_dir})

configure_package_config_file(cmake/lsbcConfig.cmake.in ${PROJECT_BINARY_DIR}/lsbcConfig.cmake
  INSTALL_DESTINATION ${lsbc_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/lsbcConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/lsbcConfig.cmake ${PROJECT_BINARY_DIR}/lsbcConfigVersion.cmake
  DESTINATION ${lsbc_package_dir})

# Relative to the file itself, so that an installed tree can be moved.
file(RELATIVE_PATH lsbc_pc_to_prefix
  /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(cmake/lsbc.pc.in ${PROJECT_BINARY_DIR}/lsbc.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/lsbc.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
