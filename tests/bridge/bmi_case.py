"""Run a BMI program on the small case and compare what it wrote with the component called directly, bit for bit (`alone`: only run it).

python bmi_case.py PROGRAM [alone]; exit code 77: what the case is made with is not installed.
"""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
SKIPPED = 77
YEARS = (2000, 2001, 2002)


def main(program: str, compare: bool) -> int:
    absent = [name for name in ("bmipy", "onnx") if find_spec(name) is None]
    if absent:
        print(f"skipped: needs {', '.join(absent)}")
        return SKIPPED
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = make_case(folder)
        ran = subprocess.run([program, config, folder / "outputs"], timeout=50)
        if ran.returncode != 0 or not compare:
            return ran.returncode
        got, expected = np.fromfile(folder / "outputs"), direct(config)
    if got.tobytes() != expected.tobytes():
        print(f"{np.sum(got != expected) if got.shape == expected.shape else 'all'} of {expected.size} values differ from the component's")
        return 1
    return 0


def make_case(folder: Path) -> Path:
    import case

    case.write_artefact(folder / "model")
    case.write_fine_file(folder / "fine.nc", case.first_map())
    case.write_host_file(folder / "host.nc", case.make_host(years=3))
    return case.write_config(folder, folder / "model", folder / "fine.nc", allocation=True,
                             extra="[grid]\nedges = 'latlon'\n[run]\nhost = 'host.nc'\nfirst_year = 2000\nlast_year = 2002\n")


def direct(config: Path) -> np.ndarray:
    """Every output of every year, in the order of the fields; levels one after the other."""
    from lsbc.emulator.component import Component
    from lsbc.emulator.fields import OUTPUTS
    from lsbc.regrid.comm import SerialComm

    import case

    host, everything = case.make_host(years=3), np.arange(81)
    component = Component.create(config, SerialComm())
    component.set_grid(*host.part(everything))
    rows = []
    for year in YEARS:
        case.couple(component, host, everything, year)
        for info in OUTPUTS:
            out = np.empty((info.n_level, 81) if info.n_level > 1 else 81)
            component.get_field(info.name, out)
            rows.append(out.ravel())
    component.close()
    return np.concatenate(rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:] != ["alone"]))
