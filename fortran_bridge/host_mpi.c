/* What liblsbc must know of the host's MPI library before it uses it. Keeps nothing, and ends no job. */
#define _GNU_SOURCE /* dladdr */
#include "host_mpi.h"

#include <dlfcn.h>
#include <mpi.h>
#include <string.h>

#define LONGEST_VERSION 8192 /* MPICH's; Open MPI's is shorter */

const char *lsbc_host_mpi_built(void) {
#ifdef OPEN_MPI
    return "Open MPI";
#else
    return "MPICH or a library of its kind";
#endif
}

/* Sure signs only: libraries made from these two have names of their own. */
static int is_of_another_kind(const char *version) {
    int is_open_mpi = strncmp(version, "Open MPI", strlen("Open MPI")) == 0;
#ifdef OPEN_MPI
    return !is_open_mpi && (strstr(version, "MPICH") || strstr(version, "MVAPICH") || strstr(version, "Intel(R) MPI"));
#else
    return is_open_mpi;
#endif
}

const char *lsbc_host_mpi_other(void) {
    static char version[LONGEST_VERSION + 1];
    int length = 0;
    if (MPI_Get_library_version(version, &length) != MPI_SUCCESS || !is_of_another_kind(version)) return NULL;
    version[strcspn(version, "\n,")] = '\0';
    return version;
}

/* Open MPI gives a null pointer for a number that is no handle; MPICH makes a handle of any number, and ends the job at its first use
   unless told to return. The error is raised on MPI_COMM_SELF since MPI 4, on MPI_COMM_WORLD before. */
int lsbc_host_mpi_has_comm(int32_t fortran_comm) {
    MPI_Comm comm = MPI_Comm_f2c((MPI_Fint)fortran_comm);
    MPI_Comm blamed[] = {MPI_COMM_SELF, MPI_COMM_WORLD};
    MPI_Errhandler of_host[2];
    int size = 0, status;
    if (comm == MPI_COMM_NULL || comm == (MPI_Comm)0) return 0;
    for (int i = 0; i < 2; ++i) {
        MPI_Comm_get_errhandler(blamed[i], &of_host[i]);
        MPI_Comm_set_errhandler(blamed[i], MPI_ERRORS_RETURN);
    }
    status = MPI_Comm_size(comm, &size);
    for (int i = 0; i < 2; ++i) {
        MPI_Comm_set_errhandler(blamed[i], of_host[i]);
        MPI_Errhandler_free(&of_host[i]);
    }
    return status == MPI_SUCCESS;
}

void lsbc_host_mpi_show(void) {
    Dl_info found;
    if (dladdr((void *)(uintptr_t)MPI_Initialized, &found) == 0 || found.dli_fname == NULL) return;
    (void)dlopen(found.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
}
