"""ESMF's weights through a child process: the same as from its own program, in lsbc's conventions."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from lsbc.regrid.backends import esmf_weights
from lsbc.regrid.bilinear import bilinear_weights
from lsbc.regrid.errors import GridError, StartupError, WeightError
from lsbc.regrid.grids import CurvilinearGrid, PolygonGrid, RectilinearGrid

COARSE = RectilinearGrid.regular(-30, 60, 18, -10, 60, 14, edges="greatcircle", name="coarse")
FINE = RectilinearGrid.regular(0, 40, 20, 20, 50, 15, edges="greatcircle", name="fine")
REGION = RectilinearGrid.regular(84, 90, 24, 25, 31, 24, edges="greatcircle")
TILE = RectilinearGrid.regular(86, 88, 200, 27, 29, 200, edges="greatcircle")
FRESH = RectilinearGrid.regular(83, 89, 120, 25.6, 30.4, 96, edges="greatcircle")
METHODS = ("conserve", "conserve2nd", "bilinear")


def assert_is_reference(weights, reference):
    """Another build of ESMF may round differently; one index gone wrong would be 1e-2 or more."""
    assert np.array_equal(weights.row * np.int64(weights.n_source) + weights.column, reference["key"])
    assert np.abs(weights.value - reference["value"]).max() < 1e-11
    for side, letter in ((weights.source, "a"), (weights.destination, "b")):
        assert np.abs(side.frac - reference[f"frac_{letter}"]).max() < 1e-11
        assert side.area_sr == pytest.approx(reference[f"area_{letter}"], rel=1e-11, abs=0)


@pytest.mark.usefixtures("need_esmf")
@pytest.mark.parametrize("method", ["conserve", "neareststod"])
def test_boxes_give_the_weights_of_esmfs_own_program(reference, method):
    assert_is_reference(esmf_weights(REGION, TILE, method), reference(f"a_0p25r_to_tile0p01_{method}"))


@pytest.mark.usefixtures("need_esmf")
@pytest.mark.parametrize("method", ["conserve2nd", "bilinear", "patch", "nearestdtos"])
def test_a_curvilinear_grid_gives_the_weights_of_esmfs_own_program(reference, lambert_grid, method):
    assert_is_reference(esmf_weights(lambert_grid, FRESH, method), reference(f"b_lcc9km_to_ll0p05_{method}"))


def block(grid, first, n):
    """n x n boxes of a grid from row and column `first` on, and their numbers in it."""
    part = slice(first, first + n + 1)
    cells = np.arange(grid.n_cell).reshape(grid.shape)[first:first + n, first:first + n].ravel()
    return RectilinearGrid(grid.lon_edge_deg[part], grid.lat_edge_deg[part], grid.lon_centre_deg[part][:-1], grid.lat_centre_deg[part][:-1],
                           edges=grid.edges), cells


def assert_is_part_of_reference(weights, reference, cells, sure=slice(None)):
    """The rows of some destination cells depend on no other ones; of these, the `sure` ones are compared."""
    sure = np.arange(len(cells))[sure]
    theirs = np.isin(reference["key"] // weights.n_source, cells[sure])
    ours = np.isin(weights.row, sure)
    assert np.array_equal((cells[weights.row] * weights.n_source + weights.column)[ours], reference["key"][theirs])
    assert np.abs(weights.value[ours] - reference["value"][theirs]).max() < 1e-11
    assert np.abs(weights.destination.frac - reference["frac_b"][cells])[sure].max() < 1e-11


@pytest.mark.usefixtures("need_esmf")
def test_some_boxes_give_the_bilinear_weights_they_have_among_all_by_esmfs_own_program(reference):
    some, cells = block(TILE, 90, 12)
    assert_is_part_of_reference(esmf_weights(REGION, some, "bilinear"), reference("a_0p25r_to_tile0p01_bilinear"), cells)


@pytest.mark.usefixtures("need_esmf")
def test_boxes_on_one_whole_cell_give_the_second_order_weights_they_have_among_all(reference):
    """ESMF measures from the middle of what is covered of a source cell: source cell 87 .. 87.25 E is covered by columns 100 .. 124."""
    some, cells = block(TILE, 98, 29)
    inside = np.arange(29 * 29).reshape(29, 29)[4:-4, 4:-4].ravel()
    assert_is_part_of_reference(esmf_weights(REGION, some, "conserve2nd"), reference("a_0p25r_to_tile0p01_conserve2nd"), cells, inside)


@pytest.mark.usefixtures("need_esmf")
@pytest.mark.parametrize("method", ["conserve", "neareststod"])
def test_some_boxes_on_a_curvilinear_grid_give_the_weights_they_have_among_all(reference, lambert_grid, method):
    some, cells = block(FRESH, 40, 12)
    assert_is_part_of_reference(esmf_weights(lambert_grid, some, method), reference(f"b_lcc9km_to_ll0p05_{method}"), cells)


@pytest.mark.usefixtures("need_esmf")
def test_points_on_parallels_that_go_round_have_no_seam(dense):
    """Uneven rows without corners; the exact engine knows the same patches, and the same caps over the poles."""
    points = CurvilinearGrid(*np.meshgrid(np.arange(0.0, 360, 30), [-80.0, -45, -10, 20, 50, 82]), wraps=True)
    globe = RectilinearGrid.regular(-10, 350, 15, -90, 90, 10)
    esmf = esmf_weights(points, globe, "bilinear")
    assert esmf.is_mapped.all()
    assert np.abs(dense(esmf) - dense(bilinear_weights(points, globe))).max() < 1e-7


@pytest.mark.usefixtures("need_esmf")
@pytest.mark.parametrize("normalization", ["dstarea", "fracarea"])
def test_partly_covered_cells_are_those_of_esmfs_own_program(reference, normalization):
    made = esmf_weights(TILE, REGION, "conserve", normalization)
    assert_is_reference(made, reference(f"e_tile0p01_to_0p25r_conserve_{normalization}"))


@pytest.mark.usefixtures("need_esmf")
def test_triangles_give_the_weights_of_esmfs_mesh(reference, icosahedral_grid):
    globe = RectilinearGrid.regular(0, 360, 360, -90, 90, 180, edges="greatcircle")
    assert_is_reference(esmf_weights(icosahedral_grid, globe), reference("c_R02B03_to_ll1deg_conserve"))


@pytest.mark.usefixtures("need_esmf")
@pytest.mark.parametrize("method", ("conserve", "patch"))
def test_constants_stay_and_the_result_says_what_it_is(method):
    weights = esmf_weights(COARSE, FINE, method)
    assert weights.row_sum == pytest.approx(1.0, abs=1e-12)
    assert weights.generator.startswith("ESMF ")
    conserves = method.startswith("conserve")
    assert (weights.method, weights.normalization, weights.edges) == (method, *(("dstarea", "greatcircle") if conserves else ("none", "")))
    assert (weights.source.fingerprint, weights.destination.fingerprint) == (COARSE.fingerprint, FINE.fingerprint)


@pytest.mark.usefixtures("need_esmf")
def test_areas_are_those_of_great_circle_cells():
    weights = esmf_weights(COARSE, FINE)
    assert weights.source.area_sr == pytest.approx(COARSE.area_sr, rel=1e-12)
    assert weights.destination.area_sr == pytest.approx(FINE.area_sr, rel=1e-12)


@pytest.mark.usefixtures("need_esmf")
@pytest.mark.parametrize(("method", "axis"), [("conserve", "latitude"), ("bilinear", "longitude")])
def test_axes_may_fall(dense, method, axis):
    edges = {"longitude": (60, -30, 18, -10, 60, 14), "latitude": (-30, 60, 18, 60, -10, 14)}[axis]
    turned = esmf_weights(RectilinearGrid.regular(*edges, edges="greatcircle"), FINE, method)
    upright = dense(esmf_weights(COARSE, FINE, method)).reshape(-1, 14, 18)
    assert np.abs(np.flip(dense(turned).reshape(-1, 14, 18), 2 if axis == "longitude" else 1) - upright).max() < 1e-12


@pytest.mark.usefixtures("need_esmf")
@pytest.mark.parametrize("method", METHODS)
def test_the_same_cells_as_polygons_give_the_same_weights(dense, method):
    polygons = [grid.take(np.arange(grid.n_cell)) for grid in (COARSE, FINE)]
    made = [dense(esmf_weights(*pair, method)) for pair in ((COARSE, FINE), polygons)]
    assert np.abs(made[0] - made[1]).max() < 1e-13


@pytest.mark.usefixtures("need_esmf")
def test_masked_cells_take_no_part_and_their_rows_are_empty(dense):
    chance = np.random.default_rng(7)
    live_a, live_b = chance.random(COARSE.n_cell) > 0.2, chance.random(FINE.n_cell) > 0.2
    whole = dense(esmf_weights(COARSE, FINE))
    weights = esmf_weights(COARSE.with_mask(live_a), FINE.with_mask(live_b))
    assert np.abs(dense(weights) - whole * np.outer(live_b, live_a)).max() < 1e-13
    assert np.abs(weights.destination.frac - weights.row_sum).max() < 1e-12
    assert not weights.is_mapped[~live_b].any()


@pytest.mark.usefixtures("need_esmf")
def test_masked_cells_of_a_curvilinear_grid_may_lack_coordinates(dense):
    lon, lat = COARSE.lon_deg.reshape(COARSE.shape).copy(), COARSE.lat_deg.reshape(COARSE.shape).copy()
    corner = [x.reshape(*COARSE.shape, 4).copy() for x in (COARSE.vertex_lon_deg, COARSE.vertex_lat_deg)]
    for array in (lon, lat, *corner):
        array[9, 8] = np.nan
    holed = CurvilinearGrid(lon, lat, *corner, mask=np.isfinite(lon), edges="greatcircle")
    masked = COARSE.with_mask(np.isfinite(lon).ravel())
    made = [esmf_weights(grid, FINE, "conserve") for grid in (holed, masked)]
    assert np.abs(dense(made[0]) - dense(made[1])).max() < 1e-13
    with pytest.raises(GridError, match="masked cell 170 has no centre"):
        esmf_weights(holed, FINE, "bilinear")


@pytest.mark.usefixtures("need_esmf")
def test_a_region_is_not_taken_for_periodic():
    inside = RectilinearGrid.regular(-29, 59, 22, -9, 59, 17, edges="greatcircle")
    beyond = RectilinearGrid.regular(70, 90, 5, 0, 20, 5, edges="greatcircle")
    assert esmf_weights(COARSE, inside).row_sum == pytest.approx(1.0, abs=1e-12)
    for method in ("conserve", "bilinear"):
        assert esmf_weights(COARSE, beyond, method).n_entry == 0


@pytest.mark.usefixtures("need_esmf")
def test_pole_rows_are_averaged_only_if_asked():
    globe = RectilinearGrid.regular(0, 360, 12, -90, 90, 6)
    caps = PolygonGrid([10.0, 100.0], [89.0, -89.0])
    averaged = esmf_weights(globe, caps, "bilinear", pole="average")
    assert averaged.row_sum == pytest.approx(1.0, abs=1e-12)
    assert np.diff(averaged.offsets).tolist() == [12, 12]
    assert not esmf_weights(globe, caps, "bilinear", pole="none").is_mapped.any()


@pytest.mark.usefixtures("need_esmf")
def test_points_can_be_remapped_to_by_methods_that_need_no_cells():
    points = PolygonGrid([12.5, 500.0 - 360.0], [22.5, 0.0])
    weights = esmf_weights(COARSE, points, "bilinear")
    assert weights.is_mapped.tolist() == [True, False]
    assert weights.column[np.argmax(weights.value)] == COARSE.shape[1] * 6 + 8
    assert esmf_weights(points, FINE, "neareststod").is_mapped.all()


@pytest.mark.usefixtures("need_esmf")
def test_the_exact_engine_agrees():
    generate = pytest.importorskip("lsbc.regrid.generate", reason="needs the exact engine")
    for source, destination in ((COARSE, FINE), (FINE, COARSE)):
        esmf = esmf_weights(source, destination)
        exact = generate.make_weights(source, destination, "conserve", edges="greatcircle")
        keys = [w.row * np.int64(w.n_source) + w.column for w in (esmf, exact)]
        both = np.intersect1d(*keys, return_indices=True)[1:]
        assert np.abs(esmf.value[both[0]] - exact.value[both[1]]).max() < 2e-11
        for weights, shared_entries in zip((esmf, exact), both):
            assert np.abs(np.delete(weights.value, shared_entries)).max(initial=0.0) < 2e-11


@pytest.mark.usefixtures("need_esmf")
def test_what_esmf_refuses_is_said_in_its_words():
    row = RectilinearGrid.regular(0, 40, 40, 0, 10, 1)
    with pytest.raises(GridError, match=r"ESMF \(esmpy\) refused the grids: .*not supported on Grids"):
        esmf_weights(row, FINE, "bilinear")


def test_an_absent_esmpy_is_named_with_the_ways_to_get_it(tmp_path):
    bare = tmp_path / "python3"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "import sys; sys.modules[\'esmpy\'] = None; '
                    'import runpy; sys.argv = sys.argv[1:]; sys.path.insert(0, __import__(\'os\').path.dirname(sys.argv[0])); '
                    'runpy.run_path(sys.argv[0], run_name=\'__main__\')" "$@"\n', encoding="utf-8")
    bare.chmod(0o755)
    with pytest.raises(StartupError, match=r"not available to .*conda-forge esmpy.*ESMFMKFILE"):
        esmf_weights(COARSE, FINE, python=str(bare))


@pytest.mark.usefixtures("need_esmf")
def test_a_child_started_inside_an_mpi_rank_works():
    if shutil.which("mpirun") is None:
        pytest.skip("needs mpirun")
    code = ("from mpi4py import MPI; from lsbc.regrid.backends import esmf_weights; from lsbc.regrid.grids import RectilinearGrid;"
            "box = RectilinearGrid.regular(0, 10, 5, 0, 10, 5, edges='greatcircle');"
            "rows = MPI.COMM_WORLD.gather((MPI.COMM_WORLD.size, esmf_weights(box, box).n_entry));"
            "rows and print(*sum(rows, ()))")  # by one rank: lines of two may run into each other
    environment = os.environ | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(["mpirun", "--oversubscribe", "-n", "2", sys.executable, "-c", code], env=environment, capture_output=True, text=True,
                          timeout=120, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["2", "25", "2", "25"]), done.stderr


@pytest.mark.parametrize(("options", "match"), [
    ({"method": "spline"}, "no method 'spline'"), ({"normalization": "area"}, "no normalisation 'area'"),
    ({"normalization": "none"}, "needs the normalisation"), ({"pole": "teeth"}, "no pole 'teeth'")])
def test_what_esmf_does_not_have_is_refused(options, match):
    with pytest.raises(WeightError, match=match):
        esmf_weights(COARSE, FINE, **options)


@pytest.mark.parametrize(("source", "method", "match"), [
    (COARSE.with_edges("latlon"), "conserve", "'coarse' has 'latlon' edges; ESMF's conservative methods know great circles only"),
    (PolygonGrid([1.0], [1.0]), "conserve", "centres only"), (PolygonGrid([1.0], [1.0]), "bilinear", "set of points"),
    (RectilinearGrid.regular(0, 360, 2, 0, 10, 2, edges="greatcircle"), "conserve", "180 degrees wide")])
def test_grids_esmf_cannot_treat_are_refused_before_it_starts(source, method, match):
    with pytest.raises(GridError, match=match):
        esmf_weights(source, FINE, method)
