/* Where the modules of two ranks come from: of rank 1 from rank 0 when they share, else from files. */
#include "check.h"

#include <mpi.h>
#include <stdlib.h>

static int32_t comm;

static void look(const char *config, int *from_rank_0, int *from_files) {
    int32_t handle = 99;
    char rank = config[4];
    *from_rank_0 = *from_files = -1;
    CHECK(lsbc_create(config, comm, &handle) == LSBC_ERR_CONFIG);
    CHECK(handle == 0);
    (void)sscanf(last_error(0), "rank %*d: %d modules from rank 0, %d from files", from_rank_0, from_files);
    CHECK(text[5] == rank);
}

/* Argument: shared, apart, or start0 where rank 0 has no interpreter. */
int main(int n_argument, char **arguments) {
    const char *what = n_argument == 2 ? arguments[1] : "";
    int from_rank_0, from_files;
    MPI_Init(NULL, NULL);
    comm = (int32_t)MPI_Comm_c2f(MPI_COMM_WORLD);
    if (strcmp(what, "start0") == 0) {
        int32_t handle = 99;
        CHECK(lsbc_create("rank1.toml", comm, &handle) == LSBC_ERR_STARTUP);
        CHECK_TEXT(0, "rank 0: ");
        CHECK_TEXT(0, "/nowhere/python");
    } else {
        const int is_shared = strcmp(what, "shared") == 0;
        look("rank1.toml", &from_rank_0, &from_files);
        /* What Python reads before it can be given anything is some tens of modules. */
        CHECK(is_shared ? from_rank_0 > 100 && from_files < 100 : from_rank_0 == 0 && from_files > 150);
        look("rank0.toml", &from_rank_0, &from_files);
        CHECK(from_rank_0 == 0 && from_files > 150);
    }
    MPI_Finalize();
    return n_failed != 0;
}
