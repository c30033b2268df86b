#!/bin/sh
# Run a program so that one rank alone has a variable: on_one_rank.sh RANK NAME=value program... The variables are those of Open MPI, of MPICH and of Slurm.
rank="${OMPI_COMM_WORLD_RANK:-${PMI_RANK:-${SLURM_PROCID:-}}}"
[ "$rank" != "$1" ] || export "${2?}"
shift 2
exec "$@"
