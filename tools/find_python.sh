#!/usr/bin/env bash
# Print the path of a Python that a host can embed: 3.11 or later, with a shared libpython, its headers and venv.
# PYTHON names the only one to look at. On failure say what is wrong with each that was tried.
set -u

trial='
import sys, os, sysconfig
if sys.version_info < (3, 11):
    sys.exit("is %d.%d; 3.11 or later is needed" % sys.version_info[:2])
if not sysconfig.get_config_var("Py_ENABLE_SHARED"):
    sys.exit("has no shared libpython (build it with --enable-shared; pyenv: PYTHON_CONFIGURE_OPTS=--enable-shared)")
library = sysconfig.get_config_var("INSTSONAME") or ""
folders = [sysconfig.get_config_var("LIBDIR") or "", os.path.join(sysconfig.get_config_var("LIBDIR") or "", sysconfig.get_config_var("MULTIARCH") or "")]
if not any(os.path.exists(os.path.join(folder, library)) for folder in folders):
    sys.exit("lacks its shared library %s (Debian: python3-dev)" % library)
if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    sys.exit("lacks its headers (Debian: python3-dev)")
try:
    import ensurepip, venv
except ImportError:
    sys.exit("lacks venv (Debian: python3-venv)")
print(os.path.realpath(sys.executable))
'

report=""
for name in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if ! path=$(command -v "$name"); then
        [ -n "${PYTHON:-}" ] && report+="  $name: not found"$'\n'
        continue
    fi
    if said=$("$path" -c "$trial" 2>&1); then
        echo "$said"
        exit 0
    fi
    report+="  $path: $said"$'\n'
done
printf 'No Python that a host can embed:\n%sName another with: make PYTHON=/path/to/python3\n' "${report:-  none found}" >&2
exit 1
