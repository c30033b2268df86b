"""yac's weights through a child process: its own numbers, in lsbc's conventions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from lsbc.regrid.backends import yac_weights
from lsbc.regrid.errors import GridError, StartupError, WeightError
from lsbc.regrid.grids import PolygonGrid, RectilinearGrid

from shapes import rotation, triangles

COARSE = RectilinearGrid.regular(-30, 60, 18, -10, 60, 14, name="coarse")
FINE = RectilinearGrid.regular(1, 41, 20, 20, 50, 15, name="fine")
REGION = RectilinearGrid.regular(84, 90, 24, 25, 31, 24, edges="greatcircle")
TILE = RectilinearGrid.regular(86, 88, 200, 27, 29, 200, edges="greatcircle")


def overlaps_deg(a_deg: np.ndarray, b_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends (n_b, n_a) of what intervals between edges b and a have in common."""
    low, high = np.maximum(b_deg[:-1, None], a_deg[None, :-1]), np.minimum(b_deg[1:, None], a_deg[None, 1:])
    return low, np.maximum(low, high)


def exact_boxes(source: RectilinearGrid, destination: RectilinearGrid) -> np.ndarray:
    """A_ij / A_j of boxes: products of overlaps in longitude and in the sine of latitude."""
    low, high = overlaps_deg(source.lat_edge_deg, destination.lat_edge_deg)
    rows = (np.sin(np.radians(high)) - np.sin(np.radians(low))) / np.diff(np.sin(np.radians(destination.lat_edge_deg)))[:, None]
    low, high = overlaps_deg(source.lon_edge_deg, destination.lon_edge_deg)
    return np.kron(rows, (high - low) / np.diff(destination.lon_edge_deg)[:, None])


def sphere_of_triangles(n_split: int) -> PolygonGrid:
    lon, lat = triangles(n_split, rotation(3))
    x, y, z = (f.mean(axis=1) for f in (np.cos(np.radians(lat)) * np.cos(np.radians(lon)), np.cos(np.radians(lat)) * np.sin(np.radians(lon)), np.sin(np.radians(lat))))
    return PolygonGrid(np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y))), lon, lat, edges="greatcircle")


@pytest.mark.usefixtures("need_yac")
def test_boxes_of_meridians_and_parallels_are_right(dense):
    weights = yac_weights(COARSE, FINE)
    assert np.abs(dense(weights) - exact_boxes(COARSE, FINE)).max() < 1e-9
    assert (weights.method, weights.normalization, weights.edges, weights.generator[:4]) == ("conserve", "dstarea", "latlon", "yac ")


@pytest.mark.usefixtures("need_yac")
def test_great_circle_cells_are_those_of_esmf(reference):
    weights, esmf = yac_weights(REGION, TILE), reference("a_0p25r_to_tile0p01_conserve")
    assert np.array_equal(weights.row * np.int64(weights.n_source) + weights.column, esmf["key"])
    assert np.abs(weights.value - esmf["value"]).max() < 1e-8
    assert np.abs(weights.source.frac - esmf["frac_a"]).max() < 1e-8


@pytest.mark.usefixtures("need_yac")
def test_boxes_as_polygons_on_parallels_give_the_same_weights(dense):
    polygons = [grid.take(np.arange(grid.n_cell)) for grid in (COARSE, FINE)]
    assert np.abs(dense(yac_weights(*polygons)) - exact_boxes(COARSE, FINE)).max() < 1e-9


@pytest.mark.usefixtures("need_yac")
def test_cells_of_a_mesh_keep_their_numbers():
    cells = sphere_of_triangles(2)
    weights = yac_weights(cells, cells, "neareststod")
    assert np.array_equal(weights.column, np.arange(cells.n_cell))


@pytest.mark.usefixtures("need_yac")
@pytest.mark.parametrize("normalization", ["dstarea", "fracarea"])
def test_global_integrals_are_kept_between_edges_of_two_kinds(normalization):
    cells, globe = sphere_of_triangles(2), RectilinearGrid.regular(0, 360, 36, -90, 90, 18)
    weights = yac_weights(cells, globe, "conserve", normalization)
    field = 2.0 + np.sin(np.radians(cells.lat_deg))
    mapped = np.bincount(weights.row, weights.value * field[weights.column], globe.n_cell)
    factor = 1.0 if normalization == "dstarea" else weights.destination.frac
    assert mapped * factor @ globe.area_sr == pytest.approx(field @ cells.area_sr, rel=1e-9)
    assert weights.edges == "greatcircle/latlon"


@pytest.mark.usefixtures("need_yac")
def test_masked_cells_take_no_part_and_their_rows_are_empty(dense):
    chance = np.random.default_rng(7)
    live_a, live_b = chance.random(COARSE.n_cell) > 0.2, chance.random(FINE.n_cell) > 0.2
    expected = exact_boxes(COARSE, FINE) * np.outer(live_b, live_a)
    boxes = COARSE.with_mask(live_a), FINE.with_mask(live_b)
    polygons = [grid.take(np.arange(grid.n_cell)) for grid in boxes]
    for pair in (boxes, polygons):
        weights = yac_weights(*pair)
        assert np.abs(dense(weights) - expected).max() < 1e-9
        assert np.abs(weights.destination.frac - expected.sum(axis=1)).max() < 1e-9


@pytest.mark.usefixtures("need_yac")
def test_fracarea_rows_sum_to_one_where_anything_covers_them():
    shifted = RectilinearGrid.regular(50, 70, 7, 50, 65, 5)
    weights = yac_weights(COARSE, shifted, "conserve", "fracarea")
    assert weights.row_sum[weights.is_mapped] == pytest.approx(1.0, abs=1e-12)
    assert weights.destination.frac == pytest.approx(exact_boxes(COARSE, shifted).sum(axis=1), abs=1e-9)


@pytest.mark.usefixtures("need_yac")
def test_second_order_keeps_constants_and_the_integral():
    weights = yac_weights(COARSE, RectilinearGrid.regular(-30, 60, 31, -10, 60, 23), "conserve2nd")
    assert weights.row_sum == pytest.approx(1.0, abs=1e-9)
    assert np.bincount(weights.column, weights.value * weights.destination.area_sr[weights.row]) == pytest.approx(COARSE.area_sr, rel=1e-8)


@pytest.mark.usefixtures("need_yac")
def test_grids_apart_from_each_other_give_empty_rows():
    weights = yac_weights(COARSE, RectilinearGrid.regular(100, 120, 4, 0, 20, 4))
    assert weights.n_entry == 0
    assert not weights.destination.frac.any()


@pytest.mark.usefixtures("need_yac")
def test_an_abort_of_yac_becomes_an_error():
    one = np.array([0.0, 1.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0, 1.0])
    same = PolygonGrid([0.5] * 3, [0.5] * 3, np.tile(one[0], (3, 1)), np.tile(one[1], (3, 1)), edges="greatcircle")
    with pytest.raises(GridError, match="yac refused the grids: .*more than two cells point to a single edge"):
        yac_weights(same, COARSE.with_edges("greatcircle"))


@pytest.mark.usefixtures("need_yac")
def test_a_child_started_inside_an_mpi_rank_works():
    if shutil.which("mpirun") is None:
        pytest.skip("needs mpirun")
    code = ("from mpi4py import MPI; from lsbc.regrid.backends import yac_weights; from lsbc.regrid.grids import RectilinearGrid;"
            "box = RectilinearGrid.regular(0, 10, 5, 0, 10, 5);"
            "rows = MPI.COMM_WORLD.gather((MPI.COMM_WORLD.size, yac_weights(box, box).n_entry));"
            "rows and print(*sum(rows, ()))")  # by one rank: lines of two may run into each other
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(["mpirun", "--oversubscribe", "-n", "2", sys.executable, "-c", code], env=environment, capture_output=True, text=True,
                          timeout=120, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["2", "25", "2", "25"]), done.stderr


def test_an_absent_yac_is_named_with_the_way_to_get_it(tmp_path):
    bare = tmp_path / "python3"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "import sys; sys.modules[\'yac\'] = None; '
                    'import runpy; sys.argv = sys.argv[1:]; sys.path.insert(0, __import__(\'os\').path.dirname(sys.argv[0])); '
                    'runpy.run_path(sys.argv[0], run_name=\'__main__\')" "$@"\n', encoding="utf-8")
    bare.chmod(0o755)
    with pytest.raises(StartupError, match=r"yac is not available to .*pip install"):
        yac_weights(COARSE, FINE, python=str(bare))


@pytest.mark.parametrize(("options", "match"), [({"method": "bilinear"}, "'bilinear' is not offered"), ({"normalization": "none"}, "no normalisation 'none'")])
def test_what_is_not_offered_is_refused(options, match):
    with pytest.raises(WeightError, match=match):
        yac_weights(COARSE, FINE, **options)


def test_grids_yac_cannot_treat_are_refused_before_it_starts():
    slanting = PolygonGrid([0.5], [0.3], [[0.0, 1.0, 0.5]], [[0.0, 0.0, 1.0]], edges="latlon")
    with pytest.raises(GridError, match=r"cell 0 at \(0.5, 0.3\) has an edge that is neither meridian nor parallel"):
        yac_weights(slanting, FINE)
    with pytest.raises(GridError, match="360 degrees wide"):
        yac_weights(RectilinearGrid.regular(0, 360, 1, 0, 10, 2), FINE)
    with pytest.raises(GridError, match="centres only"):
        yac_weights(PolygonGrid([1.0], [1.0]), FINE)
