#!/usr/bin/env bash
# Every benchmark, one after the other, one thread each: run_benchmarks.sh VENV BUILD
set -eu
python=$1/bin/python build=$2
export OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
for script in benchmarks/*.py; do
    echo "--- $script"
    "$python" "$script"
done
if [ -x "$build/bridge_calls" ]; then
    echo "--- benchmarks/bridge_calls.f90"
    # The bridge alone: a component that does nothing stands behind it.
    PYTHONPATH=tests/bridge LSBC_COMPONENT=fake_component:FakeComponent LSBC_LOG_LEVEL=WARNING \
        "$build/bridge_calls" none.toml 2000 urban urban_frac 1000000
fi
