"""Small sound surface files of CTSM with the plant and crop types of the real ones, for the tests of writers."""

from __future__ import annotations

import numpy as np

from grid_files import Spec, Var

UNIT = {"units": "unitless"}


def surface(unstructured: bool = False, n_crop: int = 2, shape: tuple[int, int] = (2, 2)) -> Spec:
    """Every cell: half natural (types 0, 1, 2: 25, 25, 50 %), a quarter crops, 12.5 % lake and towns (high density a quarter, medium three quarters of them)."""
    lat, lon = np.meshgrid(30.0 + np.arange(shape[0]), 200.0 + np.arange(shape[1]), indexing="ij")
    cells, form = (("gridcell",), (lat.size,)) if unstructured else (("lsmlat", "lsmlon"), shape)

    def flat(value, dtype=np.float64):
        return Var(cells, np.full(form, value, dtype), UNIT)

    def parts(dim, *values):
        return Var((dim, *cells), np.array(values, np.float64).reshape(-1, *(1 for _ in form)) * np.ones(form), UNIT)

    crops = (75, 25) if n_crop == 2 else (100 / n_crop,) * n_crop
    return Spec({"PCT_NAT_PFT": parts("natpft", 25, 25, 50, *[0] * 12), "PCT_CFT": parts("cft", *crops), "PCT_URBAN": parts("numurbl", 0, 3.125, 9.375),
                 "PCT_NATVEG": flat(50), "PCT_CROP": flat(25), "PCT_LAKE": flat(12.5), "PCT_WETLAND": flat(0), "PCT_GLACIER": flat(0),
                 "URBAN_REGION_ID": flat(3, np.int32), "CANYON_HWR": parts("numurbl", 2, 1, 0.5), "LANDFRAC_PFT": flat(1),
                 "natpft": Var(("natpft",), np.arange(15, dtype=np.int32)), "cft": Var(("cft",), np.arange(15, 15 + n_crop, dtype=np.int32)),
                 "LATIXY": Var(cells, lat.reshape(form)), "LONGXY": Var(cells, lon.reshape(form))})
