# A second Fortran compiler: refused with a reason while lsbc is not installed for it, then beside the first in one prefix.
# It runs the smoke test, and each compiler builds a host against its own part. Runs after check_consumers.cmake, whose
# prefix it adds to. Expects -D ROOT, WORK, PREFIX, SOURCE (the consumer), VERSION, COMPILER (the first, as in GNU-12),
# C_COMPILER, FORTRAN_COMPILER, SECOND_COMPILER, PYTHON; the environment of the tests.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
file(COPY ${PREFIX}/ DESTINATION ${WORK}/prefix)
set(consumer ${CMAKE_COMMAND} -S ${SOURCE} -DCMAKE_PREFIX_PATH=${WORK}/prefix -DVERSION=${VERSION} -DNEXT_VERSION=999.0
  -DCMAKE_C_COMPILER=${C_COMPILER})
run_fails("only for: ${COMPILER}; build and install lsbc with this compiler" ${consumer} -B ${WORK}/refused
  -DCMAKE_Fortran_COMPILER=${SECOND_COMPILER})

run(${CMAKE_COMMAND} -S ${ROOT} -B ${WORK}/lsbc -DCMAKE_Fortran_COMPILER=${SECOND_COMPILER} -DCMAKE_C_COMPILER=${C_COMPILER}
  -DPython_EXECUTABLE=${PYTHON} -DCMAKE_INSTALL_PREFIX=${WORK}/prefix)
run(${CMAKE_COMMAND} --build ${WORK}/lsbc --target lsbc_fortran lsbc_bmi test_smoke)
run(${WORK}/lsbc/tests/bridge/test_smoke ${VERSION})
run(${CMAKE_COMMAND} --install ${WORK}/lsbc)

foreach(compiler IN ITEMS ${FORTRAN_COMPILER} ${SECOND_COMPILER})
  get_filename_component(name ${compiler} NAME)
  run(${consumer} -B ${WORK}/${name} -DCMAKE_Fortran_COMPILER=${compiler})
  run(${CMAKE_COMMAND} --build ${WORK}/${name})
  run(${WORK}/${name}/host_fortran)
endforeach()
