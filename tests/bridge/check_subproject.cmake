# A scratch project that fetches lsbc builds and runs a host of its own, without the tests of lsbc.
# Expects -D ROOT, WORK, SOURCE (the project), HOSTS, C_COMPILER, FORTRAN_COMPILER, PYTHON; the environment of the tests.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
run(${CMAKE_COMMAND} -S ${SOURCE} -B ${WORK} -DLSBC_SOURCE=${ROOT} -DHOSTS=${HOSTS} -DPython_EXECUTABLE=${PYTHON}
  -DCMAKE_C_COMPILER=${C_COMPILER} -DCMAKE_Fortran_COMPILER=${FORTRAN_COMPILER})
run(${CMAKE_COMMAND} --build ${WORK} --target host_fortran)
run(${WORK}/host_fortran)
