#!/usr/bin/env bash
# See that compilers, MPI, netcdf-fortran and CMake are here. What is missing is installed where we are root on Debian or
# Ubuntu; else the command to do so is printed. With everything in place nothing is asked of the network.
#   system_packages.sh check     only look: status 0 when nothing is missing
#   system_packages.sh install
# A virtual environment that is there already (VENV) needs no other Python.
set -u

# An interpreter that the user names is taken or refused, never installed.
if [ -n "${PYTHON:-}" ] && [ ! -x "${VENV:-.venv}/bin/python" ]; then
    "$(dirname "$0")/find_python.sh" >/dev/null || exit 2
fi

missing() {
    command -v gcc >/dev/null || echo gcc
    command -v g++ >/dev/null || echo g++
    command -v make >/dev/null || echo make
    command -v gfortran >/dev/null || echo gfortran
    command -v cmake >/dev/null || echo cmake
    command -v pkg-config >/dev/null || echo pkg-config
    command -v mpirun >/dev/null || echo openmpi-bin
    { command -v mpifort && command -v mpicc; } >/dev/null || echo libopenmpi-dev
    { command -v pkg-config && pkg-config --exists netcdf-fortran; } >/dev/null 2>&1 || echo libnetcdff-dev
    [ -x "${VENV:-.venv}/bin/python" ] || [ -n "${PYTHON:-}" ] || "$(dirname "$0")/find_python.sh" >/dev/null 2>&1 || printf '%s\n' python3 python3-venv python3-dev
}

mapfile -t packages < <(missing)
[ ${#packages[@]} -eq 0 ] && exit 0
[ "${1:-install}" = check ] && exit 1
command="apt-get install -y --no-install-recommends ${packages[*]}"
if ! command -v apt-get >/dev/null; then
    echo "Missing on this system, under their Debian names: ${packages[*]}" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    printf 'Missing system packages. Run this, then make again:\n    sudo %s\n' "$command" >&2
    exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update && $command || exit 1

# A distribution whose python3 is older than 3.11 may carry a newer one beside it.
if [ ! -x "${VENV:-.venv}/bin/python" ] && ! "$(dirname "$0")/find_python.sh" >/dev/null 2>&1; then
    for version in 3.13 3.12 3.11; do
        apt-get install -y --no-install-recommends "python$version" "python$version-venv" "python$version-dev" && break
    done
fi
mapfile -t packages < <(missing)
[ ${#packages[@]} -eq 0 ] && exit 0
echo "Still missing after apt-get: ${packages[*]}" >&2
"$(dirname "$0")/find_python.sh"
exit 1
