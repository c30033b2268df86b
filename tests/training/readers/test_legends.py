"""lsbc.training.readers.legends: codes of the products in HILDA+ codes."""

from types import SimpleNamespace

import numpy as np
import pytest

from lsbc.emulator.classes import CLASS_CODES
from lsbc.regrid.errors import ValueRangeError
from lsbc.training.readers import legends
from lsbc.training.readers.axis import Axis
from lsbc.training.readers.legends import ESA_CCI, HILDA, IGBP, KOPPEN_BECK, decoder
from lsbc.training.readers.raster import Piece


def piece(values, missing=()):
    values = np.asarray(values)
    raster = SimpleNamespace(path="map.tif", variable="band 1", missing=missing, lat=Axis(40.0, 0.5, 9), lon=Axis(10.0, 0.5, 9))
    return Piece(values, raster, 0, 0, None)


def test_every_legend_leads_to_classes_of_the_emulator():
    for legend in (*HILDA.values(), ESA_CCI, IGBP):
        assert set(legend.values()) <= {*CLASS_CODES, 255}


def test_forest_subtypes_are_forest_and_99_is_no_data():
    codes = np.array([[0, 11, 22, 33, 40, 41, 42, 43, 44, 45, 55, 66, 77, 99]], np.uint8)
    assert decoder(HILDA["1.0"], "v1")(piece(codes)).tolist() == [[0, 11, 22, 33, 40, 40, 40, 40, 40, 40, 55, 66, 77, 255]]


def test_tree_crops_and_agroforestry_are_cropland_in_v21_alone():
    codes = np.array([[22, 23], [24, 22]], np.uint8)
    assert (decoder(HILDA["2.1"], "HILDA+ v2.1")(piece(codes)) == 22).all()
    for version in ("1.0", "2.0"):
        with pytest.raises(ValueRangeError, match=rf"map\.tif: band 1 is 23 at 40\.25000 N 10\.75000 E, which is no code of HILDA\+ v{version}"):
            decoder(HILDA[version], f"HILDA+ v{version}")(piece(codes))


def test_codes_may_be_floats_with_nan_but_not_fractions():
    decode = decoder(HILDA["1.0"], "HILDA+ v1.0")
    assert decode(piece(np.array([[44.0, np.nan]], np.float32))).tolist() == [[40, 255]]
    with pytest.raises(ValueRangeError, match="band 1 is 44.5 at"):
        decode(piece(np.array([[44.5, np.nan]], np.float32)))
    with pytest.raises(ValueRangeError, match="band 1 is -9999"):
        decode(piece(np.array([[44.0, -9999.0]], np.float32)))


def test_a_declared_fill_value_is_no_data_unless_it_is_a_code():
    assert decoder(HILDA["1.0"], "")(piece(np.array([[44, -9999]], np.int16), missing=(-9999.0,))).tolist() == [[40, 255]]
    assert decoder(HILDA["1.0"], "")(piece(np.array([[44, 250]], np.uint8), missing=(250.0,))).tolist() == [[40, 255]]
    assert decoder(HILDA["1.0"], "")(piece(np.array([[44, 0]], np.uint8), missing=(0.0,))).tolist() == [[40, 0]]


def test_signed_bytes_of_esa_cci_are_read_as_unsigned():
    # -66 is 190 urban, -46 is 210 water, -126 is 130 grassland
    assert decoder(ESA_CCI, "")(piece(np.array([[-66, -46, -126, 10]], np.int8))).tolist() == [[11, 77, 33, 22]]


@pytest.mark.parametrize("code, meaning", [(11, 22), (12, 22), (61, 40), (62, 40), (72, 40), (82, 40), (121, 55), (122, 55), (152, 66), (153, 66),
                                           (201, 66), (202, 66), (0, 255), (30, 22), (110, 33), (160, 40), (180, 55), (220, 66)])
def test_second_level_codes_of_esa_cci_mean_what_their_first_level_does(code, meaning):
    assert ESA_CCI[code] == meaning


def test_a_code_between_the_classes_of_esa_cci_is_refused():
    with pytest.raises(ValueRangeError, match="is 63 at .* no code of ESA CCI"):
        decoder(ESA_CCI, "ESA CCI")(piece(np.array([[63]], np.uint8)))


def test_igbp_knows_both_codes_of_water_and_unclassified_is_no_data():
    assert (IGBP[0], IGBP[17], IGBP[255]) == (77, 77, 255)


def test_the_thirty_climates_of_beck_fall_into_five_main_classes():
    # 3 A, 4 B, 9 C, 12 D, 2 E
    assert np.bincount(list(KOPPEN_BECK.values())).tolist() == [1, 3, 4, 9, 12, 2]
    assert legends.KOPPEN_MAIN[5] == 5
