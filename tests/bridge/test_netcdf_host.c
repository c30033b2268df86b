/* A host that links its own libnetcdf: Python's must still call the one that it brings. */
#include "check.h"

int other_netcdf_is_linked(void);

int main(void) {
    int32_t handle = 0;
    CHECK(other_netcdf_is_linked());
    CHECK(lsbc_create("netcdf.toml", LSBC_COMM_SERIAL, &handle) == LSBC_OK);
    CHECK(lsbc_destroy(handle) == LSBC_OK);
    return n_failed != 0;
}
