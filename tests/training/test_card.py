"""lsbc.training.card: what is written can be read back."""

import math
import tomllib

from lsbc.training.card import to_toml


def test_nested_tables_and_arrays_of_tables_survive_a_round_trip():
    table = {"format": 1, "name": 'a "quoted" ä', "flag": True, "classes": {"codes": [0, 11], "names": ["x", "y"]},
             "files": {"unet.onnx": {"sha256": "0f", "bytes": 12}}, "channels": [{"name": "a.b", "scale": 0.002}, {"name": "c"}],
             "empty": {}, "scores": {"held_out": {"hidden_60": {"network": {"accuracy": 1 / 3}}}}}
    assert tomllib.loads(to_toml(table)) == table


def test_a_score_that_is_not_defined_is_written_as_nan():
    assert math.isnan(tomllib.loads(to_toml({"a": float("nan")}))["a"])
