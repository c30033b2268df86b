"""What may enter and what may leave: every check is written so that NaN fails it. Changes nothing but what it returns."""

from __future__ import annotations

import numpy as np

from lsbc.emulator.classes import CLASS_CODES, GROUP_STATES, LUH2_STATES, N_GROUP
from lsbc.regrid.errors import FieldError, InternalError, ValueRangeError

NEGATIVE_TOLERANCE = 1e-6
SUM_TOLERANCE = 1e-4
"""LUH2's own state sums reach 1.0001; beyond that the input is wrong."""
PERCENT_SUSPECTED, FILL_SUSPECTED = 1.5, 101.0
CLOSURE_TOLERANCE = 1e-12


def driver_groups(states: dict[str, np.ndarray], owned: np.ndarray, global_id: np.ndarray, lon_deg: np.ndarray,
                  lat_deg: np.ndarray) -> np.ndarray:
    """Check the host's LUH2 states and sum them into driver groups.

    Args:
        states: name -> fractions of the whole cell, (n_cell,).
        owned: positions of this rank's own cells among them; the rest is not looked at.
    Returns:
        (n_owned, 6) float64 in the order of `GROUPS`; rows sum to 1, `other` is water, ice and ocean.
    Raises:
        FieldError: a state was never set.  ValueRangeError: not finite, negative, percent, or the sum exceeds 1.0001.
    """
    missing = [name for name in LUH2_STATES if name not in states]
    if missing:
        raise FieldError(f"Fields {', '.join(missing)} were never set; all {len(LUH2_STATES)} LUH2 states are needed.")

    def place(k: int) -> str:
        cell = owned[k]
        return f"cell {int(global_id[cell])} ({lon_deg[cell]:.4f} E, {lat_deg[cell]:.4f} N)"

    total = np.zeros(len(owned))
    groups = np.zeros((len(owned), N_GROUP))
    for g, (_, members) in enumerate(GROUP_STATES.items()):
        for name in members:
            value = np.asarray(states[name], np.float64)[owned]
            _check_state(name, value, place)
            np.maximum(value, 0.0, out=value)
            groups[:, g] += value
            total += value
    if not np.all(total <= 1.0 + SUM_TOLERANCE):
        k = int(np.argmax(total))
        raise ValueRangeError(f"The LUH2 states sum to {total[k]:.6g} in {place(k)}; they are fractions of the cell and may reach "
                              f"at most {1.0 + SUM_TOLERANCE}.")
    over = total > 1.0
    groups[over] /= total[over, None]
    groups[:, -1] = np.where(over, 0.0, 1.0 - np.minimum(total, 1.0))
    return groups


def _check_state(name: str, value: np.ndarray, place) -> None:
    if not np.all(np.isfinite(value)):
        k = int(np.argmin(np.isfinite(value)))
        raise ValueRangeError(f"Field '{name}' is {value[k]} in {place(k)}.")
    if len(value) == 0:
        return
    k = int(np.argmax(value))
    if value[k] > FILL_SUSPECTED:
        raise ValueRangeError(f"Field '{name}' is {value[k]:.6g} in {place(k)}: that looks like a fill value, the contract asks for fractions 0..1.")
    if value[k] > PERCENT_SUSPECTED:
        raise ValueRangeError(f"Field '{name}' is {value[k]:.6g} in {place(k)}: that looks like percent, the contract asks for fractions 0..1.")
    if value[k] > 1.0 + SUM_TOLERANCE:
        raise ValueRangeError(f"Field '{name}' is {value[k]:.6g} in {place(k)}; a fraction is at most 1.")
    k = int(np.argmin(value))
    if value[k] < -NEGATIVE_TOLERANCE:
        raise ValueRangeError(f"Field '{name}' is {value[k]:.6g} in {place(k)}; a fraction is not negative.")


def check_logits(logits: np.ndarray, tile: int) -> None:
    """Refuse a network's output that is not finite."""
    if not np.all(np.isfinite(logits)):
        raise InternalError(f"The network returned {int(np.sum(~np.isfinite(logits)))} values that are not finite in tile {tile}.")


def check_fractions(fraction: np.ndarray, covered: np.ndarray) -> None:
    """Output gate: covered cells' fractions are finite, within [0, 1] and sum to 1 within 1e-12."""
    inside = fraction[covered]
    if not (np.all(np.isfinite(inside)) and np.all(inside >= 0.0) and np.all(inside <= 1.0)):
        raise InternalError("A class fraction left [0, 1].")
    closure = np.abs(inside.sum(axis=1) - 1.0)
    if not np.all(closure <= CLOSURE_TOLERANCE):
        raise InternalError(f"Class fractions sum to 1 only within {closure.max():.3g}.")


def check_range(name: str, value: np.ndarray, low: float, high: float) -> None:
    """Output gate of one boundary field on covered cells; NaN is both the smallest and the largest value and within no range."""
    if value.size and not (value.min() >= low and value.max() <= high):
        raise InternalError(f"Boundary field '{name}' left [{low}, {high}].")


def check_map(new: np.ndarray, old: np.ndarray, static_index: tuple[int, ...]) -> None:
    """Output gate of the class map: known classes only, and water, ocean and missing cells stay what they were."""
    fixed = np.isin(old, (*static_index, 255))
    if not np.array_equal(np.where(fixed, new, 0), np.where(fixed, old, 0)):
        raise InternalError("The new class map changed water, ocean or missing cells.")
    if np.any(np.isin(new[~fixed], static_index)) or np.any(new[~fixed] >= len(CLASS_CODES)):
        raise InternalError("The new class map turned land into water or ocean, or holds an unknown class.")
