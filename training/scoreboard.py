"""Lays the scores out as Markdown and JSON: headline tables first, then every row. Knows names and numbers only."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lsbc.emulator.classes import CLASS_NAMES, GROUPS
from lsbc.training.multiresolution import BLOCK_CELLS
from lsbc.training.tally import FILTERED, WITH_ALLOCATION
from lsbc.training.tasks import BACK_HORIZONS, HORIZONS, RECONSTRUCTION, step_task

Rows = Mapping[str, Mapping[str, Any]]
"""Row -> score -> value."""

BAR = ("hidden_60", "hidden_75", "hidden_100", "three_priors_60", "three_priors_75")
STEPS = tuple(step_task(horizon) for horizon in HORIZONS)
CARD_SCORES = ("accuracy", "mean_iou", "figure_of_merit", "quantity_disagreement")
CARD_DIGITS = 6
LOWER_IS_BETTER = ("disagreement", "error", "brier", "misses", "false_alarms", "wrong_class", "null_resolution")
N_TRANSITION = 8
"""Transitions shown of each row; the JSON has all of them."""

PREAMBLE = """Shares are of area (cells weighted by cos(latitude)). Bold: best of its column. A dash: not defined, for instance a
figure of merit where nothing changes. Rows marked *areas met* change as much as the driver does in every driver cell, placed by
the predictor's probabilities; the others take the likeliest class. {place}"""

PLACES = {"held_out": "Held-out land: driver cells that no predictor was fitted on.",
          "all_land": "All land: the test years, but also places of the training years."}

NOTES = """- Every target is a test year. Rollouts of 5, 10 and 14 years begin in years that the predictors were fitted on, as far as
  the record asks for it; their cells on held-out land were not. Their scores are those of the change since the map they began with.
- Filtered labels: visits of under 3 years (A, B for 1 or 2 years, A again) are taken out of the maps before they are compared;
  what a predictor is shown is not filtered. A cell that it left alone counts as the filtered class it began with.
- Figure of merit: hits / (hits + wrong class + misses + false alarms). Quantity: half of the summed differences of class areas.
- Blocks: three maps compared as in Pontius, Peethambaram and Castella (2011), equations 1 to 7.
- Calibration errors are in 15 equal bins: of the likeliest class, and of the probability that a cell changes (one year only).
- Skill: 1 - error / error of persistence. Area errors: |made - demanded change| of a class group in a driver cell, km2."""

_SHORT = {"accuracy": "accuracy", "mean_iou": "mean IoU", "mean_f1": "mean F1", "figure_of_merit": "FoM", "quantity_disagreement": "quantity",
          "allocation_disagreement": "allocation", "hidden_accuracy": "accuracy (hidden cells)", "hidden_mean_iou": "mean IoU (hidden cells)",
          "hidden_mean_f1": "mean F1 (hidden cells)", "accuracy_filtered": "accuracy (filtered)", "mean_iou_filtered": "mean IoU (filtered)",
          "class_calibration_error": "ECE", "class_brier": "Brier", "change_calibration_error": "ECE of change", "change_brier": "Brier of change",
          "hits": "hits", "wrong_class": "wrong class", "misses": "misses", "false_alarms": "false alarms", "correct_persistence": "correct persistence",
          "producers_accuracy": "producer's accuracy", "users_accuracy": "user's accuracy", "k_sim": "K_sim", "k_transition": "K_transition",
          "k_transloc": "K_transloc", "skill": "skill", "area_error_max_km2": "area error, max km2", "area_error_mean_km2": "area error, mean km2",
          "null_resolution_cells": "null resolution, cells"}
_RECONSTRUCTION = ("accuracy", "mean_iou", "mean_f1", "hidden_accuracy", "hidden_mean_iou", "hidden_mean_f1", "quantity_disagreement",
                   "allocation_disagreement", "class_calibration_error", "class_brier", "accuracy_filtered", "mean_iou_filtered")
_AGREEMENT = ("accuracy", "mean_iou", "mean_f1", "quantity_disagreement", "allocation_disagreement", "skill", "k_sim", "k_transition",
              "k_transloc", "area_error_max_km2", "area_error_mean_km2")
_CHANGE = ("figure_of_merit", "producers_accuracy", "users_accuracy", "hits", "wrong_class", "misses", "false_alarms",
           "correct_persistence", "null_resolution_cells")
_CALIBRATION = ("class_calibration_error", "class_brier", "change_calibration_error", "change_brier")

Column = tuple[str, str, Callable[[str], Any]]
"""Title, name of the score, and its value of a row."""


def spoken(row: str) -> str:
    """The name of a row as people read it.

    >>> spoken("network_with_allocation")
    'network, areas met'
    """
    return row.removesuffix(WITH_ALLOCATION) + (", areas met" if row.endswith(WITH_ALLOCATION) else "")


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else float("nan")


def _text(value: float, best: bool, name: str = "") -> str:
    if not math.isfinite(value):
        return "–"
    large = name.startswith("null_resolution")
    small = 0 < abs(value) < 0.00095
    digits = 5 if name == "accuracy" and value > 0.95 else 4
    text = f"{value:.0f}" if large else f"{value:.1e}" if small else f"{value:.{digits}f}"
    return f"**{text}**" if best else text


def table(rows: Sequence[str], columns: Sequence[Column], first: str = "predictor") -> str:
    """A Markdown table with a line for each row and the best finite value of each column in bold."""
    values = [[_number(get(row)) for row in rows] for _, _, get in columns]
    best = []
    for (_, name, _), column in zip(columns, values, strict=True):
        found = [value for value in column if math.isfinite(value)]
        low = any(part in name for part in LOWER_IS_BETTER)
        best.append((min if low else max)(found) if found and len(rows) > 1 else None)
    lines = [" | ".join(["", first, *(title for title, _, _ in columns), ""]).strip(), "|---" + "|---:" * len(columns) + "|"]
    for k, row in enumerate(rows):
        cells = [_text(column[k], column[k] == top, columns[c][1]) for c, (column, top) in enumerate(zip(values, best, strict=True))]
        lines.append(" | ".join(["", spoken(row), *cells, ""]).strip())
    return "\n".join(lines) + "\n"


def _all_rows(tasks: Mapping[str, Rows], names: Sequence[str]) -> list[str]:
    """Every row of the tasks, in the order they came."""
    return list(dict.fromkeys(row for name in names for row in tasks.get(name, {})))


def _across(tasks: Mapping[str, Rows], names: Sequence[str], scores: Sequence[str]) -> str:
    """One table over several tasks."""
    here = [name for name in names if name in tasks]
    columns = [(f"{_task_title(task)}: {_SHORT[score]}", score, lambda row, task=task, score=score: tasks[task].get(row, {}).get(score))
               for task in here for score in scores]
    return table(_all_rows(tasks, here), columns) if here else ""


def _task_title(task: str) -> str:
    words = {"one_year": "1 year", "hidden_100_water_known": "all but water hidden"}
    plain = task.removesuffix(FILTERED)
    if plain in words:
        return words[plain]
    for start, text in (("rollout_", "{} years"), ("three_priors_", "3 priors, {} %"), ("blocks_hidden_", "blocks, {} %"), ("hidden_all_but_", "{}")):
        if plain.startswith(start):
            return text.format(plain.removeprefix(start).replace("_", " "))
    return plain.replace("hidden_", "") + " %" if plain.startswith("hidden_") else plain.replace("_", " ")


def headline(scores: Mapping[str, Mapping[str, Rows]], place: str = "held_out") -> str:
    """The tables one reads first: reconstruction and steps on held-out land."""
    tasks, parts = scores.get(place, {}), []
    reconstructed = [task for task in RECONSTRUCTION if task in tasks]
    if reconstructed:
        parts += ["### Reconstruction: share of the prior that is hidden, at random\n", _across(tasks, BAR, ("accuracy", "mean_iou")),
                  "### Reconstruction: other ways of hiding\n",
                  _across(tasks, [task for task in reconstructed if task not in BAR], ("accuracy", "mean_iou"))]
    if any(task in tasks for task in STEPS):
        parts += ["### Steps: the whole prior known, free rollout\n", _across(tasks, STEPS, ("accuracy", "figure_of_merit")),
                  "### Steps: class areas and change\n", _across(tasks, STEPS, ("quantity_disagreement", "area_error_max_km2")),
                  "### Steps on filtered labels\n", _across(tasks, [task + FILTERED for task in STEPS], ("accuracy", "figure_of_merit"))]
    back = [step_task(-horizon) for horizon in BACK_HORIZONS]
    if any(task in tasks for task in back):
        parts += ["### Steps backwards in time\n", _across(tasks, back, ("accuracy", "figure_of_merit"))]
    return "\n".join([PREAMBLE.format(place=PLACES[place]), "", *parts])


def _one_task(rows: Rows, names: Sequence[str]) -> str:
    present = [name for name in names if any(name in row for row in rows.values())]
    return table(list(rows), [(_SHORT[name], name, lambda row, name=name: rows[row].get(name)) for name in present])


def _per_class(rows: Rows, what: str, names: Sequence[str] = CLASS_NAMES) -> str:
    present = [name for name in names if any(f"{what}_{name}" in row for row in rows.values())]
    return table(list(rows), [(name.replace("_", "/"), f"{what}_{name}", lambda row, name=name: rows[row].get(f"{what}_{name}")) for name in present])


def _blocks(rows: Rows) -> str:
    columns = [(f"{side} x {side}", "figure_of_merit", lambda row, side=side: rows[row].get("multiresolution", {}).get(str(side), {}).get("figure_of_merit"))
               for side in BLOCK_CELLS]
    return table(list(rows), columns)


def _transitions(rows: Rows) -> str:
    """The most observed transitions, a column each: figure of merit of every row."""
    some = next(iter(rows.values()))["transitions"]
    pairs = [(item["before"], item["after"]) for item in some if item["observed"] > 0][:N_TRANSITION]
    found = {row: {(item["before"], item["after"]): item["figure_of_merit"] for item in scores["transitions"]} for row, scores in rows.items()}
    observed = {(item["before"], item["after"]): item["observed"] for item in some}
    columns = [(f"{CLASS_NAMES[i]} to {CLASS_NAMES[j]} ({observed[i, j]:.2e})", "figure_of_merit", lambda row, pair=(i, j): found[row].get(pair))
               for i, j in pairs]
    return table(list(rows), columns) if columns else ""


def _details_of(task: str, rows: Rows) -> list[str]:
    if task in RECONSTRUCTION:
        return [f"#### {task}: {RECONSTRUCTION[task]}\n", _one_task(rows, _RECONSTRUCTION), "IoU of each class:\n", _per_class(rows, "iou"),
                "F1 of each class:\n", _per_class(rows, "f1"), "IoU of each class, hidden cells only:\n", _per_class(rows, "hidden_iou"),
                "F1 of each class, hidden cells only:\n", _per_class(rows, "hidden_f1")]
    parts = [f"#### {task}\n", _one_task(rows, _AGREEMENT), "Change:\n", _one_task(rows, _CHANGE), "IoU of each class:\n", _per_class(rows, "iou"),
             "F1 of each class:\n", _per_class(rows, "f1")]
    if any("multiresolution" in row for row in rows.values()):
        parts += ["Figure of merit in blocks of cells:\n", _blocks(rows), "Largest area error of each class group in a driver cell, km2:\n",
                  _per_class(rows, "area_error_max_km2", GROUPS), "Mean area error, km2:\n", _per_class(rows, "area_error_mean_km2", GROUPS)]
    if any("class_brier" in row for row in rows.values()):
        free = {row: scores for row, scores in rows.items() if "class_brier" in scores}
        parts += ["Calibration:\n", _one_task(free, _CALIBRATION)]
    shown = _transitions(rows)
    return [*parts, "Figure of merit of the most frequent transitions (share of the area):\n", shown] if shown else parts


def markdown(scores: Mapping[str, Mapping[str, Rows]], title: str = "Scores", about: Sequence[str] = ()) -> str:
    """The whole scoreboard: headline tables of held-out land, then every task of every place."""
    out = [f"# {title}\n", *(f"{line}\n" for line in about), "## Headline\n", headline(scores), "## How to read it\n", NOTES, ""]
    for place, tasks in scores.items():
        out.append(f"## Details: {PLACES[place]}\n")
        for task, rows in tasks.items():
            out += _details_of(task, rows)
    return "\n".join(out)


def card_scores(scores: Mapping[str, Mapping[str, Rows]]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """What a model card holds: few scores of every row; all tasks forwards on held-out land, one year on all land."""
    def small(rows: Rows, names: Sequence[str]) -> dict:
        return {row: {name: round(float(found[name]), CARD_DIGITS) for name in names if math.isfinite(_number(found.get(name)))}
                for row, found in rows.items()}

    out: dict = {}
    for place, tasks in scores.items():
        wanted = (*RECONSTRUCTION, *STEPS) if place == "held_out" else STEPS[:1]
        out[place] = {task: small(tasks[task], CARD_SCORES[:2] if task in RECONSTRUCTION else CARD_SCORES) for task in wanted if task in tasks}
    return out


def _plain(value: Any) -> Any:
    """Undefined numbers as null, which JSON has and NaN is not."""
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_json(scores: Mapping[str, Mapping[str, Rows]], checkpoint_sha256: str, about: Mapping[str, Any] | None = None) -> str:
    """`scores` is the part that goes into the card of that checkpoint, `details` is everything."""
    content = {"checkpoint_sha256": checkpoint_sha256, "about": dict(about or {}), "scores": card_scores(scores), "details": _plain(scores)}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"
