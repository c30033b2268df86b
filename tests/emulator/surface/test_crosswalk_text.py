from lsbc.emulator.cli import main
from lsbc.emulator.surface.crosswalk import read_crosswalk
from lsbc.emulator.surface.crosswalk_text import describe
from lsbc.regrid.errors import Status


def test_a_table_names_classes_of_both_sides_shares_and_reasons():
    lines = describe(read_crosswalk("jsbach")).splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith("45 "))
    assert lines[start].split() == ["45", "mixed", "forest", "any", "any", "0.5", "3", "extratropical", "evergreen", *"proposed: half evergreen, half deciduous".split()]
    assert lines[start + 1].split() == ["0.5", "4", "extratropical", "deciduous"]
    assert any(line.startswith("24") and " A " in line and "from 15.5 °C" in line for line in lines)


def test_show_for_one_koppen_group_has_only_its_rows(capsys):
    assert main(["crosswalk", "show", "modis", "--koppen", "c"]) == 0
    forest = [line for line in capsys.readouterr().out.splitlines() if line.startswith("40")]
    assert len(forest) == 1 and "5 Mixed Forests" in forest[0]


def test_list_has_a_line_for_each_shipped_table_and_says_what_climate_it_needs(capsys):
    assert main(["crosswalk", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["ctsm", "ecland", "esacci", "fraclut", "globcover", "jsbach", "landmate", "modis"]
    assert lines[3].endswith("needs no climate")
    assert lines[7].endswith("needs the Köppen group")
    assert lines[5].endswith("needs the Köppen group and the coldest month's temperature")


def test_check_tells_every_broken_rule_of_a_users_file(tmp_path, capsys):
    text = open(__file__.replace("tests/emulator/surface/test_crosswalk_text.py", "emulator/surface/crosswalks/modis.toml"), encoding="utf-8").read()
    own = tmp_path / "own.toml"
    own.write_text(text, encoding="utf-8")
    assert main(["crosswalk", "check", str(own)]) == 0
    assert "keeps every rule" in capsys.readouterr().out
    own.write_text(text.replace("shares = { 12 = 1 }", "shares = { 12 = 0.9 }").replace("shares = { 13 = 1 }", "shares = { 63 = 1 }"), encoding="utf-8")
    assert main(["crosswalk", "check", str(own)]) == int(Status.CONFIG)
    out = capsys.readouterr().out
    assert "- row 2 (code 11), column shares.63: no such target class" in out
    assert "- row 3 (code 22), column 'shares': the shares sum to 0.9, not to 1" in out
    assert "2 problem(s)" in out


def test_show_of_an_unknown_table_names_those_there_are(capsys):
    assert main(["crosswalk", "show", "modsi"]) == int(Status.CONFIG)
    assert "neither a file nor one of ctsm" in capsys.readouterr().err
