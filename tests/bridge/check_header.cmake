# No type in the interface that has values a host's own `.true.` is not: -D FILES.
foreach(file IN LISTS FILES)
  file(STRINGS ${file} found REGEX "_Bool|stdbool|c_bool|[^a-z_]logical *[(,:]")
  list(FILTER found EXCLUDE REGEX "^ *!|^ *\\*")
  if(found)
    message(FATAL_ERROR "${file} passes a logical, whose bits differ between compilers: ${found}")
  endif()
endforeach()
