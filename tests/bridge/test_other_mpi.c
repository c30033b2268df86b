/* A host whose MPI library is not of the kind that liblsbc was compiled for: the handles are never used. The program answers for the library, as
   the first one that the loader finds does. */
#include "check.h"

#include <mpi.h>

#ifdef OPEN_MPI
#define HOST "MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7"
#define BUILT "built with Open MPI"
#define NAME "the host runs MPICH Version:\t4.0.2; "
#else
#define HOST "Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4"
#define BUILT "built with MPICH"
#define NAME "the host runs Open MPI v4.1.4; "
#endif

static const char *host = HOST;

int MPI_Get_library_version(char *version, int *length) {
    *length = (int)strlen(host);
    strcpy(version, host);
    return MPI_SUCCESS;
}

/* mpi4py of the other kind: refused before its module is loaded, which calls MPI at once. */
static int has_mpi4py_of_another_kind(void) {
    int32_t handle = 99;
    host = "A library of no known kind";
    MPI_Init(NULL, NULL);
    CHECK(lsbc_create("ok.toml", (int32_t)MPI_Comm_c2f(MPI_COMM_WORLD), &handle) == LSBC_ERR_STARTUP);
    CHECK_TEXT(0, "is built for");
    CHECK_TEXT(0, "build it with the host's MPI");
    MPI_Finalize();
    return n_failed != 0;
}

/* Argument: mpi4py, where it is that which is of another kind. */
int main(int n_argument, char **arguments) {
    int32_t handle = 99;
    if (n_argument == 2 && strcmp(arguments[1], "mpi4py") == 0) return has_mpi4py_of_another_kind();
    CHECK(lsbc_create("ok.toml", 0, &handle) == LSBC_ERR_STARTUP); /* 0 is the world of Open MPI and no handle of MPICH */
    CHECK(handle == 0);
    CHECK_TEXT(0, BUILT);
    CHECK_TEXT(0, NAME);
    CHECK_TEXT(0, "build lsbc with the host's MPI");
    host = "A library of no known kind"; /* not refused: the next guard speaks */
    CHECK(lsbc_create("ok.toml", 0, &handle) == LSBC_ERR_STATE);
    CHECK_TEXT(0, "MPI is not running");
    host = HOST;
    CHECK(lsbc_create("ok.toml", LSBC_COMM_SERIAL, &handle) == LSBC_OK); /* a run without MPI asks for none */
    CHECK(lsbc_destroy(handle) == LSBC_OK);
    return n_failed != 0;
}
