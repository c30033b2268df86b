"""Time of the bridge's calls beside FTorch calling the same TorchScript file and beside plain Fortran, guards on.

    python benchmarks/bridge.py --ftorch PREFIX     # PREFIX: an FTorch that was installed against this interpreter's torch
    python benchmarks/bridge.py                     # without FTorch: its rows are left out
    cmake -S FTorch -B build -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX=PREFIX \\
          -DCMAKE_PREFIX_PATH=$(python -c "import torch; print(torch.utils.cmake_prefix_path)")   # how such a PREFIX is made

Needs gfortran (or the compiler that FC names), torch, and the built bridge (--build FOLDER, build by default). One executable calls all variants
in turn, each time in a new random order, so that a noisy machine is noisy for all of them alike; it is started --runs times. The table gives the
median over runs of the medians over calls and, in brackets, the time in units of FTorch's: the median over the turns of a run of the ratio
within one turn; of the runs their median, the least and the greatest. One thread a process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-5
"""Of onnxruntime and of compiled programs, which add up in another order; all other outputs are equal bit for bit."""
BASE = "torch_wrapped"
MODEL_ROWS = {
    "fortran": "Fortran, z = 2 x",
    "torch_wrapped": "FTorch as documented: wrap, forward, delete",
    "torch_kept": "FTorch, tensors made once",
    "lent_pt": "lsbc, arrays lent once: `lsbc_step_year`, the same TorchScript file",
    "lent_onnx": "lsbc, arrays lent once, onnxruntime (lsbc's own on a CPU)",
    "lent_pt2": "lsbc, arrays lent once, torch.export compiled by AOTInductor",
    "named": "lsbc, arrays named at each call: `lsbc_set_field`, `lsbc_step_year`, `lsbc_get_field`, the same TorchScript file",
}
CALL_ROWS = {
    "field_count": "`lsbc_field_count`: guards, GIL, dispatch",
    "same_year": "`lsbc_step_year`, the year already there",
    "set_field": "`lsbc_set_field` of one input",
    "get_field": "`lsbc_get_field` of the output",
}


@dataclass(frozen=True, kw_only=True)
class Case:
    """One model on arrays of one size."""

    name: str
    model: str
    n_cell: int
    n_call: int
    n_channel: int = 1
    n_level: int = 1
    side: int | None = None


CASES = (
    Case(name="1e2", model="double", n_cell=100, n_call=2001),
    Case(name="1e4", model="double", n_cell=10_000, n_call=2001),
    Case(name="1e6", model="double", n_cell=1_000_000, n_call=201),
    Case(name="U-Net", model="unet", n_cell=64 * 64, n_call=41, n_channel=20, n_level=8, side=64),
)


def make_model(case: Case):
    """2 x, or a U-Net of 4 levels and base width 32 with its batch norm folded; and an example of its input."""
    import torch

    from lsbc.training.unet import UNet, fold_batch_norm

    class Double(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 2

    class OneStep(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = fold_batch_norm(UNet(case.n_channel, case.n_level, 32, 3).eval())

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.network(x)[:, 0]

    torch.manual_seed(0)
    if case.side:
        return OneStep().eval(), torch.rand(1, case.n_channel, case.side, case.side)
    return Double().eval(), torch.rand(7)


def compile_ahead(model, example, path: Path) -> None:
    """torch.export and AOTInductor; the copy into the output's array belongs to the program. Needs a C++ compiler."""
    import torch

    class Fill(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, x: torch.Tensor, y: torch.Tensor) -> None:
            y.copy_(self.model(x))

    axes = ({0: torch.export.Dim("cell", min=2)},) * 2 if example.ndim == 1 else None
    program = torch.export.export(Fill(), (example, torch.zeros_like(model(example))), dynamic_shapes=axes)
    torch._inductor.aoti_compile_and_package(program, package_path=str(path))


def export_models(case: Case, folder: Path, formats: tuple[str, ...]) -> list[Path]:
    """Files of the case's model, made at the first call."""
    paths = [folder / f"{case.model}.{name}" for name in formats]
    if paths[0].exists():
        return paths
    import torch

    model, example = make_model(case)
    axes = None if case.side else {"x": {0: "cell"}, "y": {0: "cell"}}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and it is what FTorch reads
        torch.jit.trace(model, example).save(str(paths[0]))
        for path in paths[1:]:
            if path.suffix == ".onnx":
                torch.onnx.export(model, (example,), str(path), dynamo=False, opset_version=17, input_names=["x"], output_names=["y"], dynamic_axes=axes)
            else:
                compile_ahead(model, example, path)
    return paths


def write_config(case: Case, model: Path) -> Path:
    """Configuration of trivial_component.py, beside the model."""
    path = model.with_name(f"{case.name}_{model.suffix[1:]}.toml")
    shape = [case.side, case.side] if case.side else []
    path.write_text(f'model = "{model}"\nchannels = {case.n_channel}\nlevels = {case.n_level}\nshape = {shape}\n')
    return path


def compile_driver(build: Path, ftorch: Path | None, folder: Path) -> Path:
    """bridge_calls.f90 with FTorch or without, linked with the bridge of `build`."""
    bridge = build / "fortran_bridge"
    module = next(bridge.glob("liblsbc_fortran-*.so"), None)  # its name ends with the compiler's
    if module is None:
        sys.exit(f"The bridge is not built in {build}: make build, or name another folder with --build.")
    sources = [HERE / ("bridge_torch.f90" if ftorch else "bridge_without_torch.f90"), HERE / "bridge_calls.f90"]
    command = [os.environ.get("FC", "gfortran"), "-O3", "-J", folder, "-I", bridge / "modules", *sources, "-o", folder / "bridge_calls",
               "-L", bridge, f"-Wl,-rpath,{bridge}", module, "-llsbc"]
    if ftorch:
        import torch

        torch_libraries = Path(torch.__file__).parent / "lib"
        command[4:4] = ["-I", ftorch / "include" / "ftorch"]
        command += ["-L", ftorch / "lib", f"-Wl,-rpath,{ftorch / 'lib'}", f"-Wl,-rpath,{torch_libraries}", "-lftorch"]
    subprocess.run([str(word) for word in command], check=True)
    return folder / "bridge_calls"


def run_case(driver: Path, case: Case, models: list[Path], calls_divisor: int) -> dict[str, np.ndarray]:
    """Time of each call [us] of each variant in one run; stops when outputs differ."""
    python_path = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    settings = {**os.environ, "LSBC_COMPONENT": "trivial_component:TrivialComponent", "PYTHONPATH": python_path, "OMP_NUM_THREADS": "1",
                "LSBC_LOG_LEVEL": "WARNING"}
    times = models[0].with_name("times")
    words = [driver, times, models[0], case.n_cell, case.n_channel, case.n_level, max(1, case.n_call // calls_divisor),
             *(write_config(case, model) for model in models)]
    done = subprocess.run([str(word) for word in words], env=settings, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{case.name}: the driver ended with {done.returncode}\n{done.stdout}{done.stderr}")
    lines = [line.split() for line in done.stdout.splitlines()]
    run = {}
    for (name, difference), times_us in zip(lines, np.fromfile(times).reshape(len(lines), -1)):
        if name.startswith("lent_"):
            name = "lent_" + models[int(name[5:]) - 1].suffix[1:]
        if float(difference) > (TOLERANCE if name in ("lent_onnx", "lent_pt2") else 0.0):
            sys.exit(f"{case.name}: the output of {name} is off by {difference}; variants that compute different things are not compared.")
        run[name] = times_us
    return run


def entry(name: str, runs: list[dict[str, np.ndarray]]) -> str:
    """Median over runs, and the ratio within a turn to FTorch's documented pattern."""
    if name not in runs[0]:
        return "–"
    text = _short(statistics.median(float(np.median(run[name])) for run in runs))
    if name == BASE or BASE not in runs[0] or name in CALL_ROWS:
        return text
    ratios = [float(np.median(run[name] / run[BASE])) for run in runs]
    return f"{text} ({statistics.median(ratios):.2f}; {min(ratios):.2f} to {max(ratios):.2f})"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def report(results: dict[str, list[dict[str, np.ndarray]]]) -> None:
    """The table, one column a case."""
    print("| µs a call (in units of FTorch as documented) | " + " | ".join(results) + " |\n" + "|---" * (len(results) + 1) + "|")
    for name, words in (MODEL_ROWS | CALL_ROWS).items():
        if any(name in runs[0] for runs in results.values()):
            print(f"| {words} | " + " | ".join(entry(name, runs) for runs in results.values()) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ftorch", type=Path, help="folder in which FTorch is installed")
    parser.add_argument("--build", type=Path, default=HERE.parent / "build", help="folder in which the bridge was built")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--cases", nargs="+", choices=[case.name for case in CASES], default=[case.name for case in CASES])
    parser.add_argument("--calls-divisor", type=int, default=1, help="make so many times fewer calls in a run")
    parser.add_argument("--compile", action="store_true", help="also the model compiled by AOTInductor (needs a C++ compiler and a minute)")
    options = parser.parse_args()
    cases = [case for case in CASES if case.name in options.cases]
    formats = ("pt", *(("onnx",) if find_spec("onnxruntime") else ()), *(("pt2",) if options.compile else ()))
    results: dict[str, list[dict[str, np.ndarray]]] = {case.name: [] for case in cases}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        driver = compile_driver(options.build.resolve(), options.ftorch and options.ftorch.resolve(), folder)
        models = {case.name: export_models(case, folder, formats) for case in cases}
        for _ in range(options.runs):
            for case in cases:
                results[case.name].append(run_case(driver, case, models[case.name], options.calls_divisor))
    if options.ftorch is None:
        print("FTorch was not given (--ftorch PREFIX): no rows of it and no ratios.\n")
    print(f"{options.runs} runs; all outputs equal, those of onnxruntime and of the compiled program within {TOLERANCE}\n")
    report(results)


if __name__ == "__main__":
    main()
