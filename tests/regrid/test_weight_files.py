"""Weight files of every known layout, and what happens to broken ones."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lsbc.regrid.errors import FileError, WeightError
from lsbc.regrid.generate import make_weights
from lsbc.regrid.grids import RectilinearGrid
from lsbc.regrid.weight_files import read_weights, write_weights
from lsbc.regrid.weights import Weights

from shared import shared
from weight_samples import (
    AREA_A,
    AREA_B,
    COLUMN,
    COO_DIMS,
    DESTINATION,
    FRAC_A,
    FRAC_B,
    GRID_DIMS,
    ROW,
    SOURCE,
    VALUE,
    conservative,
    coo,
    entries,
    moab,
    nco,
    scrip,
    side_variables,
    tempest,
    weight_only,
    write_file,
    xesmf,
    yac,
)

DATA = Path(__file__).parent / "weight_data"
ESMF = {"title": "ESMF Offline Regridding Weight Generator", "normalization": "destarea", "map_method": "Conservative remapping",
        "ESMF_regrid_method": "First-order Conservative", "conventions": "NCAR-CSM", "grid_file_src": "s.nc", "grid_file_dst": "d.nc"}
NEST = np.add.outer(4 * (1 + np.arange(4) // 2), 1 + np.arange(4) // 2).ravel()
"""Source box that holds each destination box of the files in `weight_data`."""


def is_sample(weights, value=VALUE) -> bool:
    return weights.row.tolist() == ROW.tolist() and weights.column.tolist() == COLUMN.tolist() and (weights.value == value).all()


def test_esmf(tmp_path):
    weights = read_weights(coo(tmp_path / "w.nc", ESMF))
    assert is_sample(weights) and (weights.method, weights.normalization, weights.edges) == ("conserve", "dstarea", "greatcircle")
    assert weights.source.name == "s.nc" and weights.generator == ESMF["title"] and (weights.source.frac == FRAC_A).all()


@pytest.mark.parametrize("write", [tempest, moab, lambda path: moab(path, first=0)])
def test_tempestremap_and_moab_say_no_method_and_count_as_they_state(tmp_path, write):
    weights = read_weights(write(tmp_path / "w.nc"))
    assert is_sample(weights) and (weights.method, weights.normalization, weights.edges) == ("unknown", "none", "")
    assert weights.source.shape == (2, 4) and (weights.destination.area_sr == AREA_B).all()


def test_nco(tmp_path):
    weights = read_weights(nco(tmp_path / "w.nc"))
    assert is_sample(weights) and (weights.method, weights.normalization) == ("conserve", "dstarea")


def test_scrip(tmp_path):
    weights = read_weights(scrip(tmp_path / "w.nc", normalization="destarea"))
    assert is_sample(weights) and (weights.method, weights.normalization) == ("conserve", "dstarea")
    assert is_sample(read_weights(scrip(tmp_path / "f.nc")), VALUE / FRAC_B[ROW])


def test_yac_with_and_without_sizes(tmp_path):
    assert is_sample(read_weights(yac(tmp_path / "w.nc"), (2, 4), (2, 5)))
    assert is_sample(read_weights(yac(tmp_path / "s.nc", {"src_grid_size": 8, "dst_grid_size": 10})))


def test_esmf_weight_only_with_sizes_knows_nothing_but_the_matrix(tmp_path):
    weights = read_weights(weight_only(tmp_path / "w.nc"), 8, 10)
    assert is_sample(weights) and (weights.method, weights.normalization, weights.edges) == ("conserve", "dstarea", "greatcircle")
    assert weights.source.area_sr is None and weights.destination.frac is None


def test_esmf_weight_only_with_grids_gets_areas_and_fractions(tmp_path):
    weights = read_weights(weight_only(tmp_path / "w.nc", lsbc_edges="latlon"), SOURCE, DESTINATION)
    assert np.abs(weights.source.area_sr - AREA_A).max() < 1e-16 and np.abs(weights.source.frac - FRAC_A).max() < 1e-15
    assert (weights.destination.frac == FRAC_B).all() and weights.destination.fingerprint == DESTINATION.fingerprint


def test_bilinear_weights_with_grids_get_the_fractions_of_esmf(tmp_path):
    full = np.flatnonzero(FRAC_B[ROW] == 1.0)
    path = write_file(tmp_path / "w.nc", {"n_s": len(full)}, {name: (on, values[full]) for name, (on, values) in entries().items()},
                      {"ESMF_regrid_method": "Bilinear"})
    weights = read_weights(path, SOURCE, DESTINATION)
    assert weights.destination.frac.tolist() == [1.0, 1.0, 1.0, 1.0, 0.0] * 2 and not weights.source.frac.any()


def test_rows_that_all_sum_to_one_are_shares_of_the_covered_area(tmp_path):
    one = {**entries(), "S": (("n_s",), VALUE / FRAC_B[ROW])}
    path = write_file(tmp_path / "w.nc", {"n_s": 14}, one, {"ESMF_regrid_method": "First-order Conservative"})
    assert read_weights(path, 8, 10).normalization == "fracarea"


def test_the_caller_can_say_what_the_file_does_not(tmp_path):
    one = {**entries(), "S": (("n_s",), np.ones(14) / np.bincount(ROW)[ROW])}
    path = write_file(tmp_path / "w.nc", {"n_s": 14}, one, {"ESMF_regrid_method": "First-order Conservative"})
    assert read_weights(path, 8, 10, normalization="dstarea").normalization == "dstarea"
    with pytest.raises(WeightError, match="has weights of normalisation 'dstarea', not 'fracarea'"):
        read_weights(coo(tmp_path / "e.nc", ESMF), normalization="fracarea")
    with pytest.raises(WeightError, match="Normalisation 'area' is not known"):
        read_weights(path, 8, 10, normalization="area")


def test_the_rules_of_a_method_hold_where_the_caller_names_it(tmp_path):
    weights = read_weights(yac(tmp_path / "w.nc"), 8, 10, method="conserve")
    assert (weights.method, weights.normalization) == ("conserve", "dstarea")
    with pytest.raises(WeightError, match="with 0.5 instead of 1"):
        read_weights(tmp_path / "w.nc", 8, 10, method="bilinear")
    with pytest.raises(WeightError, match="has weights of method 'conserve', not 'bilinear'"):
        read_weights(nco(tmp_path / "n.nc"), method="bilinear")
    with pytest.raises(WeightError, match="'plain'.* are not known"):
        read_weights(tmp_path / "w.nc", 8, 10, method="plain")


def test_marks_of_xesmf_for_unmapped_cells_become_empty_rows(tmp_path):
    keep = (ROW != 4) & (ROW != 9)
    row, column, value = np.append(ROW[keep], [4, 9]), np.append(COLUMN[keep], [0, 0]), np.append(VALUE[keep], [np.nan, np.nan])
    weights = read_weights(xesmf(tmp_path / "w.nc", value, row, column), 8, 10)
    assert np.flatnonzero(~weights.is_mapped).tolist() == [4, 9] and np.isfinite(weights.value).all()


def test_any_other_nan_is_refused(tmp_path):
    value = VALUE.copy()
    value[1] = np.nan
    with pytest.raises(WeightError, match=r"'S\[1\]' \(source cell 1, destination cell 0, from 0\) is nan"):
        read_weights(xesmf(tmp_path / "w.nc", value), 8, 10)


@pytest.mark.parametrize("order", [slice(None, None, -1), np.random.default_rng(5).permutation(14)])
def test_the_order_of_the_entries_does_not_matter(tmp_path, order):
    path = coo(tmp_path / "w.nc", ESMF, extra={name: (on, values[order]) for name, (on, values) in entries().items()})
    assert is_sample(read_weights(path))


def in_halves() -> dict:
    half = {**entries(), "S": (("n_s",), VALUE / 2.0)}
    return {name: (on, np.concatenate([values, values])) for name, (on, values) in half.items()}


def test_parts_of_an_entry_are_summed_where_the_layout_means_it_so(tmp_path):
    path = write_file(tmp_path / "w.nc", {"n_s": 28}, in_halves(), {"ESMF_regrid_method": "Second-order Conservative"})
    assert is_sample(read_weights(path, 8, 10))


def test_links_given_twice_are_refused_in_scrip_files(tmp_path):
    twice = {name: (on, np.where(np.arange(14) == 1, values[0], values)) for name, (on, values) in
             {"src_address": (("num_links",), (COLUMN + 1).astype(np.int32)), "dst_address": (("num_links",), (ROW + 1).astype(np.int32))}.items()}
    with pytest.raises(WeightError, match=r"source cell 0 and destination cell 0 \(from 0\) are linked twice"):
        read_weights(yac(tmp_path / "w.nc", extra=twice), 8, 10)


def test_a_file_joined_from_two_shows_in_its_row_sums(tmp_path):
    double = {name: (on, np.concatenate([values, values])) for name, (on, values) in entries().items()}
    path = write_file(tmp_path / "w.nc", {"n_s": 28}, double, {"ESMF_regrid_method": "First-order Conservative"})
    with pytest.raises(WeightError, match="covered 2 times"):
        read_weights(path, 8, 10)


@pytest.mark.parametrize(("extra", "message"), [
    ({"row": (("n_s",), ROW.astype(np.int32))}, r"'row\[0\]' is 0; destination cells count from 1 to 10"),
    ({"col": (("n_s",), (COLUMN + 2).astype(np.int32))}, r"'col\[12\]' is 9; source cells count from 1 to 8"),
    ({"col": (("n_s",), COLUMN + 1.0)}, "'col' is of type float64; whole numbers"),
    ({"row": (("n_a",), np.ones(8, np.int32))}, r"'row' has shape \(8,\), expected \(14,\)"),
    ({"row": (("n_s",), (ROW + 1).astype(np.int32), {"first_index": np.int32(7)})}, "first_index '7'; 0 and 1 are known"),
    ({"S": (("n_s",), np.full(14, np.inf))}, r"'S\[0\]' \(source cell 0, destination cell 0, from 0\) is inf"),
    ({"S": (("n_s",), -VALUE)}, "rows do not sum|weights are negative"),
    ({"frac_b": (("n_b",), np.ones(10))}, "2 rows do not sum to what they must"),
])
def test_each_damage_is_named(tmp_path, extra, message):
    with pytest.raises(WeightError, match=message):
        read_weights(coo(tmp_path / "w.nc", ESMF, extra=extra))


def test_unsound_weights_can_be_read_for_a_report(tmp_path):
    path = coo(tmp_path / "w.nc", ESMF, extra={"frac_b": (("n_b",), np.ones(10))})
    assert is_sample(read_weights(path, strict=False))


@pytest.mark.parametrize(("dims", "extra", "message"), [
    ({"num_src_fields": 2}, {}, "takes from 2 source fields at once"),
    ({}, {"dst_location": (("max_loc_str_len",), np.frombuffer(b"EDGE\0\0\0\0\0\0", "S1"))}, "'dst_location' is 'EDGE'"),
])
def test_weights_of_yac_that_are_not_between_cells_are_refused(tmp_path, dims, extra, message):
    with pytest.raises(WeightError, match=message):
        read_weights(yac(tmp_path / "w.nc", dims, extra), 8, 10)


@pytest.mark.parametrize(("name", "method", "normalization", "tolerance"), [
    ("cdo_con", "conserve", "fracarea", 1e-15), ("cdo_nn", "neareststod", "none", 0.0), ("nco_con", "conserve", "dstarea", 1e-1)])
def test_nested_boxes_of_other_programs_have_the_weights_they_must(name, method, normalization, tolerance):
    """Each destination box lies in one source box; NCO's great circles spill over a little."""
    weights = read_weights(DATA / f"{name}.nc")
    assert (weights.method, weights.normalization) == (method, normalization)
    dense = np.zeros((16, 16))
    dense[weights.row, weights.column] = weights.value
    assert (dense.argmax(axis=1) == NEST).all() and np.abs(dense[np.arange(16), NEST] - 1.0).max() <= tolerance


def test_bilinear_weights_of_cdo_put_centres_where_they_are():
    """Longitude is linear within a row of the source: the weights give it back (CDO works in longitude and latitude)."""
    weights = read_weights(DATA / "cdo_bil.nc")
    lon = np.bincount(weights.row, weights.value * weights.source.lon_deg[weights.column])
    assert weights.method == "bilinear" and np.abs(lon - weights.destination.lon_deg).max() < 1e-6


def test_bicubic_weights_of_cdo_are_refused():
    with pytest.raises(WeightError, match="4 weights a link"):
        read_weights(DATA / "cdo_bic.nc")


def test_the_short_file_of_esmf_holds_the_same_matrix_as_the_long_one():
    long = read_weights(DATA / "esmf_regional_conserve.nc")
    short = read_weights(DATA / "esmf_weight_only.nc", (4, 4), (4, 4))
    assert (long.row == short.row).all() and (long.column == short.column).all() and (long.value == short.value).all()
    grids = (RectilinearGrid.regular(0, 40, 4, 0, 40, 4), RectilinearGrid.regular(10, 30, 4, 10, 30, 4))
    filled = read_weights(DATA / "esmf_weight_only.nc", *grids, normalization="dstarea")
    assert np.abs(filled.source.area_sr - long.source.area_sr).max() < 1e-15 and np.abs(filled.source.frac - long.source.frac).max() < 1e-13


def test_esmf_grids_taken_for_periodic_are_refused():
    with pytest.raises(WeightError, match="ESMF takes a two-dimensional SCRIP grid for periodic"):
        read_weights(DATA / "esmf_periodic_conserve.nc")


def test_real_files_of_yac():
    weights = read_weights(DATA / "yac_conserve.nc", (5, 5), (8, 6))
    assert np.abs(weights.row_sum - 1.0).max() < 1e-12 and weights.generator == "yac weight file 1.0"
    nearest = read_weights(DATA / "yac_nnn.nc", (5, 5), (8, 6))
    lon = 4.0 * (nearest.column % 5) + 2.0
    assert (np.abs(lon - (2.0 * (nearest.row % 6) + 3.0)) <= 2.0).all()
    with pytest.raises(WeightError, match="constants"):
        read_weights(DATA / "yac_fixed.nc")


@pytest.mark.parametrize("name", ["a_0p25r_to_tile0p01_bilinear", "b_lcc9km_to_ll0p05_conserve2nd", "b_lcc9km_to_ll0p05overhang_conserve_fracarea",
                                  "c_R02B03_to_ll1deg_conserve", "d_ll1mask_to_ll2p5_conserve_dstarea", "b_lcc9km_to_ll0p05_nearestdtos"])
def test_files_of_esmf_come_back_the_same(tmp_path, name):
    weights = read_weights(shared(f"esmf_reference/weights/{name}.nc"))
    write_weights(tmp_path / "w.nc", weights)
    assert_same(read_weights(tmp_path / "w.nc"), weights)


@pytest.mark.parametrize("write", [tempest, moab, nco, scrip, lambda p: coo(p, ESMF), lambda p: xesmf(p), lambda p: weight_only(p), lambda p: yac(p)])
def test_every_layout_comes_back_the_same_from_ours(tmp_path, write):
    weights = read_weights(write(tmp_path / "theirs.nc"), (2, 4), (2, 5))
    write_weights(tmp_path / "ours.nc", weights)
    assert_same(read_weights(tmp_path / "ours.nc"), weights)


@pytest.mark.parametrize("normalization", ["dstarea", "fracarea"])
@pytest.mark.parametrize("edges", ["latlon", "planar", ""])
def test_our_own_weights_come_back_the_same(tmp_path, normalization, edges):
    weights = conservative(normalization=normalization, edges=edges, attributes={"history": "made by hand"})
    write_weights(tmp_path / "w.nc", weights)
    assert_same(read_weights(tmp_path / "w.nc", SOURCE, DESTINATION), weights)
    with pytest.raises(WeightError, match="fingerprints differ"):
        read_weights(tmp_path / "w.nc", SOURCE, RectilinearGrid(DESTINATION.lon_edge_deg + 1e-3, DESTINATION.lat_edge_deg))


def test_the_grids_that_weights_were_made_from_are_known_again_by_other_edges_and_without_their_mask(tmp_path):
    mask = np.arange(8) != 1
    for method, options in (("conserve", {"edges": "greatcircle"}), ("conserve2nd", {}), ("bilinear", {})):
        weights = make_weights(SOURCE.with_mask(mask), DESTINATION, method, **options)
        write_weights(tmp_path / "w.nc", weights)
        for source in (SOURCE, SOURCE.with_mask(mask), SOURCE.with_mask(mask).with_edges("planar")):
            assert_same(read_weights(tmp_path / "w.nc", source, DESTINATION), weights)
        with pytest.raises(WeightError, match="source cell 1 is masked there, but not so in the grid 'source boxes'"):
            read_weights(tmp_path / "w.nc", SOURCE.with_mask(np.arange(8) != 2), DESTINATION)


def test_fractions_and_areas_that_are_completed_keep_the_mask_of_the_file(tmp_path):
    mask = np.arange(8) != 1
    for method in ("bilinear", "conserve"):
        made = make_weights(SOURCE.with_mask(mask), DESTINATION, method)
        write_weights(tmp_path / "w.nc", made.replace(source=made.source.with_shares(None, None),
                                                      destination=made.destination.with_shares(None, None)))
        weights = read_weights(tmp_path / "w.nc", SOURCE, DESTINATION)
        assert weights.source.mask.tolist() == mask.tolist()
        assert np.allclose(weights.destination.frac, made.destination.frac, rtol=0, atol=1e-15)
        assert np.allclose(weights.destination.area_sr, made.destination.area_sr, rtol=1e-15)


def assert_same(got: Weights, expected: Weights) -> None:
    assert (got.offsets == expected.offsets).all() and (got.column == expected.column).all() and (got.value == expected.value).all()
    for name in ("method", "normalization", "edges", "generator", "attributes"):
        assert getattr(got, name) == getattr(expected, name), name
    for a, b in ((got.source, expected.source), (got.destination, expected.destination)):
        assert (a.shape, a.name, a.fingerprint) == (b.shape, b.name, b.fingerprint)
        for name in ("lon_deg", "lat_deg", "vertex_lon_deg", "vertex_lat_deg", "mask", "area_sr", "frac"):
            x, y = getattr(a, name), getattr(b, name)
            assert (x is None) == (y is None) and (x is None or np.array_equal(x, y, equal_nan=True)), name


def test_cdo_makes_files_that_are_read(tmp_path):
    if shutil.which("cdo") is None:
        pytest.skip("needs cdo")
    (tmp_path / "g").write_text("gridtype=lonlat\nxsize=5\nysize=4\nxfirst=1\nxinc=10\nyfirst=10\nyinc=7\n")
    for operator, method in (("gencon", "conserve"), ("genbil", "bilinear"), ("gennn", "neareststod")):
        path = tmp_path / f"{operator}.nc"
        subprocess.run(["cdo", "-s", f"{operator},{tmp_path / 'g'}", "-topo,r36x18", str(path)], check=True, capture_output=True)
        weights = read_weights(path)
        assert weights.method == method and np.abs(weights.row_sum[weights.is_mapped] - 1.0).max() < 1e-15


def outcome(path) -> None:
    """Read a broken file: sound weights or one of our two errors, nothing else."""
    try:
        weights = read_weights(path, 8 if path.name.startswith("short") else None, 10 if path.name.startswith("short") else None)
    except (WeightError, FileError) as error:
        assert str(path) in str(error)
        return
    assert np.isfinite(weights.value).all() and weights.column.max(initial=0) < weights.n_source


@pytest.mark.parametrize("file_format", ["NETCDF3_CLASSIC", "NETCDF4"])
def test_a_file_cut_short_anywhere_is_an_error_or_whole(tmp_path, file_format):
    whole = coo(tmp_path / "whole.nc", ESMF, file_format=file_format).read_bytes()
    for cut in range(0, len(whole), max(1, len(whole) // 60)):
        path = tmp_path / f"cut{cut}.nc"
        path.write_bytes(whole[:cut])
        outcome(path)


def test_a_file_with_one_thing_broken_is_an_error_or_sound(tmp_path):
    hypothesis = pytest.importorskip("hypothesis")
    st = hypothesis.strategies
    whole = {**GRID_DIMS, **side_variables(SOURCE, "a", FRAC_A, AREA_A), **side_variables(DESTINATION, "b", FRAC_B, AREA_B), **entries()}
    number = st.one_of(st.floats(width=64), st.integers(-(2**31), 2**31 - 1), st.sampled_from([0, -1, 1e300, 9.969209968386869e36]))

    @hypothesis.settings(max_examples=150, deadline=None, derandomize=True)
    @hypothesis.given(name=st.sampled_from(sorted(whole)), what=st.sampled_from(["value", "gone", "type", "dims", "units", "attributes"]),
                      number=number, at=st.integers(0, 1000), words=st.dictionaries(st.sampled_from(sorted(ESMF)), st.text("abzN/A ", max_size=8)))
    def broken(name, what, number, at, words):
        variables = dict(whole)
        on, values, *more = variables[name]
        values = np.array(values)
        if what == "value":
            with np.errstate(all="ignore"):
                fits = np.isfinite(number) and abs(number) < 2**31
                values.flat[at % values.size] = number if values.dtype.kind == "f" else int(number) if fits else -1
        elif what == "type":
            values = values.astype([np.float32, np.int16, np.uint8, np.int64][at % 4])
        elif what == "dims":
            on, values = ("other", *on[1:]), np.resize(values, (3, *values.shape[1:]))
        elif what == "units":
            more = [{"units": str(number)}]
        variables[name] = (on, values, *more)
        if what == "gone":
            del variables[name]
        path = write_file(tmp_path / "broken.nc", {**COO_DIMS, "other": 3}, variables, {**ESMF, **(words if what == "attributes" else {})})
        outcome(path)

    broken()


def test_damaged_bytes_of_a_classic_file_are_an_error_or_sound(tmp_path):
    hypothesis = pytest.importorskip("hypothesis")
    st = hypothesis.strategies
    whole = yac(tmp_path / "whole.nc").read_bytes()

    @hypothesis.settings(max_examples=250, deadline=None, derandomize=True)
    @hypothesis.given(at=st.integers(0, len(whole) - 1), byte=st.integers(0, 255))
    def damaged(at, byte):
        path = tmp_path / "short.nc"
        path.write_bytes(whole[:at] + bytes([byte]) + whole[at + 1:])
        outcome(path)

    damaged()
