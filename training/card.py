"""Composes the model card (model.toml) and writes it as TOML. Knows names and numbers, no network and no maps."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from lsbc.emulator.channels import Channel
from lsbc.emulator.classes import CLASS_CODES, CLASS_NAMES, CLASS_SYSTEM, CLASS_VERSION
from lsbc.training.config import TrainingConfig
from lsbc.training.data import RATIO

FORMAT = 1
DRIVER_SPACING_DEG, FINE_SPACING_ARCSEC = 0.25, 30


def _value(entry: Any) -> str:
    if isinstance(entry, bool):
        return "true" if entry else "false"
    if isinstance(entry, float):
        return repr(entry) if math.isfinite(entry) else "nan"
    if isinstance(entry, int):
        return str(entry)
    if isinstance(entry, (list, tuple)):
        return "[" + ", ".join(_value(item) for item in entry) + "]"
    return json.dumps(str(entry), ensure_ascii=False)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() else json.dumps(name)


def to_toml(table: Mapping[str, Any], prefix: str = "") -> str:
    """TOML text of nested mappings; a list of mappings becomes an array of tables.

    >>> to_toml({"a": 1, "b": {"c": "x"}})
    'a = 1\\n\\n[b]\\nc = "x"\\n'
    """
    plain, nested = [], []
    for name, entry in table.items():
        path = f"{prefix}{_key(name)}"
        if isinstance(entry, Mapping):
            holds_values = not entry or any(not isinstance(item, Mapping) for item in entry.values())
            nested.append((f"\n[{path}]\n" if holds_values else "") + to_toml(entry, f"{path}."))
        elif isinstance(entry, list) and entry and isinstance(entry[0], Mapping):
            nested += [f"\n[[{path}]]\n" + to_toml(item, f"{path}.") for item in entry]
        else:
            plain.append(f"{_key(name)} = {_value(entry)}\n")
    return "".join(plain + nested)


def _training(config: TrainingConfig, trained: Mapping[str, Any]) -> dict[str, Any]:
    split = config.split
    return {
        "data": config.export.data, "licence": config.export.licence, "attribution": list(config.export.attribution),
        "years": list(split.train_years), "test_years": list(split.test_years),
        "direction": "year y to y + 1", "held_out_share": split.held_out_share, "watched_share": split.check_share,
        "held_out_unit": "driver cell", "buffer_cells": split.buffer_cells, "split_seed": split.seed,
        "seed": config.run.seed, "steps": config.run.steps, "batch": config.samples.batch,
        "patch_cells": config.samples.patch, **trained,
    }


def compose(config: TrainingConfig, channels: tuple[Channel, ...], *, network: Mapping[str, Any],
            trained: Mapping[str, Any], precision: Mapping[str, Any], scores: Mapping[str, Any],
            files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The card as nested mappings, in the order a reader meets them."""
    return {
        "format": FORMAT,
        "name": config.export.name,
        "classes": {"system": CLASS_SYSTEM, "version": CLASS_VERSION, "codes": list(CLASS_CODES), "names": list(CLASS_NAMES)},
        "grid": {"driver_spacing_deg": DRIVER_SPACING_DEG, "fine_cells_per_driver_cell": RATIO,
                 "fine_spacing_arcsec": FINE_SPACING_ARCSEC},
        "network": dict(network),
        "training": _training(config, trained),
        "precision": dict(precision),
        "files": {name: dict(entry) for name, entry in files.items()},
        "channels": [{"name": c.name, "units": c.units, "offset": float(c.offset), "scale": float(c.scale)} for c in channels],
        "scores": dict(scores),
    }
