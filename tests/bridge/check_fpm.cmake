# A host that is an fpm project takes lsbc by path, builds its Fortran module and links the C library that was installed.
# Expects -D ROOT, WORK, FPM, LIB (folder of liblsbc), VERSION, FORTRAN_COMPILER.
include(${CMAKE_CURRENT_LIST_DIR}/run.cmake)

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/app)
# fpm takes relative paths only, and does not look through links.
get_filename_component(work ${WORK} REALPATH)
get_filename_component(root ${ROOT} REALPATH)
file(RELATIVE_PATH lsbc ${work} ${root})
file(WRITE ${WORK}/fpm.toml "name = \"host\"\n[dependencies]\nlsbc = { path = \"${lsbc}\" }\n")
file(WRITE ${WORK}/app/main.f90 "program main
   use lsbc, only: lsbc_version
   implicit none
   character(len=32) :: text
   call lsbc_version(text)
   print '(a)', trim(text)
end program main
")
set(ENV{FPM_FC} ${FORTRAN_COMPILER})
set(ENV{FPM_LDFLAGS} "-L${LIB} -Wl,-rpath,${LIB}")
run(${FPM} build)
run(${FPM} run)
if(NOT output MATCHES "(^|\n)${VERSION}\n")
  message(FATAL_ERROR "the host did not print ${VERSION}:\n${output}")
endif()
