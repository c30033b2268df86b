/* Let one rank read the Python modules from disk and hand them to the others. Knows no handles and no land use. */
#ifndef LSBC_SHARE_H
#define LSBC_SHARE_H

#include <mpi.h>

/* Start Python on all ranks of `comm`, each module read once (collective); 1 if `lsbc_share_end` is to follow, 0 if each
   rank has to start on its own. It reports no failure: what went wrong here goes wrong again, and is told, where the
   rank does the same on its own. The environment variable LSBC_SHARED_IMPORTS of rank 0
   decides: 0 never, 1 always, else where the ranks are on more than one node. */
int lsbc_share_begin(MPI_Comm comm);
/* Hand over what rank 0 has imported since, and what the network of the configuration will import (collective).
   Rank 0 calls it after its own preparation, the others before theirs. `config_path` may be NULL. */
void lsbc_share_end(MPI_Comm comm, const char *config_path);

#endif
