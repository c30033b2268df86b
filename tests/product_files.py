"""Small files in the layouts of the producers of land-use, climate and soil maps, written for the tests of the readers."""

from __future__ import annotations

from pathlib import Path

import netCDF4
import numpy as np

LUH_STATES = ("primf", "primn", "secdf", "secdn", "urban", "c3ann", "c4ann", "c3per", "c4per", "c3nfx", "pastr", "range")
FILL = np.float32(1e20)


def write_tif(path: Path, values: np.ndarray, west: float, north: float, step: float | tuple[float, float], crs: str = "EPSG:4326", **profile) -> Path:
    """GeoTIFF of one band, its first row in the north, one row a strip and LZW as HILDA+ has it."""
    import rasterio
    from rasterio.transform import Affine

    east_step, south_step = step if isinstance(step, tuple) else (step, step)
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1, dtype=values.dtype, crs=crs,
                       transform=Affine(east_step, 0, west, 0, -south_step, north), compress="lzw", blockysize=1, **profile) as file:
        file.write(values, 1)
    return path


def write_maps(path: Path, name: str, values: np.ndarray, lat: np.ndarray, lon: np.ndarray, dims: tuple[str, str, str] = ("time", "lat", "lon"),
               time: np.ndarray | None = None, time_attributes: dict | None = None, fill=None, dtype=None, **attributes) -> Path:
    """NetCDF of one variable, (lat, lon) or (time, lat, lon), values as they are to stand in the file."""
    with netCDF4.Dataset(str(path), "w") as file:
        used = dims[-values.ndim:]
        for dim, size in zip(used, values.shape):
            file.createDimension(dim, size)
        for dim, centre in zip(used[-2:], (lat, lon)):
            file.createVariable(dim, "f8", (dim,))[:] = centre
        if time is not None:
            axis = file.createVariable(dims[0], "f8", (dims[0],))
            axis.setncatts(time_attributes or {})
            axis[:] = time
        variable = file.createVariable(name, dtype or values.dtype, used, fill_value=fill, zlib=True)
        variable.set_auto_maskandscale(False)
        variable.setncatts(attributes)
        variable[:] = values
    return path


def write_luh(path: Path, values: dict[str, np.ndarray], lat: np.ndarray, lon: np.ndarray, time=(1165.0,), units="years since 850-01-01 0:0:0",
              calendar="noleap", state_units="1") -> Path:
    """States file with the attributes of LUH2's own: missing_value and the miscased _Fillvalue; states not given are zero."""
    with netCDF4.Dataset(str(path), "w") as file:
        file.createDimension("time", None)
        file.createDimension("lat", len(lat))
        file.createDimension("lon", len(lon))
        for name, centre in (("lat", lat), ("lon", lon)):
            axis = file.createVariable(name, "f8", (name,))
            axis.setncatts({"units": "degrees_north" if name == "lat" else "degrees_east", "bounds": f"bounds_{name}"})
            axis[:] = centre
        axis = file.createVariable("time", "f8", ("time",))
        axis.setncatts({"units": units, "calendar": calendar})
        axis[:] = np.asarray(time, np.float64)
        for name in dict.fromkeys((*LUH_STATES, *values)):
            variable = file.createVariable(name, "f4", ("time", "lat", "lon"))
            variable.set_auto_maskandscale(False)
            variable.setncatts({"units": state_units, "cell_methods": "time:mean", "missing_value": FILL, "_Fillvalue": FILL})
            variable[:] = np.broadcast_to(np.asarray(values.get(name, 0.0), np.float32), (len(time), len(lat), len(lon)))
    return path
