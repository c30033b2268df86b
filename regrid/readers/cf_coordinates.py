"""Finds which variables of a CF file are the longitudes and latitudes of which data. Knows names and attributes, no values.

Coordinates are known by standard name or units (degrees_east), as CF says; by their own name only where these do not tell.
Rotated coordinates (standard name grid_longitude) are none.
"""

from __future__ import annotations

from dataclasses import dataclass

from lsbc.regrid.errors import FileError, GridError
from lsbc.regrid.readers.grid_file import DEGREE_UNITS, EAST_UNITS, NORTH_UNITS, RADIAN_UNITS, GridFile

STANDARD_NAMES = {"longitude": "lon", "latitude": "lat"}
OTHER_PLACES = ("_longitude", "_latitude")
"""How the standard names of other places end: grid_longitude of rotated poles, deployment_latitude of floats."""
USUAL_NAMES = {"lon": "lon", "longitude": "lon", "nav_lon": "lon", "lat": "lat", "latitude": "lat", "nav_lat": "lat"}
BOUNDS_ENDINGS = ("_bnds", "_bounds", "_vertices")


@dataclass(frozen=True)
class Coordinates:
    """Names of variables; bounds None where there are none."""

    lon: str
    lat: str
    lon_bounds: str | None = None
    lat_bounds: str | None = None


def find_coordinates(file: GridFile, variable: str | None = None) -> Coordinates:
    """The one pair of coordinates of the file, or of `variable`.

    Raises:
        FileError: there is none, or bounds that are named are missing.
        GridError: there are several, or `variable`, or every variable of the file, has longitude before latitude.
    """
    kinds = _kinds(file)
    if variable is not None:
        lon, lat = _of_variable(file, variable, kinds) or _none(file, variable)
        _check_order(file, variable, lon, lat)
    else:
        lon, lat = _of_file(file, kinds)
    return Coordinates(lon, lat, _bounds_of(file, lon), _bounds_of(file, lat))


def _kinds(file: GridFile) -> dict[str, str]:
    """"lon" or "lat" for every variable that is one."""
    bounds = {file.attribute("bounds", name) for name in file.variables}
    found = {name: _kind(file, name) for name in file.variables if name not in bounds and len(file.shape(name)) in (1, 2)}
    return {name: kind for name, kind in found.items() if kind}


def _kind(file: GridFile, name: str) -> str | None:
    standard_name, units = ((file.attribute(attribute, name) or "").lower() for attribute in ("standard_name", "units"))
    if standard_name in STANDARD_NAMES or standard_name.endswith(OTHER_PLACES):
        return STANDARD_NAMES.get(standard_name)
    if units in EAST_UNITS:
        return "lon"
    if units in NORTH_UNITS:
        return "lat"
    return USUAL_NAMES.get(name.lower()) if not units or units in DEGREE_UNITS | RADIAN_UNITS else None


def _of_variable(file: GridFile, variable: str, kinds: dict[str, str]) -> tuple[str, str] | None:
    """Its own coordinate axes, else what its coordinates attribute names, else all that lie along its dimensions."""
    dims = file.dims(variable)
    along = [name for name in kinds if set(file.dims(name)) <= set(dims)]
    for names in (dims, (file.attribute("coordinates", variable) or "").split(), along):
        lon, lat = ([name for name in dict.fromkeys(names) if kinds.get(name) == kind] for kind in ("lon", "lat"))
        if len(lon) == len(lat) == 1:
            return lon[0], lat[0]
    return None


def _is_turned(file: GridFile, variable: str, lon: str, lat: str) -> bool:
    places = [file.dims(variable).index(dim) for dim in _order(file, lon, lat) if dim in file.dims(variable)]
    return places != sorted(places)


def _order(file: GridFile, lon: str, lat: str) -> list[str]:
    return [*dict.fromkeys((*file.dims(lat), *file.dims(lon)))]


def _check_order(file: GridFile, variable: str, lon: str, lat: str) -> None:
    dims, order = file.dims(variable), _order(file, lon, lat)
    if _is_turned(file, variable, lon, lat):
        raise GridError(f"{file}: {variable} has dimensions {dims}; expected {', '.join(order)} in this order: "
                        "turn it (for instance with ncpdq).")


def _of_file(file: GridFile, kinds: dict[str, str]) -> tuple[str, str]:
    bounds = {file.attribute("bounds", name) for name in kinds}
    data = [name for name in file.variables if name not in kinds and name not in bounds]
    pairs = {pair: name for name in reversed(data) if (pair := _of_variable(file, name, kinds))}
    if len(pairs) == 1:
        (pair, first), = pairs.items()
        if all(_is_turned(file, name, *pair) for name in data if _of_variable(file, name, kinds)):
            _check_order(file, first, *pair)
        return pair
    if pairs:
        listed = "; ".join(f"{lon}, {lat} (of {name})" for (lon, lat), name in pairs.items())
        raise GridError(f"{file} has several grids: {listed}; say which with variable=.")
    lon, lat = ([name for name, kind in kinds.items() if kind == wanted] for wanted in ("lon", "lat"))
    if len(lon) == len(lat) == 1:
        return lon[0], lat[0]
    if lon and lat:
        raise GridError(f"{file} has the longitudes {', '.join(lon)} and latitudes {', '.join(lat)}, and no data "
                        "variable says which belong together.")
    return _none(file, None)


def _none(file: GridFile, variable: str | None) -> tuple[str, str]:
    of = "" if variable is None else f" that belong to {variable}"
    raise FileError(f"{file} has no longitudes and latitudes{of}, known by units degrees_east and degrees_north or by "
                    "standard_name, and is no MPAS, ICON, WRF, SCRIP, ESMF mesh or UGRID file either.")


def _bounds_of(file: GridFile, name: str) -> str | None:
    named = file.attribute("bounds", name)
    if named:
        file.need(named)
        return named
    beside = (f"{name}{ending}" for ending in BOUNDS_ENDINGS)
    return next((other for other in beside if file.has(other) and file.dims(other)[:-1] == file.dims(name)), None)
