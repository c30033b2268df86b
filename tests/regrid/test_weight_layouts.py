"""Which program wrote a weight file, and what its words mean."""

import pytest

from lsbc.regrid.errors import WeightError
from lsbc.regrid.weight_layouts import COO_SIDES, ESMF_METHODS, SCRIP_SIDES, recognise
from lsbc.regrid.weights import METHODS

COO = frozenset(("row", "col", "S"))
SCRIP = frozenset(("src_address", "dst_address", "remap_matrix"))


def coo(**attributes):
    return recognise("f", {"n_s": 3}, COO, attributes)


def scrip(dims=None, **attributes):
    return recognise("f", dims or {"num_links": 3, "num_wgts": 1}, SCRIP, attributes)


@pytest.mark.parametrize(("words", "method"), ESMF_METHODS.items())
def test_each_method_of_esmf_is_one_of_ours(words, method):
    assert coo(title="ESMF Offline Regridding Weight Generator", ESMF_regrid_method=words).method == method
    assert method in METHODS


def test_names_of_the_sides_follow_the_layout():
    assert coo(title="x").source == COO_SIDES[0] and coo(title="x").destination.frac == "frac_b"
    assert scrip(title="x").source == SCRIP_SIDES[0] and scrip(title="x").destination.area == "dst_grid_area"


@pytest.mark.parametrize(("word", "normalization"), [("destarea", "dstarea"), ("fracarea", "fracarea"), ("N/A", "none")])
def test_normalisations_have_one_name(word, normalization):
    assert coo(normalization=word).normalization == normalization


def test_a_file_without_a_normalisation_claims_none():
    assert coo(title="TempestRemap").normalization == ""


def test_nco_says_its_method_in_its_own_words():
    words = {"title": "netCDF Operators (NCO) Offline Regridding Weight Generator", "NCO_regrid_method": "Integrated piecewise-constant"}
    assert coo(**words).method == "conserve"
    assert coo(**{**words, "NCO_regrid_method": "Inverse-Distance-Weighted Extrapolation"}).method == "unknown"


@pytest.mark.parametrize(("words", "method"), [
    ("Conservative remapping using clipping on sphere", "conserve"), ("Bilinear remapping", "bilinear"), ("Nearest neighbor", "neareststod"),
    ("Distance weighted avg of nearest neighbors", "unknown")])
def test_words_of_cdo(words, method):
    assert scrip(map_method=words, normalization="fracarea" if method == "conserve" else "none").method == method


def test_only_layouts_without_own_meaning_of_links_sum_parts():
    assert coo(ESMF_regrid_method="Second-order Conservative").sums_duplicates
    assert not coo(ESMF_regrid_method="Nearest source to destination").sums_duplicates
    assert not scrip(map_method="Bilinear remapping").sums_duplicates


def test_the_writer_keeps_its_name_and_version_once():
    version = "ESMF Offline Regridding Weight Generator v8.6"
    assert coo(title="ESMF Offline Regridding Weight Generator", ESMF_version="v8.6").writer == version
    assert coo(title=f"{version} (layout of the ESMF Offline Regridding Weight Generator)", ESMF_version="v8.6").writer == version
    assert coo(title="lsbc 0.1 (layout of the ESMF Offline Regridding Weight Generator)").writer == "lsbc 0.1"


@pytest.mark.parametrize("num_wgts", [3, 4])
def test_weights_that_need_gradients_are_refused(num_wgts):
    with pytest.raises(WeightError, match=f"has {num_wgts} weights a link .* gradients"):
        scrip({"num_links": 3, "num_wgts": num_wgts})


def test_largest_area_files_are_refused():
    with pytest.raises(WeightError, match="picking the largest"):
        scrip(map_method="Largest area fraction", normalization="fracarea")


def test_undivided_areas_are_refused():
    with pytest.raises(WeightError, match="they are areas, not shares"):
        scrip(map_method="Conservative remapping", normalization="none")


def test_constants_of_yac_are_refused():
    with pytest.raises(WeightError, match="constants"):
        scrip(version="yac weight file 1.0", contains_fixed_dst="TRUE")


def test_a_file_of_something_else_holds_no_weights():
    with pytest.raises(WeightError, match="holds no weights"):
        recognise("f", {}, frozenset(("lat", "lon", "t2m")), {})


def test_weights_without_their_count_are_refused():
    with pytest.raises(WeightError, match="lacks the dimension 'n_s'"):
        recognise("f", {}, COO, {})
