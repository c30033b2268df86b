#!/usr/bin/env bash
# Configure and build the bridge and the example hosts: build.sh BUILD VENV
set -eu
build=$1 venv=$2
python=$(cd "$(dirname "$venv/bin/python")" && pwd)/python
# CMake keeps the interpreter it found first: start again when it is another one.
if [ -f "$build/CMakeCache.txt" ] && ! grep -q "^Python_EXECUTABLE:[A-Z]*=$python$" "$build/CMakeCache.txt"; then
    rm -rf "$build/CMakeCache.txt" "$build/CMakeFiles"
fi
cmake -S . -B "$build" -DLSBC_BUILD_EXAMPLES=ON -DPython_EXECUTABLE="$python"
cmake --build "$build" -j "$(nproc)"
