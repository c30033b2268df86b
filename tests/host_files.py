"""Small sound land-use files of every host, as dictionaries that a test can break before it writes them. Fractions are exact in binary."""

from __future__ import annotations

import numpy as np

from grid_files import Spec, Var

MAP = ("south_north", "west_east")


def geo_em(model_input: bool = False) -> Spec:
    """3 x 4 cells of MODIS classes, the first column water; as wrfinput with IVGTYP and VEGFRA where `model_input`."""
    fractions = np.zeros((21, 3, 4), np.float32)
    fractions[16, :, 0] = 1  # water
    fractions[4, :, 1:], fractions[11, :, 1:], fractions[12, :, 1:] = 0.5, 0.25, 0.25  # mixed forest, crops, urban
    index = np.full((3, 4), 5, np.float32)
    index[:, 0] = 17
    lat, lon = np.meshgrid([10.0, 11.0, 12.0], [100.0, 101.0, 102.0, 103.0], indexing="ij")
    months = np.ones((12, 3, 4), np.float32)
    fields = {"XLAT_M": Var(MAP, lat), "XLONG_M": Var(MAP, lon), "LU_INDEX": Var(MAP, index), "LANDUSEF": Var(("land_cat", *MAP), fractions),
              "LANDMASK": Var(MAP, (index != 17).astype(np.float32)), "ALBEDO12M": Var(("month", *MAP), 15 * months),
              "GREENFRAC": Var(("month", *MAP), 0.5 * months), "LAI12M": Var(("month", *MAP), 3 * months)}
    if model_input:
        fields |= {"IVGTYP": Var(MAP, index.astype(np.int32)), "VEGFRA": Var(MAP, 40 * months[0]), "SHDMAX": Var(MAP, 80 * months[0]),
                   "SHDMIN": Var(MAP, 0.5 * months[0]), "ALBBCK": Var(MAP, 0.15 * months[0]), "LAI": Var(MAP, 3 * months[0])}
    fields = {name: Var(("Time", *var.dims), var.values[None]) for name, var in fields.items()}
    return Spec(fields, {"MMINLU": "MODIFIED_IGBP_MODIS_NOAH", "NUM_LAND_CAT": np.int32(21), "ISWATER": np.int32(17), "ISLAKE": np.int32(21),
                         "ISURBAN": np.int32(13), "ISICE": np.int32(15)})


def times(*texts: str) -> Var:
    """WRF's Times."""
    return Var(("Time", "DateStrLen"), np.array([list(text) for text in texts], "S1"))


def wrflowinp(*texts: str) -> Spec:
    """The fields of `geo_em(True)` that change with time, at some times; SST counts them."""
    n = len(texts)
    values = {"VEGFRA": 40.0, "LAI": 3.0, "ALBBCK": 0.15}
    fields = {name: Var(("Time", *MAP), np.full((n, 3, 4), value, np.float32)) for name, value in values.items()}
    return Spec({"Times": times(*texts), "SST": Var(("Time", *MAP), np.repeat(np.arange(n, dtype=np.float32), 12).reshape(n, 3, 4)), **fields})


def extpar() -> Spec:
    """Four cells: land, land with a lake, sea, coast."""
    classes = np.zeros((23, 4), np.float32)
    classes[5], classes[13, :2], classes[20, 2] = [0.5, 0.75, 0, 1], [0.5, 0.25], 1
    cell = {"FR_LAND": [1, 0.75, 0, 0.5], "FR_LAKE": [0, 0.25, 0, 0], "FR_OCEAN": [0, 0, 1, 0.5], "PLCOV_MX": [0.75, 0.5, 0, 0.75], "LAI_MX": [4, 3, 0, 6],
            "ROOTDP": [1, 0.75, 0, 1], "Z0": [0.5, 0.25, 0.0002, 1], "EMIS_RAD": [0.99, 0.99, 0.991, 0.99]}
    return Spec({"LU_CLASS_FRACTION": Var(("nclass_lu", "cell"), classes), **{name: Var(("cell",), np.array(values, np.float32)) for name, values in cell.items()},
                 "clon": Var(("cell",), np.radians([1.0, 2.0, 3.0, 4.0]), {"units": "radian"}), "clat": Var(("cell",), np.radians([50.0, 51.0, 52.0, 53.0]),
                                                                                                         {"units": "radian"})},
                {"rawdata": "GLOBCOVER2009, FAO_DSMW", "uuidOfHGrid": "a1b2"})


def icon_grid() -> Spec:
    return Spec({"clon": Var(("cell",), np.zeros(4))}, {"uuidOfHGrid": "A1B2"})


def jsbach() -> Spec:
    """Three cells of eleven plant types; the last one is bare."""
    fractions = np.zeros((11, 3))
    fractions[0], fractions[6], fractions[10] = [0.5, 0.25, 0], [0.25, 0.25, 0], [0.25, 0.5, 0]
    return Spec({**{f"fract_pft{k + 1:02d}": Var(("cell",), fractions[k]) for k in range(11)}, "fract_veg": Var(("cell",), np.array([1.0, 0.5, 0.0])),
                 "clat": Var(("cell",), np.array([40.0, 41.0, 42.0]), {"units": "degree"}), "clon": Var(("cell",), np.array([5.0, 6.0, 7.0]), {"units": "degree"})})


def ctsm_surface() -> Spec:
    """Two by two cells: three natural plant types, two crops, six landunits."""
    def flat(value):
        return Var(("lat", "lon"), np.full((2, 2), float(value)))

    def parts(name, *values):
        return Var((name, "lat", "lon"), np.repeat(values, 4).reshape(-1, 2, 2).astype(np.float64))

    lat, lon = np.meshgrid([30.0, 31.0], [200.0, 201.0], indexing="ij")
    return Spec({"PCT_NAT_PFT": parts("natpft", 25, 25, 50), "PCT_CFT": parts("cft", 75, 25), "PCT_URBAN": parts("numurbl", 0, 0, 12.5), "PCT_NATVEG": flat(50),
                 "PCT_CROP": flat(25), "PCT_LAKE": flat(12.5), "PCT_WETLAND": flat(0), "PCT_GLACIER": flat(0), "LATIXY": Var(("lat", "lon"), lat),
                 "LONGXY": Var(("lat", "lon"), lon)})


def ctsm_series() -> Spec:
    """landuse.timeseries of three years that begins with `ctsm_surface`."""
    start = ctsm_surface().variables
    repeated = {name: Var(("time", *start[name].dims), np.repeat(start[name].values[None], 3, axis=0))
                for name in ("PCT_NAT_PFT", "PCT_CFT", "PCT_URBAN", "PCT_CROP", "PCT_LAKE")}
    return Spec({**repeated, "YEAR": Var(("time",), np.array([2015, 2016, 2017], np.int32)), "LATIXY": start["LATIXY"], "LONGXY": start["LONGXY"]})


def set_values(name, index, value):
    """A change to one file: `value` at `index` of a variable."""
    def change(spec: Spec) -> None:
        spec.variables[name].values[index] = value

    return change


def without(name):
    """A change to one file: without a variable or global attribute."""
    def change(spec: Spec) -> None:
        (spec.variables if name in spec.variables else spec.attrs).pop(name)

    return change


def attribute(name, value):
    """A change to one file: another global attribute."""
    def change(spec: Spec) -> None:
        spec.attrs[name] = value

    return change
