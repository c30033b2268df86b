import numpy as np
import pytest

from lsbc.emulator.component import Component
from lsbc.regrid.comm import SerialComm
from lsbc.regrid.errors import FileError

import case

pytest.importorskip("matplotlib", reason="matplotlib is not installed (extra 'plot')")
from lsbc.emulator.plot_host import host_figure  # noqa: E402


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A yearly file with a host's classes and transitions, and the component that made it."""
    folder = tmp_path_factory.mktemp("run")
    case.write_artefact(folder / "model")
    case.write_fine_file(folder / "fine.nc", case.first_map())
    host, everything = case.make_host(), np.arange(81)
    component = Component.create(case.write_config(folder, folder / "model", folder / "fine.nc", "directory = 'out'",
                                                   "[grid]\nedges = 'latlon'\n[surface]\ncrosswalk = 'globcover'\ntransitions = true"), SerialComm())
    component.set_grid(*host.part(everything))
    case.couple(component, host, everything, 2000, 2001)
    yield folder / "out" / "lsbc_2001.nc", component, np.argsort(host.global_id)
    component.close()


def shown(figure):
    return np.asarray(figure.axes[0].collections[0].get_array())


def field(run, name, n_level):
    out = np.empty((n_level, 81))
    run[1].get_field(name, out)
    return out[:, run[2]]


@pytest.mark.parametrize("variable, name, n_level, level, title", [
    ("leaf_area_index.7", "leaf_area_index", 12, 6, "Leaf area index of the vegetated area, month 7, 2001"),
    ("leaf_area_index.07", "leaf_area_index", 12, 6, "month 7"), ("lu_frac.forest", "lu_frac", 8, 4, "class forest"), ("lu_frac.40", "lu_frac", 8, 4, "class forest"),
    ("lu_frac.0", "lu_frac", 8, 0, "class ocean"), ("host_lu_frac.2", "host_lu_frac", 23, 1, "class 2"),
    ("transitions.cropland.urban", "transitions", 64, 17, "class cropland to urban")])
def test_a_level_is_drawn_by_its_name_or_number(run, variable, name, n_level, level, title):
    figure = host_figure(run[0], variable)
    assert np.array_equal(shown(figure), field(run, name, n_level)[level]) and title in figure.axes[0].get_title()


def test_numbers_with_meanings_have_a_legend_and_colours_of_their_own(run):
    figure = host_figure(run[0], "host_lu_dominant")
    numbers, counts = np.unique(field(run, "host_lu_dominant", 1), return_counts=True)
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert [(int(text.split()[0]), int(text.split()[-1])) for text in texts] == list(zip(numbers.astype(int).tolist(), counts.tolist()))
    assert any("rainfed croplands" in text for text in texts) or 2 not in numbers
    colours = {tuple(patch.get_facecolor()) for patch in figure.axes[0].get_legend().get_patches()}
    assert len(colours) == len(numbers) > 1


@pytest.mark.parametrize("variable, told", [
    ("leaf_area_index", r"has the dimensions \(month, cell\); name one of its levels, as in leaf_area_index.1"), ("albedo.3", "it has no levels"),
    ("leaf_area_index.13", "'13' is no month; there are 1, 2"), ("lu_frac.wood", r"'wood' is no class; there are ocean \(0\), urban \(11\)"),
    ("transitions.urban", "name one of its levels, as in transitions.ocean.ocean")])
def test_levels_that_are_not_there_are_refused_with_those_that_are(run, variable, told):
    with pytest.raises(FileError, match=told):
        host_figure(run[0], variable)
