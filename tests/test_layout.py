"""The import rule of the packages, and where heavy libraries may appear."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {"regrid": set(), "emulator": {"regrid"}, "fortran_bridge": {"regrid", "emulator"}, "training": {"regrid", "emulator"}}
ONLY_IN = {
    "mpi4py": {"regrid/comm.py"},
    "cffi": {"fortran_bridge/build_ffi.py"},
    "matplotlib": {*(f"emulator/{name}.py" for name in ("plot", "plot_frame", "plot_host")), "training/score_plots.py"},
    "onnxruntime": {"emulator/network/onnx_cpu.py", "training"},
    "torch": {*(f"emulator/network/{name}.py" for name in ("torch_network", "torch_exported", "torchscript", "program_file", "cuda_graphs", "tensorrt",
                                                     "device_channels", "device_memory", "device_tiles", "device_calls")),
              "emulator/devices.py", "regrid/apply_torch.py", "training"},
    "torch_tensorrt": {"emulator/network/tensorrt.py"},
    "openvino": {"emulator/network/openvino.py", "training/runtimes.py"},
    "netCDF4": {"emulator/reader.py", "emulator/climate_file.py", "emulator/month_axis.py",
                "emulator/output.py", "emulator/restart.py", "emulator/record_file.py", "emulator/plot_frame.py", "emulator/plot_host.py",
                "training", "emulator/hosts", "regrid/readers/grid_file.py", "regrid/readers/scrip_writer.py", "regrid/netcdf_input.py", "regrid/weight_writer.py",
                "regrid/field_files.py", "regrid/backends/yac.py", "regrid/backends/esmf_child.py"},
    "rasterio": {"training/readers/raster.py", "training/coarse_change.py"},
    "zarr": {"training/store.py", "emulator/hosts/zarr_plan.py"},
    "numcodecs": {"emulator/hosts/zarr_plan.py"},
    "healpix": {"emulator/hosts/healpix_cells.py"},
    "esmpy": {"regrid/backends/esmf_child.py"},
    "xgboost": {"training/late_xgboost.py"},
    "scipy": {"training/class_odds.py", "training/change_rates.py", "training/coarse_change.py", "training/models/features.py",
              "training/models/neighbourhood.py", "training/models/rules.py"},
    "yac": {"regrid/backends/yac_child.py", "emulator/adapters/yac.py"},
    "bmipy": {"emulator/adapters/bmi.py"},
    "comin": {"emulator/adapters/comin.py"},
}
MODULES = [path for package in MAY_IMPORT for path in sorted((ROOT / package).rglob("*.py"))]


def imports(path):
    """(module, at the top level of the file) of every import."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, id(node) in top


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_packages_import_in_one_direction_only(path):
    package = path.relative_to(ROOT).parts[0]
    for module, _ in imports(path):
        if module.startswith("lsbc."):
            assert module.split(".")[1] in MAY_IMPORT[package] | {package}, f"{path} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_libraries_stay_where_they_belong(path):
    here = path.relative_to(ROOT).as_posix()
    for module, at_top in imports(path):
        allowed = ONLY_IN.get(module.split(".")[0])
        if allowed is None:
            continue
        assert any(here == place or here.startswith(f"{place}/") for place in allowed), f"{here} imports {module}"
        if not here.startswith("training/") and here not in ("fortran_bridge/build_ffi.py", "emulator/adapters/bmi.py"):
            assert not at_top, f"{here} imports {module} before it is needed"


@pytest.mark.parametrize("path", [path for path in MODULES if "_child" in path.stem or "child_" in path.stem], ids=lambda p: p.stem)
def test_scripts_for_other_interpreters_do_not_need_lsbc(path):
    assert not [module for module, _ in imports(path) if module.split(".")[0] == "lsbc"]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
