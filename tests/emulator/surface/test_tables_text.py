from pathlib import Path

import pytest

from lsbc.emulator.cli import main
from lsbc.emulator.surface.tables import read_parameter_table
from lsbc.emulator.surface.tables_text import WIDTH, describe
from lsbc.regrid.errors import Status

VEGPARM = """Vegetation Parameters
PAIR
2,1, 'SHDFAC NROOT   MAXALB  Z0MIN'
1       .70,   4,    52.,    .50,  'Forest'
2,      .60,   2,    59.,    .30,  'Wetlands'
BARE
16
"""


@pytest.fixture
def vegparm(tmp_path) -> Path:
    (tmp_path / "VEGPARM.TBL").write_text(VEGPARM)
    return tmp_path / "VEGPARM.TBL"


def test_a_shipped_table_is_printed_with_units_source_and_notes(capsys):
    assert main(["parameters", "show", "extpar_esacci"]) == 0
    text = capsys.readouterr().out
    assert "mo_ecci_lookup_tables.f90" in text and "[W m-2 K-1]" in text
    assert "- extpar_esacci: class 34 'Bare areas', lai_min = 0.4, left as it is" in text
    row = next(line for line in text.splitlines() if line.startswith("33  Urban areas"))
    assert row.split()[3:8] == ["190", "1", "0.02", "0.2", "0.1"]


def test_a_host_s_own_file_is_printed_as_it_is_or_in_si(vegparm, capsys):
    assert main(["parameters", "show", str(vegparm), "--system", "PAIR", "--quantity", "MAXALB"]) == 0
    text = capsys.readouterr().out
    assert "1  Forest        52" in text and "[%]" in text and "Z0MIN" not in text
    assert "BARE = 16" in text and "line 4 (class 1 'Forest') lacks 1 comma(s)" in text
    assert main(["parameters", "show", str(vegparm), "--system", "PAIR", "--quantity", "MAXALB", "--si"]) == 0
    text = capsys.readouterr().out
    assert "0.52" in text and "[%]" not in text


def test_a_missing_choice_is_an_error_that_lists_the_choices(vegparm, capsys):
    assert main(["parameters", "show", str(vegparm)]) == Status.CONFIG
    assert "must be one of PAIR, got None" in capsys.readouterr().err
    assert main(["parameters", "show", "nothing"]) == Status.CONFIG
    assert "'nothing' is not one of ecland" in capsys.readouterr().err


def test_all_shipped_tables_are_listed(capsys):
    assert main(["parameters", "list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        "ecland", "extpar_ecoclimap_sg", "extpar_esacci", "extpar_globcover", "jsbach_lctlib"]


def test_a_wide_table_is_printed_in_blocks_with_all_columns():
    table = read_parameter_table("jsbach_lctlib")
    lines = describe(table).splitlines()
    assert all(len(line) <= WIDTH for line in lines)
    heads = [line.split()[2:] for line in lines if line.startswith("id  class")]
    assert len(heads) > 1 and sum(heads, []) == list(table.quantities)
