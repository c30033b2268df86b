/* What liblsbc must know of the host's MPI library before it uses it. Keeps nothing, and ends no job. */
#ifndef LSBC_HOST_MPI_H
#define LSBC_HOST_MPI_H

#include <stdint.h>

/* The kind of library that liblsbc was compiled for. */
const char *lsbc_host_mpi_built(void);
/* The name of the host's library when that is of another kind, so that its handles mean something else; NULL when it fits, or
   is not known. Asks with numbers and characters only, also before MPI_Init. */
const char *lsbc_host_mpi_other(void);
/* Whether a number is the Fortran handle of a communicator. MPI must be running. */
int lsbc_host_mpi_has_comm(int32_t fortran_comm);
/* Let mpi4py see the host's library, and choose its own module after it: a host that loads liblsbc as a plugin hides it. */
void lsbc_host_mpi_show(void);

#endif
