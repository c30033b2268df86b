/* A plugin that brings both liblsbc and the MPI library into a host that has neither. */
#include "check.h"

#include <mpi.h>

__attribute__((visibility("default"))) int plugin_main(void) {
    int32_t handle = 0;
    double values[2] = {0.25, 0.5};
    MPI_Init(NULL, NULL);
    CHECK(lsbc_create("ok.toml", (int32_t)MPI_Comm_c2f(MPI_COMM_WORLD), &handle) == LSBC_OK);
    if (handle == 0) fprintf(stderr, "%s\n", last_error(0));
    CHECK(set_two_cells(handle) == LSBC_OK);
    CHECK(lsbc_set_field(handle, "urban", 2, values) == LSBC_OK);
    CHECK(lsbc_step_year(handle, 2019) == LSBC_OK);
    CHECK(lsbc_destroy(handle) == LSBC_OK);
    MPI_Finalize();
    return n_failed != 0;
}
