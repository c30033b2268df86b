import numpy as np
import pytest

from lsbc.emulator.cli import main
from lsbc.emulator.hosts.check import check_host
from lsbc.regrid.errors import FileError, Status

from host_files import ctsm_series, ctsm_surface, extpar, geo_em, jsbach

SOUND = {"wrf": (geo_em, "LU_INDEX"), "icon": (extpar, "LU_CLASS_FRACTION"), "jsbach": (jsbach, "fract_pft01"), "ctsm": (ctsm_surface, "PCT_NAT_PFT")}


@pytest.mark.parametrize("host", SOUND)
def test_the_command_passes_a_sound_file_and_fails_one_with_nan(tmp_path, capsys, host):
    make, name = SOUND[host]
    spec = make()
    path = spec.write(tmp_path / "2015.nc")
    assert main(["check-host", host, str(path)]) == 0
    assert "0 error(s), 0 note(s)" in capsys.readouterr().out
    spec.variables[name].values[...] = np.nan
    assert main(["check-host", host, str(spec.write(tmp_path / "2016.nc"))]) == 1
    printed = capsys.readouterr().out
    assert f"{name}: {spec.variables[name].values.size} of {spec.variables[name].values.size} values, worst nan at [" in printed
    assert "error: Every value is finite" in printed and "-> Fill these cells" in printed


def test_notes_alone_are_no_failure(tmp_path):
    spec = jsbach()
    spec.variables["fract_pft01"].values = spec.variables["fract_pft01"].values.astype(np.float32)
    report = check_host("jsbach", spec.write(tmp_path / "2015.nc"))
    assert report.exit_code == 0 and "0 error(s), 1 note(s)" in report.text


def test_the_second_file_is_read(tmp_path):
    paths = [str(spec.write(tmp_path / name)) for spec, name in ((ctsm_series(), "a.nc"), (ctsm_surface(), "b.nc"))]
    assert main(["check-host", "ctsm", *paths]) == 0


def test_a_second_file_that_the_host_has_no_use_for_is_refused(tmp_path):
    path = geo_em().write(tmp_path / "a.nc")
    with pytest.raises(FileError, match="checks of wrf take one file"):
        check_host("wrf", path, path)


def test_a_file_that_is_not_there_has_its_own_exit_code(tmp_path, capsys):
    assert main(["check-host", "icon", str(tmp_path / "none.nc")]) == int(Status.IO)
    assert "does not exist" in capsys.readouterr().err
