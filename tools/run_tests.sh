#!/usr/bin/env bash
# All tests: serial, under MPI on 1, 2 and 3 ranks, and the bridge's own: run_tests.sh VENV BUILD
# The tests of training, networks and examples, which keep one core busy for minutes, and the bridge's run beside all the others; their output comes last.
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
long="tests/training tests/emulator/network tests/examples"

beside() {
    local failed=0
    echo "--- serial tests of training, networks and examples"
    # shellcheck disable=SC2086
    "$python" -m pytest $long -q --color=no -p no:cacheprovider --junitxml="$reports/long.xml" || failed=1
    echo "--- bridge tests (ctest)"
    (cd "$build" && ctest --output-on-failure --output-junit "$PWD/reports/ctest.xml") || failed=1
    return $failed
}
beside >"$reports/beside.log" 2>&1 &
beside=$!
trap 'kill "$beside" 2>/dev/null' EXIT

echo "--- serial tests (those of training, networks, examples and bridge run beside them)"
# shellcheck disable=SC2086
"$python" -m pytest tests --ignore=tests/mpi ${long//tests/--ignore=tests} -q -p no:cacheprovider --junitxml="$reports/serial.xml" || failed=1

for ranks in 1 2 3; do
    echo "--- tests on $ranks rank(s)"
    # Each rank is a pytest; only the first one speaks, and a failure on any rank ends mpirun with a failure.
    mpirun --oversubscribe -n "$ranks" bash -c '
        rank=${OMPI_COMM_WORLD_RANK:-0}
        if [ "$rank" -eq 0 ]; then exec "$0" -m pytest tests/mpi -q --color=no -p no:cacheprovider --junitxml="$1/mpi_$2.xml"; fi
        "$0" -m pytest tests/mpi -q --color=no -p no:cacheprovider >"$1/mpi_$2_rank_$rank.log" 2>&1 || { status=$?; tail -n 30 "$1/mpi_$2_rank_$rank.log"; exit $status; }
    ' "$python" "$reports" "$ranks" || failed=1
done

wait "$beside" || failed=1
cat "$reports/beside.log"

"$python" tools/sum_reports.py "$reports" $((SECONDS - began)) $failed
