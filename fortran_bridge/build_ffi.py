"""Write the C that joins liblsbc to Python. Run by CMake; knows the inner calls and nothing of what they do.

The C is emitted, never compiled here: CMake compiles it into liblsbc with the shim.
"""

from __future__ import annotations

import sys

import cffi

MODULE = "_lsbc_bridge"

_TYPES = """
typedef struct lsbc_field_info_t {
    char name[64];
    char standard_name[128];
    char units[32];
    int32_t n_level;
    int32_t direction;
} lsbc_field_info_t;
typedef struct lsbc_array_t {
    void *address;
    int32_t item_bytes;
    int32_t n_dim;
    int64_t extent[3];
    int64_t stride_bytes[3];
    int64_t npromz;
    int32_t level_dim;
    int32_t memory;
    void *stream;
} lsbc_array_t;
"""

#: Called by Python, defined in the shim.
_C_CALLS = "void lsbc_inner_text(int32_t handle, const char *text);"

#: Called by the shim, defined in entry.py.
_PYTHON_CALLS = """
int lsbc_inner_prepare(int32_t handle, int32_t self_comm);
int lsbc_inner_create(int32_t handle, const char *config_path, int32_t fortran_comm);
int lsbc_inner_set_grid(int32_t handle, int64_t n_cell, const int64_t *global_id, const double *lon_deg,
                        const double *lat_deg, int32_t n_vertex, const double *vertex_lon_deg,
                        const double *vertex_lat_deg, const int32_t *owned);
int lsbc_inner_set_array(int32_t handle, const char *name, const lsbc_array_t *array);
int lsbc_inner_step_year(int32_t handle, int32_t year);
int lsbc_inner_get_array(int32_t handle, const char *name, const lsbc_array_t *array);
int lsbc_inner_field_count(int32_t handle, int32_t *count);
int lsbc_inner_field_info(int32_t handle, int32_t index, lsbc_field_info_t *info);
int lsbc_inner_write_restart(int32_t handle, const char *path);
int lsbc_inner_read_restart(int32_t handle, const char *path);
int lsbc_inner_destroy(int32_t handle, int32_t run_exit_functions);
int lsbc_inner_drop(int32_t handle);
"""

_C_SOURCE = """
#include "inner.h"
static int cffi_start_python(void);
int lsbc_inner_start(void) { return cffi_start_python(); }
"""

_START_CODE = """
from {module} import ffi, lib
try:
    from lsbc.fortran_bridge import entry, startup
    startup.check_library_version("{version}")
    entry.register(ffi, lib)
except BaseException as error:
    lib.lsbc_inner_text(-1, (type(error).__name__ + ": " + str(error)).encode())
"""


def build(version: str) -> cffi.FFI:
    """The interface of liblsbc of this version, ready to be emitted."""
    ffi = cffi.FFI()
    ffi.cdef(_TYPES + _C_CALLS)
    ffi.embedding_api(_PYTHON_CALLS)
    ffi.embedding_init_code(_START_CODE.format(module=MODULE, version=version))
    ffi.set_source(MODULE, _C_SOURCE)
    return ffi


if __name__ == "__main__":
    build(sys.argv[2]).emit_c_code(sys.argv[1])
