"""Judging weights."""

import math
from pathlib import Path

import numpy as np
import pytest

from lsbc.regrid.check import check_weights
from lsbc.regrid.conserve import conservative_weights
from lsbc.regrid.grids import PolygonGrid, RectilinearGrid
from lsbc.regrid.weight_files import read_weights, write_weights
from lsbc.regrid.weights import Side

from shared import shared
from weight_samples import AREA_A, FRAC_A, FRAC_B, SOURCE, conservative

DATA = Path(__file__).parent / "weight_data"
ESMF_FILES = [
    "a_0p25g_to_tile0p01_bilinear", "a_0p25g_to_tile0p01_neareststod", "a_0p25g_to_tile0p01_conserve", "a_0p25r_to_tile0p01_bilinear",
    "a_0p25r_to_tile0p01_conserve", "a_0p25r_to_tile0p01_conserve2nd", "a_0p25r_to_tile0p01_neareststod", "b_lcc9km_to_ll0p05_bilinear",
    "b_lcc9km_to_ll0p05_conserve", "b_lcc9km_to_ll0p05_conserve2nd", "b_lcc9km_to_ll0p05_nearestdtos", "b_lcc9km_to_ll0p05_neareststod",
    "b_lcc9km_to_ll0p05_patch", "b_lcc9km_to_ll0p05overhang_bilinear", "b_lcc9km_to_ll0p05overhang_conserve_dstarea",
    "b_lcc9km_to_ll0p05overhang_conserve_fracarea", "c_R02B03_to_ll1deg_conserve", "c_ll1deg_to_R02B03_conserve",
    "d_ll1mask_to_ll2p5_conserve_dstarea", "d_ll1mask_to_ll2p5_conserve_fracarea", "e_tile0p01_to_0p25r_conserve_dstarea",
    "e_tile0p01_to_0p25r_conserve_fracarea", "e_tile0p01_to_lcc9km_conserve_fracarea",
]


@pytest.mark.parametrize("name", ESMF_FILES)
def test_weights_of_esmf_are_sound_to_2e_11(name):
    report = check_weights(read_weights(shared(f"esmf_reference/weights/{name}.nc")))
    assert report.is_sound and report.method in name
    assert math.isnan(report.row_error.error) or report.row_error.error < 2e-11
    if "conserve" in name:
        assert report.conservation.error < 2e-11 and (report.row_sum_max - 1.0) < 2e-11


@pytest.mark.parametrize("normalization", ["dstarea", "fracarea"])
def test_numbers_of_weights_known_by_hand(normalization):
    report = check_weights(conservative(normalization=normalization))
    assert report.is_sound and (report.n_source, report.n_destination, report.n_entry) == (8, 10, 14)
    assert (report.row_sum_min, report.row_sum_max) == (0.5 if normalization == "dstarea" else 1.0, 1.0)
    assert report.row_error.error == 0.0 and report.conservation.error < 1e-15 and report.n_unmapped == 0
    assert report.area_a_globe == pytest.approx(40.0 / 360.0 / 2.0, rel=1e-14)
    assert (report.weight_min, report.weight_max, report.n_negative) == (0.25, 1.0, 0)


def test_the_report_can_be_read():
    text = str(check_weights(conservative()))
    for line in ("lsbc: conserve, normalisation dstarea, edges latlon", "8 source cells -> 10 destination cells, 14 entries",
                 "0.25 .. 1, 0 negative", "0.5 .. 1\n", "source 0.0555555555556, destination 0.0555555555556", "  sound"):
        assert line in text


def test_area_that_goes_astray_is_a_fault_with_cell_and_place():
    frac = FRAC_A.copy()
    frac[2] = 0.75
    report = check_weights(conservative(source=Side.of(SOURCE, frac, AREA_A)))
    assert report.conservation.cell == 2 and report.conservation.error == pytest.approx(0.25, rel=1e-14)
    assert "source cell 2 at 25 E 15 N gives away 0.25 of itself" in report.faults[0]


def test_unmapped_cells_are_counted_and_masked_ones_are_not_missed():
    weights = conservative()
    keep = weights.row >= 2
    mask = np.ones(10, bool)
    mask[0] = False
    side = Side(shape=(2, 5), mask=mask, frac=np.where(np.arange(10) < 2, 0.0, FRAC_B))
    cut = type(weights).from_entries(weights.row[keep], weights.column[keep], weights.value[keep], source=weights.source, destination=side,
                                     method="conserve", normalization="dstarea")
    report = check_weights(cut)
    assert (report.n_unmapped, report.n_unmapped_live) == (2, 1)


def test_a_real_esmf_file_of_grids_taken_for_periodic_is_named_as_such():
    report = check_weights(read_weights(DATA / "esmf_periodic_conserve.nc", strict=False))
    assert not report.is_sound and report.row_sum_max == pytest.approx(2.0, abs=1e-12)
    text = str(report)
    assert "FAULT: destination cell 0 at 12.5 E 12.5 N is covered 2 times, as are 16 of 16" in text
    assert "all cells of the last column: ESMF took the grid for periodic" in text
    assert "--src_regional" in text and "--dst_regional" in text and "NOT TO BE USED" in text


def test_the_same_grids_called_regional_are_sound():
    report = check_weights(read_weights(DATA / "esmf_regional_conserve.nc"))
    assert report.is_sound and not report.remarks and report.row_error.error < 2e-14


def test_a_grid_closed_round_the_globe_is_named_even_where_no_row_is_doubled():
    """Half of the last column's area is enough; the row sums are right."""
    area = AREA_A.copy()
    area[3::4] *= 3.0
    report = check_weights(conservative(source=Side.of(SOURCE, np.where(np.arange(8) % 4 == 3, FRAC_A / 3.0, FRAC_A), area)))
    assert len(report.faults) == 1 and "source cell 3 at 35 E 15 N has 3 times the area" in report.faults[0]


def test_areas_of_the_user_are_a_remark():
    report = check_weights(conservative(source=Side.of(SOURCE, FRAC_A / 1.01, AREA_A * 1.01)))
    assert report.is_sound and "is 1.01 times what its corners enclose" in report.remarks[0]


def test_unknown_methods_are_a_remark_and_zero_weights_are_none():
    weights = conservative(method="unknown", normalization="none")
    value = weights.value.copy()
    value[0] = 0.0
    remarks = " ".join(check_weights(weights.replace(value=value)).remarks)
    assert "weights are 0" not in remarks and "does not say its method" in remarks and "row 0 sums to 0.25, its frac_b is 1" in remarks


def test_weights_of_which_little_is_known_are_still_reported():
    report = check_weights(conservative(source=Side(shape=(8,)), destination=Side(shape=(10,))))
    assert report.is_sound and str(report.conservation) == "not known"
    assert "source not known, destination not known" in str(report) and "nan" not in str(report)


def test_weights_without_entries_are_reported():
    empty = conservative().replace(offsets=np.zeros(11, np.int64), column=np.zeros(0, np.int32), value=np.zeros(0))
    assert check_weights(empty).n_unmapped == 10


def test_two_edge_conventions_survive_the_file_and_the_report(tmp_path):
    source, destination = RectilinearGrid.regular(0, 40, 4, 0, 40, 4), RectilinearGrid.regular(0, 40, 5, 0, 40, 5)
    polygons = PolygonGrid(source.lon_deg, source.lat_deg, source.vertex_lon_deg, source.vertex_lat_deg)
    write_weights(tmp_path / "w.nc", conservative_weights(polygons, destination))
    back = read_weights(tmp_path / "w.nc")
    assert back.edges == "greatcircle/latlon" and "remark" not in str(check_weights(back))
