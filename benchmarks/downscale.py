"""Scores the rules of `lsbc.training.downscale` where the later map is known: ESA CCI 1992 -> 2005 and CORINE 2006 -> 2012 in Bavaria. No thresholds.

    python benchmarks/downscale.py DIRECTORY_OF_THE_BAVARIAN_FILES

Set up as for one map and coarse net changes: the rules see the first map and the net changes of half-degree (50 km) blocks, nothing else.
"""

from __future__ import annotations

import sys
from pathlib import Path

import netCDF4
import numpy as np

from lsbc.emulator.allocate import allocate_zones, group_counts
from lsbc.emulator.classes import NO_DATA
from lsbc.training.change_rates import Cells, fit_rates
from lsbc.training.class_odds import density_log_p, learned_log_p

N_CLASS = 7
CODES = (11, 22, 33, 40, 55, 66, 77)
CORINE_CLASS = [0] * 11 + [1, 1, 1, 2, 1, 1, 1, 3, 3, 3, 4, 4, 4, 5, 5, 5, 5, 4, 4, 6, 6]
"""Class of each of the 32 CORINE classes in the file's order."""
GROUPS = np.append(np.arange(N_CLASS), np.full(256 - N_CLASS, -1))


def esa_maps(directory: Path) -> tuple[np.ndarray, np.ndarray]:
    with netCDF4.Dataset(directory / "bavaria_lu7_30arcsec_1992_2020.nc") as file:
        file.set_auto_mask(False)
        codes = file["lu"][[0, 2005 - 1992]]
    table = np.full(256, NO_DATA, np.uint8)
    table[list(CODES)] = np.arange(N_CLASS)
    return tuple(table[codes])


def corine_maps(directory: Path) -> tuple[np.ndarray, np.ndarray]:
    with netCDF4.Dataset(directory / "bavaria_corine_pct_1km_1990_2018.nc") as file:
        file.set_auto_mask(False)
        percent = file["pct"][2:4, : len(CORINE_CLASS)]
    share = np.stack([np.where(percent == 255, 0, percent)[:, np.array(CORINE_CLASS) == c].sum(axis=1, dtype=float) for c in range(N_CLASS)], axis=1)
    return tuple(np.where(share.sum(axis=1) > 50.0, share.argmax(axis=1), NO_DATA).astype(np.uint8))


def blocks(valid: np.ndarray, side: int) -> np.ndarray:
    row, col = np.nonzero(valid)
    return np.unique((row // side) * 1000 + col // side, return_inverse=True)[1]


def report(name: str, old: np.ndarray, new: np.ndarray, made: np.ndarray) -> None:
    changed, said, right = new != old, made != old, made == new
    hits = (changed & right).sum()
    merit, precision = hits / (changed | said).sum(), 100 * hits / max(said.sum(), 1)
    print(f"  {name:8s} figure of merit {merit:.4f}, accuracy {right.mean():.4f}, {precision:.1f} % of {said.sum()} moves right")


def compare(old: np.ndarray, new: np.ndarray, side: int, columns_per_row: float) -> None:
    valid = (old != NO_DATA) & (new != NO_DATA)
    old, new = np.where(valid, old, NO_DATA), np.where(valid, new, NO_DATA)
    zone, before, after = blocks(valid, side), old[valid], new[valid]
    shape = (zone.max() + 1, N_CLASS)
    demand = (group_counts(after, zone, shape, GROUPS) - group_counts(before, zone, shape, GROUPS)).astype(float)
    log_p = learned_log_p(old, old, columns_per_row)
    cells = Cells(zone, before.astype(int), np.arange(N_CLASS), log_p)
    rates = fit_rates(cells, demand)
    fold = np.random.default_rng(0).permutation(len(demand)) % 4
    held_out = [fit_rates(cells, demand, fold != k).explained for k in range(4)]
    print(f"  {(before != after).mean():.4f} of {len(before)} cells change; rates explain {np.mean(held_out):.2f} of the net changes of blocks left out")
    scores = {"random": np.random.default_rng(0).random((len(before), N_CLASS)), "density": density_log_p(old, N_CLASS, columns_per_row)[:, valid].T,
              "learned": log_p, "rates": rates.scores(cells)}
    report("persist", before, after, before)
    for name, score in scores.items():
        report(name, before, after, allocate_zones(score.T, before, zone, demand, GROUPS))


def main(directory: Path) -> None:
    print("ESA CCI 1992 -> 2005, 30 arc seconds, blocks of 0.5 degree")
    compare(*esa_maps(directory), 60, 1.0 / np.cos(np.radians(49.0)))
    print("CORINE 2006 -> 2012, 1 km, blocks of 50 km")
    compare(*corine_maps(directory), 50, 1.0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
