"""Layouts of weight files: who writes which names and words. Knows names only: no arrays, no values, no grids.

Two families. "coo" (ESMF, TempestRemap, MOAB, NCO, xESMF): `row`, `col`, `S`, the sides named a and b. "scrip" (SCRIP, CDO,
YAC): `dst_address`, `src_address`, `remap_matrix`. Both count cells from 1 unless an attribute `first_index` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

from lsbc.regrid.errors import WeightError

TITLE_SUFFIX = "(layout of the ESMF Offline Regridding Weight Generator)"
"""NCO tells an ESMF file by these words in the title."""

ESMF_METHODS = {
    "First-order Conservative": "conserve",
    "Second-order Conservative": "conserve2nd",
    "Bilinear": "bilinear",
    "Higher-order Patch": "patch",
    "Nearest source to destination": "neareststod",
    "Nearest destination to source": "nearestdtos",
}
MAP_METHODS = {method: "Conservative remapping" if method.startswith("conserve") else "Bilinear remapping"
               for method in ESMF_METHODS.values()}
"""What ESMF writes as `map_method`: only these two words, whatever the method."""

ESMF_WORDS = {method: words for words, method in ESMF_METHODS.items()}
_MAP_WORDS = {"conservative": "conserve", "bilinear": "bilinear", "nearest neighbor": "neareststod"}
_NORMALIZATIONS = {"destarea": "dstarea", "dstarea": "dstarea", "fracarea": "fracarea", "none": "none", "n/a": "none"}


@dataclass(frozen=True, kw_only=True)
class SideNames:
    """Dimensions and variables of one side; "" where the layout has none."""

    letter: str
    size: str
    n_vertex: str = ""
    rank: str
    dims: str
    lon: str = ""
    lat: str = ""
    vertex_lon: str = ""
    vertex_lat: str = ""
    mask: str = ""
    area: str = ""
    frac: str = ""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Names of the entries and of the two sides, and what the attributes say about the weights.

    normalization "" means that the file says nothing; `sums_duplicates`: an entry may be given in parts.
    """

    writer: str
    row: str
    column: str
    value: str
    entries: str
    method: str
    normalization: str
    source: SideNames
    destination: SideNames
    sums_duplicates: bool


def _coo_side(letter: str) -> SideNames:
    words = {"a": "src", "b": "dst"}[letter]
    return SideNames(letter=letter, size=f"n_{letter}", n_vertex=f"nv_{letter}", rank=f"{words}_grid_rank",
                     dims=f"{words}_grid_dims", lon=f"xc_{letter}", lat=f"yc_{letter}",
                     vertex_lon=f"xv_{letter}", vertex_lat=f"yv_{letter}", mask=f"mask_{letter}",
                     area=f"area_{letter}", frac=f"frac_{letter}")


def _scrip_side(letter: str) -> SideNames:
    side = {"a": "src", "b": "dst"}[letter] + "_grid_"
    return SideNames(letter=letter, size=f"{side}size", n_vertex=f"{side}corners", rank=f"{side}rank", dims=f"{side}dims",
                     lon=f"{side}center_lon", lat=f"{side}center_lat", vertex_lon=f"{side}corner_lon",
                     vertex_lat=f"{side}corner_lat", mask=f"{side}imask", area=f"{side}area", frac=f"{side}frac")


COO_SIDES = (_coo_side("a"), _coo_side("b"))
SCRIP_SIDES = (_scrip_side("a"), _scrip_side("b"))


def recognise(path, dims: dict[str, int], variables: frozenset[str], attributes: dict[str, str]) -> Layout:
    """The layout of a file, by what it holds.

    Raises WeightError where there are no weights, or weights that a sparse matrix cannot say: gradients (num_wgts above 1),
    largest-area selection, constants for some cells, several fields at once.
    """
    if {"row", "col", "S"} <= variables:
        layout = _coo(attributes)
    elif {"src_address", "dst_address", "remap_matrix"} <= variables:
        layout = _scrip(path, attributes)
    else:
        raise WeightError(f"File {path} holds no weights: neither row, col, S (ESMF, TempestRemap, MOAB, NCO, xESMF) "
                          "nor src_address, dst_address, remap_matrix (SCRIP, CDO, YAC).")
    if dims.get("num_wgts", 1) != 1:
        raise WeightError(f"File {path} has {dims['num_wgts']} weights a link (num_wgts), as second-order and bicubic "
                          "SCRIP files have; they need gradients of the field. Make first-order weights, or lsbc's conserve2nd.")
    if layout.entries not in dims:
        raise WeightError(f"File {path} lacks the dimension '{layout.entries}' that counts its weights.")
    return layout


def _coo(attributes: dict[str, str]) -> Layout:
    title = attributes.get("title", attributes.get("Title", ""))
    words = attributes.get("ESMF_regrid_method", "")
    method = ESMF_METHODS.get(words, "unknown")
    if "netCDF Operators" in title and attributes.get("NCO_regrid_method", "").startswith("Integrated"):
        method = "conserve"
    normalization = _NORMALIZATIONS.get(attributes.get("normalization", "").lower(), "")
    return Layout(writer=_writer(title, attributes), row="row", column="col", value="S", entries="n_s", method=method,
                  normalization=normalization, source=COO_SIDES[0], destination=COO_SIDES[1],
                  sums_duplicates=method not in ("neareststod", "nearestdtos"))


def _writer(title: str, attributes: dict[str, str]) -> str:
    version = attributes.get("ESMF_version", attributes.get("weight_generator_version", ""))
    title = title.removesuffix(TITLE_SUFFIX).strip() or "unknown"
    named = title.startswith("ESMF") and version.startswith("v") and version not in title
    return f"{title} {version}" if named else title


def _scrip(path, attributes: dict[str, str]) -> Layout:
    yac = attributes.get("version", "").startswith("yac weight file")
    words = attributes.get("map_method", "").lower()
    if words.startswith("largest area"):
        raise WeightError(f"File {path} holds area fractions for picking the largest one (CDO genlaf), not weights for sums; "
                          "use gencon, or pick the class from lsbc's own conservative weights.")
    if attributes.get("contains_fixed_dst", "FALSE").upper() == "TRUE":
        raise WeightError(f"File {path} sets some destination cells to constants (yac's method 'fixed'); weights cannot hold "
                          "constants. Write it without 'fixed' and fill those cells after the remapping.")
    method = next((name for start, name in _MAP_WORDS.items() if words.startswith(start)), "unknown")
    normalization = _NORMALIZATIONS.get(attributes.get("normalization", "").lower(), "")
    if method == "conserve" and normalization == "none":
        raise WeightError(f"File {path} has conservative weights with normalisation 'none': they are areas, not shares. "
                          "Make them with fracarea or destarea (CDO: CDO_REMAP_NORM=destarea).")
    writer = attributes["version"] if yac else attributes.get("CDO", attributes.get("title", "SCRIP"))
    return Layout(writer=writer, row="dst_address", column="src_address", value="remap_matrix", entries="num_links",
                  method=method, normalization=normalization, source=SCRIP_SIDES[0],
                  destination=SCRIP_SIDES[1], sums_duplicates=False)
