import numpy as np
import pytest

from lsbc.emulator.cli import main
from lsbc.emulator.hosts.check import check_host

from year_files import fractions, write_year


@pytest.fixture
def yearly(tmp_path):
    lu_frac = fractions({22: 0.5, 40: 0.5}, {11: 0.25, 33: 0.75})
    return [str(write_year(tmp_path / f"lsbc_{year}.nc", lu_frac, np.arange(2.0), np.full(2, 50.0), year, coldest_month_k=275.0)) for year in (2031, 2032)]


def test_a_host_file_is_written_for_each_yearly_file(yearly, tmp_path, capsys):
    assert main(["deliver", "jsbach", *yearly[::-1], "-o", str(tmp_path / "bc_land_frac_11pfts_{year}.nc")]) == 0
    files = [tmp_path / f"bc_land_frac_11pfts_{year}.nc" for year in (2031, 2032)]
    assert check_host("jsbach", *files).n_error == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line.endswith(".nc")] == [str(path) for path in files]


def test_several_years_need_names_of_their_own(yearly, tmp_path, capsys):
    assert main(["deliver", "jsbach", *yearly, "-o", str(tmp_path / "bc_land_frac_11pfts_2031.nc")]) != 0
    assert "put {year} into the name" in capsys.readouterr().err and len(list(tmp_path.iterdir())) == 2


def test_two_yearly_files_of_one_year_are_refused(yearly, tmp_path, capsys):
    assert main(["deliver", "jsbach", yearly[0], yearly[0], "-o", str(tmp_path / "bc_land_frac_11pfts_{year}.nc")]) != 0
    assert "Several yearly files are of the year 2031" in capsys.readouterr().err


def test_errors_are_one_sentence_and_a_code(yearly, tmp_path, capsys):
    assert main(["deliver", "geo_em", yearly[0], "--template", str(tmp_path / "none.nc"), "-o", str(tmp_path / "out.nc")]) != 0
    error = capsys.readouterr().err
    assert error.startswith("lsbc: FileError: ") and "none.nc" in error and error.count("\n") == 1


def test_the_help_lists_writers_and_a_writers_options(capsys):
    for arguments, words in ((["deliver", "--help"], ("geo_em", "healpix", "jsbach")), (["deliver", "geo_em", "--help"], ("--template", "--fold-lakes", "YEARFILE"))):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 0
        text = capsys.readouterr().out
        assert all(word in text for word in words)
    with pytest.raises(SystemExit):
        main(["deliver", "geo_em", "a.nc", "-o", "b.nc"])
    assert "--template" in capsys.readouterr().err
