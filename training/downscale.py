"""`lsbc downscale MAP CHANGES... --output FILE`: the class map of a later year from one earlier map and coarse class-area changes.

Also `python -m lsbc.training.downscale`.
Places the coarse cells' own net changes among the map's cells. Parses arguments, reads, writes and reports; never sees a later map.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lsbc.emulator.allocate import allocate_zones, balanced, group_counts
from lsbc.emulator.classes import NO_DATA
from lsbc.regrid.errors import LsbcError
from lsbc.training.change_rates import Cells, fit_rates
from lsbc.training.class_odds import USUAL, Learner, density_log_p, learned_log_p
from lsbc.training.coarse_change import ClassMap, Zones, read_changes, read_map, write_map, zone_sums, zones_of

MERGED = {41: 40, 42: 40, 43: 40, 44: 40, 45: 40}
"""Forest subtypes count as one class."""
RULES = ("rates", "learned", "density")
"""Where change goes: to cells likely to change by rates fitted to the coarse changes; where the map's own classes are least at home; by near density."""


@dataclass(frozen=True)
class Method:
    """Where change goes (one of `RULES`), year by year or only the net of all years, and how much likelier a moved cell returns than another comes."""

    rule: str = "rates"
    yearly: bool = True
    return_gain: float = 6.0
    learner: Learner = USUAL


@dataclass(frozen=True)
class Downscaled:
    """Class index of the last year, (row, col); the share of the coarse changes that fitted rates explain, None for rules without rates."""

    index: np.ndarray
    explained: float | None


def groups_of(codes: tuple[int, ...]) -> np.ndarray:
    """Group of each class index, (256,), -1 beyond the classes: classes that count as one share a group."""
    merged = [MERGED.get(code, code) for code in codes]
    order = sorted(set(merged))
    return np.array([order.index(code) for code in merged] + [-1] * (256 - len(codes)))


def demand_cells(zones: Zones, fine: ClassMap, group_of_class: np.ndarray) -> np.ndarray:
    """Cells by which each group is to have changed since the map, (year, zone, group), summing to 0: km2 over the zone's mean cell. No zone is without cells."""
    n_zone, n_group = zones.km2.shape[1], group_of_class.max() + 1
    cell_km2 = zone_sums(zones.zone, fine, n_zone) / np.bincount(zones.zone[zones.zone >= 0], minlength=n_zone)
    km2 = np.cumsum(zones.km2, axis=0) @ (group_of_class[: zones.km2.shape[2], None] == np.arange(n_group))
    return balanced(km2 / cell_km2[:, None])


def downscale(fine: ClassMap, zones: Zones, how: Method | None = None) -> Downscaled:
    """Place the zones' changes on the map."""
    how = how or Method()
    group_of_class = groups_of(fine.codes)
    demand = demand_cells(zones, fine, group_of_class)
    demand = demand if how.yearly else demand[-1:]
    shape, land = demand.shape[1:], zones.zone >= 0
    zone, first = zones.zone[land], fine.index[land]
    groups = np.append(np.arange(shape[1]), np.full(256 - shape[1], -1))
    class_of_group = np.array([int(np.argmax(group_of_class == g)) for g in range(shape[1])], np.uint8)
    score_of, explained = _scores(fine, zones.zone, demand[-1], how)
    start, now = group_of_class[first].astype(np.uint8), first
    for wanted in demand:
        group = group_of_class[now].astype(np.uint8)
        score = score_of(now)
        moved = np.flatnonzero(group != start)
        score[moved, start[moved]] += how.return_gain
        done = group_counts(group, zone, shape, groups) - group_counts(start, zone, shape, groups)
        joined = allocate_zones(score.T, group, zone, wanted - done, groups)
        now = np.where(joined == group, now, np.where(joined == start, first, class_of_group[joined]))
    new = fine.index.copy()
    new[land] = now
    return Downscaled(new, explained)


def _scores(fine: ClassMap, zone: np.ndarray, net: np.ndarray, how: Method) -> tuple[Callable[[np.ndarray], np.ndarray], float | None]:
    """Scores of the groups at the cells in zones, (n, group), as a function of the cells' classes of the moment; `Downscaled.explained`."""
    land, group_of_class = fine.land, groups_of(fine.codes)
    group = np.where(land, group_of_class[fine.index], NO_DATA).astype(np.uint8)
    columns_per_row = abs(fine.transform.e / fine.transform.a) / np.cos(np.radians(fine.centres_deg()[1][land.any(axis=1)].mean()))
    if how.rule == "density":
        log_p = density_log_p(group, net.shape[1], columns_per_row)[:, land].T
    else:
        log_p = learned_log_p(fine.index, group, columns_per_row, how.learner)
    log_p = log_p[zone[land] >= 0].astype(np.float64)
    if how.rule != "rates":
        return lambda now: log_p.copy(), None
    place, class_of_kind = zone[zone >= 0], group_of_class[: len(fine.codes)]
    rates = fit_rates(Cells(place, fine.index[zone >= 0], class_of_kind, log_p), net)
    return lambda now: rates.scores(Cells(place, now, class_of_kind, log_p)), rates.explained


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


def _report(fine: ClassMap, zones: Zones, made: Downscaled) -> str:
    left = residual_km2(fine, made.index, zones)
    moved = (groups_of(fine.codes)[made.index] != groups_of(fine.codes)[fine.index])[fine.land]
    parts = [f"{moved.sum()} of {moved.size} cells change", f"coarse cells count by {zones.rule}"]
    if made.explained is not None:
        parts.append(f"fitted rates explain {made.explained:.2f} of the coarse changes")
    parts.append(f"area change off by at most {np.abs(left).max():.2f} km2 a coarse cell and class, "
                 f"quantity disagreement {np.abs(left.sum(axis=0)).sum() / 2:.1f} km2")
    parts.append(f"{zones.lost_km2:.1f} km2 of change asked for in coarse cells without land of the map")
    return "; ".join(parts) + "."


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when done, else the error's public status."""
    parser = argparse.ArgumentParser(prog="lsbc downscale", description="The class map of a later year from one map and coarse class-area changes.")
    parser.add_argument("map", type=Path, help="GeoTIFF of class codes")
    parser.add_argument("changes", type=Path, nargs="+", help="GeoTIFFs of class-area changes in km2, a year each, in order")
    parser.add_argument("--output", type=Path, required=True, help="the map to write, like the first")
    parser.add_argument("--rule", choices=RULES, default=RULES[0], help="where change goes (default: %(default)s)")
    parser.add_argument("--net", action="store_true", help="place only the net change of all years: fewer moves, fewer of them wrong")
    chosen = parser.parse_args(arguments)
    try:
        fine = read_map(chosen.map)
        zones = zones_of(fine, read_changes(chosen.changes, fine.codes))
        made = downscale(fine, zones, Method(chosen.rule, yearly=not chosen.net))
        write_map(chosen.output, fine, made.index)
    except LsbcError as error:
        print(f"lsbc: {type(error).__name__}: {error}", file=sys.stderr)
        return int(error.status)
    print(f"{chosen.output}: {_report(fine, zones, made)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
