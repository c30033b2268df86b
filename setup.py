"""Only what pyproject.toml cannot say: the C kernel of lsbc.regrid, built against the stable ABI."""

from pathlib import Path

from setuptools import Extension, setup

HERE = Path(__file__).parent

setup(
    ext_modules=[
        Extension(
            "lsbc.regrid._kernel",
            sources=sorted(str(path.relative_to(HERE)) for path in HERE.glob("regrid/*.c")),
            depends=sorted(str(path.relative_to(HERE)) for path in HERE.glob("regrid/*.h")),
            extra_compile_args=["-O3", "-ffp-contract=off", "-std=c11"],
            py_limited_api=True,
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
        )
    ]
)
