#!/usr/bin/env bash
# Benchmarks that need no training set-up, one after the other, one thread each: run_benchmarks.sh VENV BUILD
set -eu
python=$1/bin/python build=$2 input=$2/benchmark_input
export OMP_NUM_THREADS=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 LSBC_LOG_LEVEL=WARNING
tools/stage.sh "input of the benchmarks" "$build/logs/benchmark_input.log" "$python" examples/demo_data.py --out "$input" --host icon

for name in regrid_overlap regrid regrid_apply regrid_router; do
    echo "--- benchmarks/$name.py"
    "$python" "benchmarks/$name.py"
done

echo "--- benchmarks/allocate.py"
"$python" benchmarks/allocate.py

for name in infer infer_gpu tiles_global; do
    echo "--- benchmarks/$name.py"
    "$python" "benchmarks/$name.py"
done

for ranks in 1 2; do
    echo "--- benchmarks/coupled_years.py on $ranks rank(s)"
    mpirun --oversubscribe -n "$ranks" "$python" benchmarks/coupled_years.py "$input/icon.toml" --years 10
done

# The bridge alone: a component that does nothing stands behind it.
echo "--- benchmarks/bridge_calls.f90"
PYTHONPATH=tests/bridge LSBC_COMPONENT=fake_component:FakeComponent \
    "$build/bridge_calls" none.toml 2000 urban urban_frac 1000000
