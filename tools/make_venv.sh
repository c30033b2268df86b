#!/usr/bin/env bash
# Make the virtual environment, unless it is there: make_venv.sh VENV
set -eu
venv=$1
[ -x "$venv/bin/python" ] && "$venv/bin/python" -c 'import pip' && exit 0
python=$("$(dirname "$0")/find_python.sh")
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --upgrade pip
