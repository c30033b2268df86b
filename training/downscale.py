"""`python -m lsbc.training.downscale MAP CHANGES... --output FILE`: the class map of a later year from one earlier map and coarse class-area changes.

Places the coarse cells' own net changes among the map's cells. Parses arguments, reads, writes and reports; never sees a later map.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from lsbc.emulator.allocate import allocate_zones
from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.errors import LsbcError
from lsbc.training.change_rates import Cells, fit_rates
from lsbc.training.class_odds import USUAL, Learner, density_log_p, learned_log_p
from lsbc.training.coarse_change import ClassMap, Zones, read_changes, read_map, write_map, zone_sums, zones_of

MERGED = {41: 40, 42: 40, 43: 40, 44: 40, 45: 40}
"""Forest subtypes count as one class."""
RULES = ("rates", "learned", "density")
"""Where change goes: to cells likely to change by rates fitted to the coarse changes; where the map's own classes are least at home; by near density."""


def groups_of(codes: tuple[int, ...]) -> np.ndarray:
    """Group of each class index, (256,), -1 beyond the classes: classes that count as one share a group."""
    merged = [MERGED.get(code, code) for code in codes]
    order = sorted(set(merged))
    return np.array([order.index(code) for code in merged] + [-1] * (256 - len(codes)))


def demand_cells(zones: Zones, fine: ClassMap, group_of_class: np.ndarray) -> np.ndarray:
    """Cells by which each group is to change over all years, (zone, group), summing to 0: km2 over the zone's mean cell."""
    n_zone, n_group = zones.km2.shape[1], group_of_class.max() + 1
    cell_km2 = zone_sums(zones.zone, fine, n_zone) / np.bincount(zones.zone[zones.zone >= 0], minlength=n_zone)
    km2 = zones.km2.sum(axis=0) @ (group_of_class[: zones.km2.shape[2], None] == np.arange(n_group))
    demand = km2 / cell_km2[:, None]
    size = np.abs(demand)
    return demand - demand.sum(axis=1, keepdims=True) * size / np.maximum(size.sum(axis=1, keepdims=True), 1e-12)


def downscale(fine: ClassMap, zones: Zones, rule: str = "rates", learner: Learner = USUAL) -> np.ndarray:
    """Class index of the later year, (row, col), placed by one of `RULES`."""
    group_of_class = groups_of(fine.codes)
    group = np.where(fine.land, group_of_class[fine.index], NO_DATA).astype(np.uint8)
    demand = demand_cells(zones, fine, group_of_class)
    score = cell_scores(fine, group, zones.zone, demand, (rule, learner))
    land, new = fine.land, fine.index.copy()
    joined = allocate_zones(score.T, group[land], zones.zone[land], demand, np.append(np.arange(demand.shape[1]), np.full(256 - demand.shape[1], -1)))
    moved = joined != group[land]
    first_class = np.array([int(np.argmax(group_of_class == g)) for g in range(demand.shape[1])])
    new[land] = np.where(moved, first_class[joined], fine.index[land])
    return new


def cell_scores(fine: ClassMap, group: np.ndarray, zone: np.ndarray, demand: np.ndarray, how: tuple[str, Learner]) -> np.ndarray:
    """Scores of the groups at the cells with data, (n_cell, group)."""
    land, n_group, (rule, learner) = fine.land, demand.shape[1], how
    columns_per_row = abs(fine.transform.e / fine.transform.a) / np.cos(np.radians(fine.centres_deg()[1][land.any(axis=1)].mean()))
    if rule == "density":
        return density_log_p(group, n_group, columns_per_row)[:, land].T
    log_p = learned_log_p(fine.index, group, columns_per_row, learner)
    if rule == "learned":
        return log_p
    counted = zone[land] >= 0
    cells = Cells(zone[land][counted], fine.index[land][counted], groups_of(fine.codes)[: len(fine.codes)], log_p[counted])
    rates = fit_rates(cells, demand)
    score = np.zeros_like(log_p)
    score[counted] = rates.scores(cells)
    return score


def residual_km2(fine: ClassMap, new: np.ndarray, zones: Zones) -> np.ndarray:
    """Change of each group's area in each zone less the one asked for, (zone, group)."""
    group = groups_of(fine.codes)
    n_zone, n_group = zones.km2.shape[1], group.max() + 1
    counted = zones.zone >= 0
    area = np.broadcast_to(fine.cell_area_km2()[:, None], new.shape)[counted]
    zone = zones.zone[counted]

    def areas(index: np.ndarray) -> np.ndarray:
        return np.bincount(zone * n_group + group[index], weights=area, minlength=n_zone * n_group).reshape(n_zone, n_group)

    km2 = zones.km2.sum(axis=0) @ (group[: len(fine.codes), None] == np.arange(n_group))
    return areas(new[counted]) - areas(fine.index[counted]) - km2


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when done, else the error's public status."""
    parser = argparse.ArgumentParser(prog="python -m lsbc.training.downscale", description="The class map of a later year from one map and coarse class-area changes.")
    parser.add_argument("map", type=Path, help="GeoTIFF of class codes")
    parser.add_argument("changes", type=Path, nargs="+", help="GeoTIFFs of class-area changes in km2, a year each, in order")
    parser.add_argument("--output", type=Path, required=True, help="the map to write, like the first")
    parser.add_argument("--rule", choices=RULES, default=RULES[0], help="where change goes (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    try:
        fine = read_map(chosen.map)
        zones = zones_of(fine, read_changes(chosen.changes, fine.codes))
        new = downscale(fine, zones, chosen.rule)
        write_map(chosen.output, fine, new)
    except LsbcError as error:
        print(f"lsbc: {type(error).__name__}: {error}", file=sys.stderr)
        return int(error.status)
    left = residual_km2(fine, new, zones)
    moved = (groups_of(fine.codes)[new] != groups_of(fine.codes)[fine.index])[fine.land]
    print(f"{chosen.output}: {moved.sum()} of {moved.size} cells change; coarse cells count by {zones.rule}; area change off by at most "
          f"{np.abs(left).max():.2f} km2 a coarse cell and class, quantity disagreement {np.abs(left.sum(axis=0)).sum() / 2:.1f} km2.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
