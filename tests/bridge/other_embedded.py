"""Write the C of another library that embeds Python through cffi, as a host may have one. Run by CMake."""

import sys

import cffi

ffi = cffi.FFI()
ffi.embedding_api("int other_embedded_sum(int, int);")
ffi.set_source("_other_embedded", "")
ffi.embedding_init_code("""
from _other_embedded import ffi

@ffi.def_extern(error=-1)
def other_embedded_sum(a, b):
    return a + b
""")
ffi.emit_c_code(sys.argv[1])
