# Install lsbc to a fresh prefix, move it, then build and run a host that finds it by find_package and by pkg-config.
# Expects -D BUILD, WORK, SOURCE (the consumer), LIBDIR, C_COMPILER, FORTRAN_COMPILER; the environment of the tests.
function(run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE code OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "${ARGN}\nended with ${code}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/first)
file(RENAME ${WORK}/first ${WORK}/prefix)

run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK}/build -DCMAKE_PREFIX_PATH=${WORK}/prefix
  -DCMAKE_C_COMPILER=${C_COMPILER} -DCMAKE_Fortran_COMPILER=${FORTRAN_COMPILER})
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/host_c)
run(${WORK}/build/host_fortran)

find_program(pkg_config NAMES pkg-config pkgconf)
if(NOT pkg_config)
  message("pkg-config is not here: only find_package was tried")
  return()
endif()
set(ENV{PKG_CONFIG_PATH} ${WORK}/prefix/${LIBDIR}/pkgconfig)
run(${pkg_config} --cflags --libs lsbc)
separate_arguments(flags UNIX_COMMAND "${output}")
run(${C_COMPILER} ${SOURCE}/host.c ${flags} -o ${WORK}/host_c)
run(${FORTRAN_COMPILER} ${SOURCE}/host.f90 ${flags} -o ${WORK}/host_fortran)
run(${WORK}/host_c)
run(${WORK}/host_fortran)
