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

# The guards, then the bridge alone: a component that only calls one model stands behind it. FTORCH=PREFIX adds FTorch calling the same model.
echo "--- benchmarks/guard.c"
cc -O2 -I fortran_bridge benchmarks/guard.c fortran_bridge/guard.c -o "$build/guard" -lm
"$build/guard"

echo "--- benchmarks/bridge.py"
"$python" benchmarks/bridge.py --build "$build" ${FTORCH:+--ftorch "$FTORCH"}

echo "--- benchmarks/startup.py"
if command -v strace > /dev/null; then
    "$python" benchmarks/startup.py --build "$build"
else
    echo "strace is not installed"
fi
