"""lsbc.training.score_plots: every picture exists and says what it shows."""

import numpy as np
import pytest

from lsbc.emulator.classes import NO_DATA
from lsbc.training.config import DataConfig, TrainingConfig
from lsbc.training.evaluate import evaluate
from lsbc.training.patches import DriverTable
from lsbc.training.predict import Region
from lsbc.training.synthetic import synthetic_data

from stub_predictors import Copier, Dice

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from lsbc.training.score_plots import CHANGE_NAMES, change_kinds, enlarged, figures, save_figures  # noqa: E402


@pytest.fixture(scope="module")
def land():
    return synthetic_data(n_driver=(3, 4))


@pytest.fixture(scope="module")
def found(land, split, tmp_path_factory):
    config = TrainingConfig(path=tmp_path_factory.mktemp("c"), data=DataConfig(kind="synthetic"), split=split)
    return evaluate([Copier(), Dice()], Region(land, DriverTable(land), 8, 4), config)


def words(figure):
    legend = [text.get_text() for one in figure.legends for text in one.get_texts()]
    return legend, [axes.get_title() for axes in figure.axes], [axes.get_ylabel() for axes in figure.axes]


def test_kinds_of_change_by_hand():
    before, observed, predicted = np.array([[1, 2, 2, 4, 4, 4, NO_DATA]]), np.array([[1, 1, 2, 4, 2, 1, NO_DATA]]), np.array([[1, 1, 4, 4, 4, 2, NO_DATA]])
    names = ["no change", "hit", "false alarm", "no change", "miss", "wrong class"]
    kind = change_kinds(before, observed, predicted)[0]
    assert [CHANGE_NAMES[k] for k in kind[:-1]] == names and kind[-1] == NO_DATA


def test_enlarged_change_covers_its_neighbours_and_hits_lie_on_top():
    kind = np.zeros((3, 6), np.uint8)
    kind[1, 1], kind[1, 2], kind[0, 5] = 4, 1, NO_DATA
    assert enlarged(kind).tolist() == [[4, 1, 1, 1, 0, NO_DATA], [4, 1, 1, 1, 0, 0], [4, 1, 1, 1, 0, 0]]


def test_every_figure_has_names_on_its_axes_and_in_its_legend(found, land):
    made = figures(found, land)
    assert set(made) == {"maps", "change_one_year", "change_rollout_10", "horizons", "blocks", "hidden_shares", "reliability"}
    legend, titles, _ = words(made["maps"])
    assert legend == ["urban", "cropland", "pasture", "forest", "hidden"]
    assert titles[:4] == ["prior, 2009, as shown", "truth, 2010", "persistence", "random"]
    legend, titles, _ = words(made["change_rollout_10"])
    assert legend == list(CHANGE_NAMES) and titles[:4] == ["persistence, areas met", "random, areas met", "persistence", "random"]
    assert "2000 to 2010" in made["change_rollout_10"].get_suptitle()
    rows = ["persistence", "persistence, areas met", "random", "random, areas met"]
    for name, labels in (("horizons", ["accuracy", "figure of merit"]), ("blocks", ["figure of merit, one year", "figure of merit, rollout 10"])):
        legend, _, found_labels = words(made[name])
        assert legend == rows and found_labels == labels
    assert words(made["hidden_shares"])[2] == ["accuracy", "mean IoU"] and words(made["reliability"])[0] == ["persistence", "random"]


def test_curves_show_the_numbers_of_the_table(found, land):
    axes = figures(found, land)["hidden_shares"].axes[0]
    line = next(line for line in axes.lines if line.get_label() == "persistence")
    tasks = found.scores["held_out"]
    assert line.get_xdata().tolist() == [0, 60, 75, 100]
    assert line.get_ydata().tolist() == [tasks[task]["persistence"]["accuracy"] for task in ("one_year", "hidden_60", "hidden_75", "hidden_100")]


def test_files_are_written_as_png(found, land, tmp_path):
    found.scores["held_out"] = {task: rows for task, rows in found.scores["held_out"].items() if task in ("hidden_75",)}
    paths = save_figures(found, land, tmp_path / "new")
    assert {path.name for path in paths} == {"maps.png", "hidden_shares.png", "reliability.png"}
    assert all(path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for path in paths)
