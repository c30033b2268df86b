"""Only what pyproject.toml cannot say: the C kernel of lsbc.regrid, built against the stable ABI."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "lsbc.regrid._kernel",
            sources=[f"regrid/{name}.c" for name in ("kernel", "kernel_edge", "kernel_polygon", "kernel_rows", "kernelmodule")],
            depends=[f"regrid/{name}.h" for name in ("kernel", "kernel_edge", "kernel_polygon")],
            extra_compile_args=["-O3", "-ffp-contract=off", "-std=c11"],
            py_limited_api=True,
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
        )
    ]
)
