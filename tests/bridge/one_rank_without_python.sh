#!/bin/sh
# Run a program so that rank 1 alone has no interpreter. The variables are those of Open MPI, of MPICH and of Slurm.
rank="${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-${SLURM_PROCID:-}}}"
[ "$rank" != 1 ] || export LSBC_PYTHON=/nowhere/python
exec "$@"
