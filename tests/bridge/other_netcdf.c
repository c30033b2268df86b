/* Stands for a host's own libnetcdf and libhdf5, of another release than Python's: whoever calls it is lost. */
#include <stdio.h>
#include <stdlib.h>

int other_netcdf_is_linked(void) { return 1; }

#define LOST(name)                                                        \
    int name(void) {                                                      \
        fprintf(stderr, "%s: the library of the host was called\n", #name); \
        abort();                                                          \
    }

LOST(nc_open)
LOST(nc_create)
LOST(nc_close)
LOST(nc_rc_set)
LOST(nc_inq_libvers)
LOST(nc_strerror)
LOST(nc__open)
LOST(H5open)
LOST(H5Fopen)
LOST(H5Fcreate)
LOST(H5get_libversion)
LOST(H5check_version)
