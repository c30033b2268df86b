#!/usr/bin/env bash
# All tests: serial, under MPI on 1, 2 and 3 ranks, and the bridge's own: run_tests.sh VENV BUILD
# Every part runs, even after a failure in one before. The last line counts all of them.
set -u
python=$1/bin/python build=$2
reports=$build/reports
rm -rf "$reports"
mkdir -p "$reports"
export OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export LSBC_BUILD=$build
failed=0
began=$SECONDS

echo "--- serial tests"
"$python" -m pytest tests --ignore=tests/mpi -q -p no:cacheprovider --junitxml="$reports/serial.xml" || failed=1

for ranks in 1 2 3; do
    echo "--- tests on $ranks rank(s)"
    # Each rank is a pytest; only the first one speaks, and a failure on any rank ends mpirun with a failure.
    mpirun --oversubscribe -n "$ranks" bash -c '
        rank=${OMPI_COMM_WORLD_RANK:-0}
        if [ "$rank" -eq 0 ]; then exec "$0" -m pytest tests/mpi -q --color=no -p no:cacheprovider --junitxml="$1/mpi_$2.xml"; fi
        "$0" -m pytest tests/mpi -q --color=no -p no:cacheprovider >"$1/mpi_$2_rank_$rank.log" 2>&1 || { status=$?; tail -n 30 "$1/mpi_$2_rank_$rank.log"; exit $status; }
    ' "$python" "$reports" "$ranks" || failed=1
done

echo "--- bridge tests (ctest)"
(cd "$build" && ctest --output-on-failure --output-junit "$PWD/reports/ctest.xml") || failed=1

"$python" tools/sum_reports.py "$reports" $((SECONDS - began)) $failed
