"""Pictures of the scoreboard as PNG: class maps, change, curves, calibration. Knows scores and maps, no predictor.

Only matplotlib's own canvas is used: no display, no pyplot state. Maps show the smallest box with data, south at the bottom.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lsbc.emulator.classes import CLASS_NAMES, N_CLASS, NO_DATA
from lsbc.emulator.plot_frame import CLASS_COLOURS, LAND_COLOUR
from lsbc.training.data import LandData
from lsbc.training.evaluate import PICTURED, Evaluation
from lsbc.training.multiresolution import BLOCK_CELLS
from lsbc.training.scoreboard import STEPS, Rows, spoken
from lsbc.training.tally import WITH_ALLOCATION
from lsbc.training.tasks import HORIZONS, step_task

DOTS_PER_INCH = 130
PANEL_INCH = 4.2
SPARSE_CHANGE = 0.05
"""Under this share of cells that changed or were said to, each is drawn 3 x 3 cells large, or nobody would find them."""
SMALLEST_BIN = 1e-4
"""Bins of a reliability curve with less of the area hold a few cells only and are not drawn; the tables have them."""
HIDDEN_COLOUR = "#9a9a9a"
CHANGE_NAMES = ("no change", "hit", "wrong class", "miss", "false alarm")
CHANGE_COLOURS = (LAND_COLOUR, "#1a9641", "#7b3294", "#2c7bb6", "#d7191c")
SHARES = ((0, "one_year"), (60, "hidden_60"), (75, "hidden_75"), (100, "hidden_100"))
"""Hidden share in per cent and the task it is scored by."""
MARKERS = "osD^vP*Xh<>d"


def change_kinds(before: np.ndarray, observed: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Index into `CHANGE_NAMES` of each cell, uint8; NO_DATA where one of the maps has none."""
    changed, said, right = observed != before, predicted != before, observed == predicted
    kind = np.select([changed & said & right, changed & said, changed, said], [1, 2, 3, 4], 0).astype(np.uint8)
    missing = (before == NO_DATA) | (observed == NO_DATA) | (predicted == NO_DATA)
    return np.where(missing, np.uint8(NO_DATA), kind)


def enlarged(kind: np.ndarray) -> np.ndarray:
    """Change kinds with every changed cell 3 x 3 cells large; hits lie on top, then wrong class, misses and false alarms."""
    padded = np.pad(kind, 1, constant_values=0)
    out = np.where(kind == NO_DATA, kind, np.uint8(0))
    for k in (4, 3, 2, 1):
        near = np.lib.stride_tricks.sliding_window_view(padded == k, (3, 3)).any(axis=(-1, -2))
        out[near & (kind != NO_DATA)] = k
    return out


def _box(valid: np.ndarray) -> tuple[slice, slice]:
    rows, cols = np.flatnonzero(valid.any(axis=1)), np.flatnonzero(valid.any(axis=0))
    return (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)) if rows.size else (slice(None), slice(None))


def _panels(count: int, data: LandData) -> tuple[Figure, list[Axes]]:
    """A figure with room for `count` maps and a legend below; degrees of latitude as long as on the ground."""
    box = _box(data.valid)
    n_row, n_col = box[0].stop - box[0].start, box[1].stop - box[1].start
    latitude = -90.0 + (data.row0 + data.shape[0] / 2) * 180.0 / data.n_lat
    aspect = 1.0 / max(np.cos(np.radians(latitude)), 0.05)
    columns = min(3 if count <= 9 else 4, count)
    rows = -(-count // columns)
    height = max(PANEL_INCH * aspect * n_row / n_col, 1.5) + 0.35
    figure = Figure(figsize=(PANEL_INCH * columns, height * rows + 0.7), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for one in axes:
        one.set_axis_off()
        one.set_aspect(aspect)
    return figure, axes[:count]


def _draw(axes: Axes, field: np.ndarray, colours: Sequence[str], title: str, data: LandData) -> None:
    shown = np.ma.masked_equal(field[_box(data.valid)], NO_DATA)
    axes.imshow(shown, cmap=ListedColormap(colours), vmin=-0.5, vmax=len(colours) - 0.5, origin="lower", interpolation="nearest",
                aspect=axes.get_aspect())
    axes.set_title(title, fontsize=9)


def _legend(figure: Figure, names: Sequence[str], colours: Sequence[str]) -> None:
    patches = [Patch(facecolor=colour, edgecolor="#00000050", label=name) for name, colour in zip(names, colours, strict=True)]
    figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), frameon=False, fontsize=9)


def class_figure(evaluation: Evaluation, data: LandData) -> Figure:
    """The prior as shown, the truth, and what the predictors made of it."""
    case, made = evaluation.gallery.case, evaluation.gallery.made[PICTURED]
    prior = np.where(case.known | (case.prior == NO_DATA), case.prior, np.uint8(N_CLASS))
    rows = list(made)
    figure, axes = _panels(len(rows) + 2, data)
    colours = (*CLASS_COLOURS, HIDDEN_COLOUR)
    titles = [f"prior, {case.years[0]}, as shown", f"truth, {case.years[1]}", *map(spoken, rows)]
    for one, field, title in zip(axes, [prior, data.map_of(case.years[1]), *(made[row] for row in rows)], titles, strict=True):
        _draw(one, field, colours, title, data)
    present = [k for k in range(N_CLASS) if (data.class_index == k).any()]
    _legend(figure, [*(CLASS_NAMES[k].replace("_", "/") for k in present), "hidden"], [*(CLASS_COLOURS[k] for k in present), HIDDEN_COLOUR])
    return figure


def change_figure(evaluation: Evaluation, data: LandData, task: str) -> Figure:
    """Where the change of a step task was hit, missed, or said in vain; rows with the areas met come first."""
    years, made = evaluation.gallery.years[task], evaluation.gallery.made[task]
    before, observed = (data.map_of(year) for year in years)
    rows = sorted(made, key=lambda row: not row.endswith(WITH_ALLOCATION))
    figure, axes = _panels(len(rows), data)
    for one, row in zip(axes, rows, strict=True):
        kind = change_kinds(before, observed, made[row])
        share = np.isin(kind, (1, 2, 3, 4)).sum() / max((kind != NO_DATA).sum(), 1)
        _draw(one, enlarged(kind) if share < SPARSE_CHANGE else kind, CHANGE_COLOURS, spoken(row), data)
    figure.suptitle(f"Change {years[0]} to {years[1]}; sparse change is drawn larger than it is", fontsize=10)
    _legend(figure, CHANGE_NAMES, CHANGE_COLOURS)
    return figure


def _styles(rows: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The same colour for a predictor with and without allocation; the latter is dashed."""
    bases = list(dict.fromkeys(row.removesuffix(WITH_ALLOCATION) for row in rows))
    for row in rows:
        k = bases.index(row.removesuffix(WITH_ALLOCATION))
        yield row, {"color": f"C{k % 10}", "linestyle": "-" if row.endswith(WITH_ALLOCATION) else "--", "marker": MARKERS[k % len(MARKERS)],
                    "markersize": 4, "label": spoken(row)}


def _curves(panels: Sequence[tuple[str, Mapping[str, Sequence[tuple[float, Any]]]]], across: str) -> Figure:
    """A panel for each (label of the y axis, row -> points); undefined points are left out."""
    figure = Figure(figsize=(5.2 * len(panels), 4.6), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for one, (label, rows) in zip(axes, panels, strict=True):
        for row, style in _styles(list(rows)):
            points = [(x, y) for x, y in rows[row] if isinstance(y, (int, float)) and np.isfinite(y)]
            one.plot([x for x, _ in points], [y for _, y in points], **style)
        one.set(xlabel=across, ylabel=label)
        one.grid(alpha=0.3)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return figure


def horizon_figure(tasks: Mapping[str, Rows]) -> Figure:
    """Accuracy and figure of merit against the years of free rollout; accuracies under 0.9 are cut off, or all others were one line."""
    present = [(horizon, tasks[step_task(horizon)]) for horizon in HORIZONS if step_task(horizon) in tasks]
    names = list(dict.fromkeys(row for _, rows in present for row in rows))

    def points(score: str) -> dict[str, list]:
        return {name: [(horizon, rows[name][score]) for horizon, rows in present if name in rows] for name in names}

    figure = _curves([("accuracy", points("accuracy")), ("figure of merit", points("figure_of_merit"))], "years of free rollout")
    best = [y for rows in points("accuracy").values() for _, y in rows if y > 0.9]
    if best:
        figure.axes[0].set_ylim(min(best) - 0.005, 1.0)
    return figure


def hidden_share_figure(tasks: Mapping[str, Rows]) -> Figure:
    """Accuracy and mean IoU against the share of the prior that is hidden; 0 is the one-year step."""
    present = [(share, tasks[task]) for share, task in SHARES if task in tasks]
    names = list(dict.fromkeys(row for share, rows in present if share for row in rows))

    def points(score: str) -> dict[str, list]:
        return {name: [(share, rows[name][score]) for share, rows in present if name in rows] for name in names}

    return _curves([("accuracy", points("accuracy")), ("mean IoU", points("mean_iou"))], "hidden share of the prior, %")


def block_figure(tasks: Mapping[str, Rows]) -> Figure:
    """Figure of merit against the size of the blocks it is counted in, for the shortest and the longest horizon."""
    present = [task for task in STEPS if task in tasks]
    panels = [(f"figure of merit, {task.replace('_', ' ')}",
               {row: [(side, scores["multiresolution"][str(side)]["figure_of_merit"]) for side in BLOCK_CELLS]
                for row, scores in tasks[task].items() if "multiresolution" in scores}) for task in dict.fromkeys((present[0], present[-1]))]
    figure = _curves(panels, "side of the blocks, cells")
    for axes in figure.axes:
        axes.set_xscale("log", base=2)
        axes.set_xticks(BLOCK_CELLS, [str(side) for side in BLOCK_CELLS])
    return figure


def reliability_figure(tasks: Mapping[str, Rows]) -> Figure:
    """Observed shares against probabilities: of the likeliest class, and of change; the diagonal is perfect."""
    wanted = [(PICTURED, "class", "share right, 75 % hidden"), ("one_year", "class", "share right, 1 year"),
              ("one_year", "change", "share changed, 1 year")]
    panels = [(label, {row: [(b["probability"], b["observed"]) for b in scores[f"{what}_reliability"] if b["area_share"] >= SMALLEST_BIN]
                       for row, scores in tasks[task].items() if f"{what}_reliability" in scores})
              for task, what, label in wanted if task in tasks]
    figure = _curves(panels, "probability")
    for axes in figure.axes:
        axes.plot([0, 1], [0, 1], color="#808080", linewidth=0.8)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        if axes.get_ylabel().startswith("share changed"):  # nearly all probabilities of change are small
            axes.set_xscale("symlog", linthresh=1e-3)
            axes.set_yscale("symlog", linthresh=1e-3)
    return figure


def figures(evaluation: Evaluation, data: LandData, place: str = "held_out") -> dict[str, Figure]:
    """Every figure the scores allow, by file name without its ending; curves are of one place, maps of the whole region."""
    tasks, gallery = evaluation.scores.get(place, {}), evaluation.gallery
    steps = [task for task in STEPS if task in tasks]
    out: dict[str, Figure] = {}
    if PICTURED in gallery.made:
        out["maps"] = class_figure(evaluation, data)
    for task in dict.fromkeys(steps[:1] + steps[-1:]):
        out[f"change_{task}"] = change_figure(evaluation, data, task)
    if steps:
        out |= {"horizons": horizon_figure(tasks), "blocks": block_figure(tasks)}
    if PICTURED in tasks:
        out["hidden_shares"] = hidden_share_figure(tasks)
    if PICTURED in tasks or "one_year" in tasks:
        out["reliability"] = reliability_figure(tasks)
    return out


def save_figures(evaluation: Evaluation, data: LandData, directory: Path) -> list[Path]:
    """Write every figure as PNG and return the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, figure in figures(evaluation, data).items():
        figure.savefig(directory / f"{name}.png", format="png")
        paths.append(directory / f"{name}.png")
    return paths
