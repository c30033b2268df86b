"""lsbc.training.scoreboard on scores written by hand."""

import json

import pytest

from lsbc.training.scoreboard import as_json, card_scores, headline, markdown, spoken, table

NAN = float("nan")


def step(accuracy, merit, **more):
    return {"accuracy": accuracy, "mean_iou": 0.5, "figure_of_merit": merit, "quantity_disagreement": 0.25, "area_error_max_km2": 2.0,
            "transitions": [{"before": 2, "after": 1, "observed": 0.01, "predicted": 0.0, "figure_of_merit": merit}], **more}


def rebuilt(accuracy, iou):
    return {"accuracy": accuracy, "mean_iou": iou, "iou_urban": 0.125, "hidden_iou_urban": NAN}


@pytest.fixture
def scores():
    steps = {"one_year": {"persistence": step(0.99, 0.0), "network": step(0.985, NAN), "network_with_allocation": step(0.98, 0.1)},
             "one_year_filtered": {"persistence": step(0.995, 0.0)}, "one_year_back": {"persistence": step(0.97, 0.0)}}
    return {"held_out": {"hidden_60": {"persistence": rebuilt(0.5, 0.25), "network": rebuilt(0.75, 0.5)}, **steps},
            "all_land": {"hidden_60": {"network": rebuilt(0.8, 0.625)}, **steps}}


def test_the_best_of_each_column_is_bold_and_what_is_undefined_a_dash():
    made = table(["a", "b_with_allocation"], [("accuracy", "accuracy", {"a": 0.5, "b_with_allocation": 0.75}.get),
                                              ("error", "area_error_max_km2", {"a": 1.0, "b_with_allocation": 2.0}.get),
                                              ("merit", "figure_of_merit", {"a": NAN}.get)])
    assert made.splitlines() == ["| predictor | accuracy | error | merit |", "|---|---:|---:|---:|",
                                 "| a | 0.5000 | **1.0000** | – |", "| b, areas met | **0.7500** | 2.0000 | – |"]


def test_equal_rows_are_both_bold():
    assert table(["a", "b"], [("x", "accuracy", lambda row: 0.5)]).count("**0.5000**") == 2


def test_the_headline_has_a_row_for_every_predictor_and_rule_of_the_held_out_land(scores):
    text = headline(scores)
    assert "| network | **0.7500** | **0.5000** |" in text and "| persistence | 0.5000 | 0.2500 |" in text
    assert "| persistence | **0.99000** | 0.0000 |" in text and "| network | 0.98500 | – |" in text and "| network, areas met | 0.98000 | **0.1000** |" in text
    assert "backwards" in text and "filtered" in text and "0.8000" not in text
    assert text.index("Reconstruction") < text.index("Steps")


def test_every_task_of_every_place_has_a_row_for_every_predictor(scores):
    text = markdown(scores, "T", ["about it"])
    details = text[text.index("## Details"):]
    for tasks in scores.values():
        for task, rows in tasks.items():
            assert f"#### {task}" in details
            for row in rows:
                assert f"| {spoken(row)} |" in details
    assert text.startswith("# T\n\nabout it\n") and details.count("## Details") == 2
    assert details.count("cropland to urban") == 6


def test_the_card_gets_few_numbers_of_every_row_and_no_undefined_one(scores):
    card = card_scores(scores)
    assert card["held_out"]["hidden_60"]["network"] == {"accuracy": 0.75, "mean_iou": 0.5}
    assert card["held_out"]["one_year"]["network"] == {"accuracy": 0.985, "mean_iou": 0.5, "quantity_disagreement": 0.25}
    assert set(card["held_out"]) == {"hidden_60", "one_year"} and set(card["all_land"]) == {"one_year"}
    assert set(card["all_land"]["one_year"]) == {"persistence", "network", "network_with_allocation"}


def test_the_json_has_every_number_and_null_for_what_is_undefined(scores):
    read = json.loads(as_json(scores, "ab", {"seed": 1}))
    assert read["checkpoint_sha256"] == "ab" and read["about"] == {"seed": 1} and read["scores"] == card_scores(scores)
    assert read["details"]["all_land"]["hidden_60"]["network"] == {"accuracy": 0.8, "mean_iou": 0.625, "iou_urban": 0.125, "hidden_iou_urban": None}
    assert read["details"]["held_out"]["one_year"]["network"]["figure_of_merit"] is None


def test_only_one_half_of_the_tasks_still_makes_a_table(scores):
    half = {"held_out": {"hidden_60": scores["held_out"]["hidden_60"]}}
    assert "Steps:" not in markdown(half) and "Reconstruction:" in markdown(half)
    half = {"all_land": {"one_year": scores["all_land"]["one_year"]}}
    assert "#### one_year" in markdown(half)
