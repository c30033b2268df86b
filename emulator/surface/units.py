"""Units of hosts' parameter tables and their way to SI and back. Knows spellings and factors only, no tables and no classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from lsbc.regrid.errors import ConfigError

ZERO_C_IN_K = 273.15
NOT_STATED = ""
"""Units of a quantity whose source names none; its values are handed on as they are."""

_PER_SI = {
    NOT_STATED: (NOT_STATED, 1.0),
    "1": ("1", 1.0), "%": ("1", 100.0), "m2 m-2": ("m2 m-2", 1.0),
    "m": ("m", 1.0), "cm": ("m", 100.0), "mm": ("m", 1000.0),
    "m-2": ("m-2", 1.0), "m2 kg-1": ("m2 kg-1", 1.0),
    "s m-1": ("s m-1", 1.0), "s-1": ("s-1", 1.0),
    "K": ("K", 1.0), "degC": ("degC", 1.0), "Pa": ("Pa", 1.0), "W m-2 K-1": ("W m-2 K-1", 1.0),
    "umol m-2 s-1": ("mol m-2 s-1", 1e6), "umol kg-1 s-1": ("mol kg-1 s-1", 1e6),
}
"""Units -> SI units, and how many of the former make one of the latter. Temperatures in degC are limits that hosts compare in degC: they stay."""

_SPELLINGS = {
    "m2/m2": "m2 m-2", "m2/kg": "m2 kg-1", "s/m": "s m-1", "1/s": "s-1", "no. of trunks per m2": "m-2",
    "umol co2/m2/s": "umol m-2 s-1", "umol/m2/s": "umol m-2 s-1", "umol co2/umol photon": "1",
    "umol co2/kg bio/s": "umol kg-1 s-1", "umol co2/kgc/s": "umol kg-1 s-1",
    "k": "K", "pa": "Pa", "m": "m", "cm": "cm", "mm": "mm", "%": "%", "1": "1",
}


def spelled(text: str) -> str | None:
    """The units that a host's file spells `text` (in any case), or None where lsbc does not know them."""
    return _SPELLINGS.get(" ".join(text.lower().split()))


def si_units(units: str) -> str:
    """SI units of values in `units`.

    Raises:
        ConfigError: unknown units; the message lists the known ones.
    """
    return _entry(units)[0]


def to_si(values: Any, units: str) -> np.ndarray:
    """Values in SI: 50 cm -> 0.5 m, 17 % -> 0.17. Divides, so that decimal numbers stay what they look like."""
    return np.asarray(values, np.float64) / _entry(units)[1]


def from_si(values: Any, units: str) -> np.ndarray:
    """SI values in `units`: 0.5 m -> 50 cm."""
    return np.asarray(values, np.float64) * _entry(units)[1]


def _entry(units: str) -> tuple[str, float]:
    if units not in _PER_SI:
        raise ConfigError(f"Units '{units}' are unknown; known are {', '.join(repr(name) for name in _PER_SI if name)} and '' (not stated).")
    return _PER_SI[units]
