"""A netCDF file as the readers see it: numbers with NaN where missing, angles in degrees, one sentence for every fault.

Knows netCDF and units; never which variables make a grid.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lsbc.regrid.classic_header import check_classic
from lsbc.regrid.errors import ConfigError, FileError, GridError

DEGREE_UNITS = frozenset(("degree", "degrees", "deg", "degree latitude", "degree longitude", "degrees latitude",
                          "degrees longitude"))
EAST_UNITS = frozenset(("degrees_east", "degree_east", "degree_e", "degrees_e", "degreee", "degreese"))
NORTH_UNITS = frozenset(("degrees_north", "degree_north", "degree_n", "degrees_n", "degreen", "degreesn"))
RADIAN_UNITS = frozenset(("radian", "radians", "rad"))
UNITS = ("degrees", "radians")
ROUNDING = 2.0
"""A stored angle may be off by this many units of its last place: the rounding of it and of what it was made from."""
POLE_SLACK_DEG = 1e-5
"""Pi / 2 in single precision lies 2.5e-6 degrees beyond the pole; latitudes that overshoot by less than this are at the pole."""
DEGREES_PER = {"degrees": 1.0, "radians": 180.0 / np.pi}


class GridFile:
    """An open netCDF file; a context manager.

    Raises:
        FileError: the file cannot be opened or read, or lacks a variable.
        GridError: a variable has the wrong type, shape or units.
    """

    def __init__(self, path: str | Path, units: str | None = None) -> None:
        """`units` ("degrees", "radians") is what the caller says of angles without a units attribute."""
        if units is not None and units not in UNITS:
            raise ConfigError(f"Units of a grid file must be 'degrees' or 'radians', got '{units}'.")
        from netCDF4 import Dataset

        self.path, self.said_units = Path(path), units
        try:
            check_classic(self.path)
            self._data = Dataset(self.path)
        except (OSError, RuntimeError, ValueError) as error:
            raise FileError(f"{self} cannot be opened: {getattr(error, 'strerror', None) or error}.") from error
        self._data.set_auto_maskandscale(False)

    def __enter__(self) -> GridFile:
        return self

    def __str__(self) -> str:
        return f"Grid file {self.path}"

    def __exit__(self, *_: object) -> None:
        self._data.close()

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def variables(self) -> list[str]:
        return list(self._data.variables)

    @property
    def attributes(self) -> list[str]:
        return self._data.ncattrs()

    def has(self, *names: str) -> bool:
        return all(name in self._data.variables for name in names)

    def need(self, *names: str) -> None:
        """Raise FileError for the variables that are not there."""
        missing = [name for name in names if not self.has(name)]
        if missing:
            raise FileError(f"{self} lacks the variable{'s' * (len(missing) > 1)} {', '.join(missing)}.")

    def dims(self, name: str) -> tuple[str, ...]:
        self.need(name)
        return self._data.variables[name].dimensions

    def shape(self, name: str) -> tuple[int, ...]:
        self.need(name)
        return tuple(int(n) for n in self._data.variables[name].shape)

    def need_shape(self, name: str, shape: tuple[int | None, ...], meaning: str) -> None:
        """Raise GridError unless the variable has this shape, None standing for any size but 0."""
        got = self.shape(name)
        if len(got) != len(shape) or 0 in got or any(want not in (None, n) for want, n in zip(shape, got)):
            sizes = ", ".join("any" if want is None else str(want) for want in shape)
            raise GridError(f"{self}: {name} has shape {self._shape_text(name)}; expected {meaning} = ({sizes}).")

    def attribute(self, attribute: str, name: str | None = None) -> str | None:
        """A text attribute of a variable, or of the file; None where absent; numbers come back as text."""
        value = self._raw_attribute(attribute, name)
        return None if value is None else str(value).strip()

    def integer_attribute(self, attribute: str, name: str, default: int) -> int:
        """A whole-number attribute of a variable; GridError where it is something else."""
        value = self._raw_attribute(attribute, name)
        if value is None:
            return default
        try:
            number = float(np.asarray(value).reshape(()))
        except (TypeError, ValueError):
            number = np.nan
        if not number.is_integer():
            raise GridError(f"{self}: attribute {attribute} of {name} is '{value}'; expected a whole number.")
        return int(number)

    def number(self, name: str) -> np.ndarray:
        """A variable as float64, unpacked, NaN where it is missing or infinite."""
        raw, missing = self._raw(name)
        values = raw.astype(np.float64)
        scale, offset = (self._raw_attribute(a, name) for a in ("scale_factor", "add_offset"))
        if scale is not None or offset is not None:
            values = values * self._packing(scale, 1.0, name) + self._packing(offset, 0.0, name)
        values[missing | ~np.isfinite(values)] = np.nan
        return values

    def whole(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """A variable as int64, and where it is missing."""
        raw, missing = self._raw(name)
        if raw.dtype.kind == "f":
            missing = missing | np.isnan(raw)
            with np.errstate(invalid="ignore"):
                if not (missing | ((raw == np.rint(raw)) & (np.abs(raw) < 2.0**53))).all():
                    raise GridError(f"{self}: {name} holds fractions; indices must be whole numbers.")
            raw = np.where(missing, 0, raw)
        return raw.astype(np.int64), missing

    def angle_deg(self, name: str, fallback: str | None = None) -> np.ndarray:
        """An angle in degrees, NaN where missing; `fallback` are the units the format fixes for a file that has none."""
        return self.number(name) * DEGREES_PER[self.angle_units(name, fallback)]

    def lat_deg(self, name: str, fallback: str | None = None) -> np.ndarray:
        """A latitude in degrees, see `angle_deg`, cut off at the poles."""
        return cut_at_poles(self.angle_deg(name, fallback))

    def angle_units(self, name: str, fallback: str | None = None) -> str:
        """"degrees" or "radians". Raises GridError for units that are no angle, and where nobody says which."""
        text = self.attribute("units", name)
        if not text:
            if fallback or self.said_units:
                return fallback or self.said_units
            raise GridError(f"{self}: {name} has no units attribute; write 'degrees' or 'radians' into the file "
                            "or say units=\"degrees\" (--src-units, --dst-units) when you read it.")
        word = text.lower()
        if word in RADIAN_UNITS:
            return "radians"
        if word in DEGREE_UNITS | EAST_UNITS | NORTH_UNITS:
            return "degrees"
        raise GridError(f"{self}: {name} has units '{text}'; longitudes and latitudes must be in degrees or radians.")

    def declares_fill(self, *names: str) -> bool:
        """Whether the variables say how a missing value looks, so that there may be some by intention."""
        return all(self._raw_attribute("_FillValue", name) is not None or self._raw_attribute("missing_value", name) is not None
                   for name in names)

    def rounding_deg(self, name: str, fallback: str | None = None) -> float:
        """How far an angle may be off because of the type it is stored in."""
        kind = self._data.variables[name].dtype
        largest = float(np.nanmax(np.abs(self.angle_deg(name, fallback)), initial=0.0))
        eps = np.finfo(kind).eps if np.dtype(kind).kind == "f" else np.finfo(np.float64).eps
        return ROUNDING * float(eps) * largest

    def live(self, name: str | None, shape: tuple[int, ...], dims: tuple[str, ...] = ()) -> np.ndarray | None:
        """Cells that take part (n_cell,): where the variable is there and not 0. None without a name.

        `shape` is the grid's and `dims`, where they are known, the dimensions of its coordinates. The mask must have them in
        this order, behind any of length 1 (a time). Raises GridError where it has others.
        """
        if name is None:
            return None
        self._check_mask(name, shape, dims)
        values = self.number(name).ravel()
        return np.isfinite(values) & (values != 0.0)

    def _check_mask(self, name: str, shape: tuple[int, ...], dims: tuple[str, ...]) -> None:
        sizes, names = self.shape(name), self.dims(name)
        while len(sizes) > len(shape) and sizes[0] == 1:
            sizes, names = sizes[1:], names[1:]
        has_one_order = len(set(shape)) == len(shape)
        if sizes == shape and (not dims or names == dims or has_one_order):
            return
        is_turned = set(names) == set(dims) or (sizes == shape[::-1] and has_one_order)
        remedy = "turn it (for instance with ncpdq)." if is_turned and len(shape) > 1 else "a mask lies on the grid's dimensions."
        expected = ", ".join(f"{dim} = {n}" for dim, n in zip(dims, shape)) if dims else ", ".join(map(str, shape))
        raise GridError(f"{self}: the mask {name} has shape {self._shape_text(name)}; the grid has ({expected}): {remedy}")

    def _raw(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        self.need(name)
        variable = self._data.variables[name]
        if not isinstance(variable.dtype, np.dtype) or variable.dtype.kind not in "iuf":
            raise GridError(f"{self}: {name} is of type {variable.dtype}; expected numbers.")
        try:
            raw = np.asarray(variable[...])
        except (OSError, RuntimeError, IndexError, ValueError) as error:
            raise FileError(f"{self}: {name} cannot be read: {error}.") from error
        missing = np.zeros(raw.shape, bool)
        for attribute in ("_FillValue", "missing_value"):
            value = self._raw_attribute(attribute, name)
            if isinstance(value, (int, float, np.number)):
                missing |= raw == value
        return raw, missing

    def _raw_attribute(self, attribute: str, name: str | None):
        holder = self._data if name is None else self._data.variables[name]
        try:
            return holder.getncattr(attribute) if attribute in holder.ncattrs() else None
        except (AttributeError, RuntimeError, OSError, ValueError, KeyError) as error:
            raise FileError(f"{self}: attribute {attribute} of {name or 'the file'} cannot be read: {error}.") from error

    def _packing(self, value, default: float, name: str) -> float:
        if value is None:
            return default
        if not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
            raise GridError(f"{self}: scale_factor or add_offset of {name} is '{value}'; expected a number.")
        return float(value)

    def _shape_text(self, name: str) -> str:
        pairs = ", ".join(f"{dim} = {n}" for dim, n in zip(self.dims(name), self.shape(name)))
        return f"({pairs})"


def cut_at_poles(lat_deg: np.ndarray) -> np.ndarray:
    """Latitudes, of which those beyond a pole by rounding are moved onto it."""
    beyond = (np.abs(lat_deg) > 90.0) & (np.abs(lat_deg) <= 90.0 + POLE_SLACK_DEG)
    return np.where(beyond, np.copysign(90.0, lat_deg), lat_deg)
