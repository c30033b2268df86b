"""A small coupled case with a closed-form network, used by many tests. The land is 2 x 2 degrees, tiles are 60 cells wide.

The network is one 3 x 3 convolution: a cell's logit for a class is the number of its neighbours (itself counted
2.5 times) that had the class last year, plus 250 times the coarse change of the class's group, plus half the
coarse fraction. `expected_year` does the same in plain numpy on the whole map at once: no tiles, no halo.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lsbc.emulator.channels import CHANNEL_NAMES
from lsbc.emulator.classes import CLASS_CODES, CLASS_GROUP, CLASS_NAMES, GROUPS, LUH2_STATES, N_CLASS

LON0, LAT0, N_DEG, CELLS_PER_DEG = 9, 47, 2, 120
N_FINE = N_DEG * CELLS_PER_DEG
CORE, HALO = 60, 2
NEIGHBOUR, ITSELF, CHANGE, COARSE = 1.0, 2.5, 250.0, 0.5
START_YEAR = 2000


def write_artefact(folder: Path, channels: tuple[str, ...] = CHANNEL_NAMES, n_class: int = N_CLASS) -> Path:
    """The closed-form network as an artefact directory."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    kernel = np.zeros((n_class, len(channels), 3, 3), np.float32)
    for k, name in enumerate(CLASS_NAMES[:n_class]):
        if name != "ocean" and f"prior.{name}" in channels:
            kernel[k, channels.index(f"prior.{name}")] = NEIGHBOUR
            kernel[k, channels.index(f"prior.{name}"), 1, 1] = ITSELF
        kernel[k, channels.index(f"delta.{CLASS_GROUP[name]}"), 1, 1] = CHANGE
        kernel[k, channels.index(f"coarse.{CLASS_GROUP[name]}"), 1, 1] = COARSE
    nodes = [helper.make_node("Conv", ["channels", "kernel"], ["planes"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
             helper.make_node("Unsqueeze", ["planes", "axis"], ["logits"])]
    graph = helper.make_graph(
        nodes, "closed_form", [helper.make_tensor_value_info("channels", TensorProto.FLOAT, ["n", len(channels), "y", "x"])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1, n_class, "y", "x"])],
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(np.array([1], np.int64), "axis")])
    folder.mkdir(parents=True, exist_ok=True)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(folder / "unet.onnx"))
    write_card(folder, channels)
    return folder


def write_card(folder: Path, channels: tuple[str, ...] = CHANNEL_NAMES, replace: tuple[str, str] = ("", "")) -> None:
    """The card of `write_artefact`; `replace` swaps one piece of its text, to break it on purpose."""
    content = (folder / "unet.onnx").read_bytes()
    lines = ["format = 1", 'name = "closed-form"', "[classes]", 'system = "HILDA+ merged"', 'version = "1.0"', f"codes = {list(CLASS_CODES)}",
             f"names = {list(CLASS_NAMES)}".replace("'", '"'), "[grid]", "driver_spacing_deg = 0.25", "fine_cells_per_driver_cell = 30",
             "fine_spacing_arcsec = 30", "[network]", "depth = 1", f"halo = {HALO}", f"core = {CORE}", f"window = {CORE + 2 * HALO}", "batch = 1",
             "steps = 1", "parameters = 1", '[files."unet.onnx"]', f'sha256 = "{hashlib.sha256(content).hexdigest()}"', f"bytes = {len(content)}",
             '[files."weights.safetensors"]', f'sha256 = "{"0" * 64}"']
    for name in channels:
        scale = 0.001 if name == "static.elevation" else 1.0
        lines += ["[[channels]]", f'name = "{name}"', 'units = "1"', "offset = 0.0", f"scale = {scale}"]
    (folder / "model.toml").write_text("\n".join(lines).replace(*replace) + "\n")


def first_map(seed: int = 5) -> np.ndarray:
    """Class index on the 240 x 240 land, rows south to north: patches of 6 x 6 cells, with a lake and a stretch without data."""
    rng = np.random.default_rng(seed)
    classes = np.kron(rng.integers(1, 7, (N_FINE // 6, N_FINE // 6)), np.ones((6, 6), int)).astype(np.uint8)
    classes[100:130, 40:70] = CLASS_NAMES.index("water")
    return classes


def write_fine_file(path: Path, classes: np.ndarray, known: np.ndarray | None = None, descending: bool = False) -> Path:
    """The fine-grid file of the contract for a class-index map (255: no data)."""
    from netCDF4 import Dataset

    codes = np.full(256, 255, np.uint8)
    codes[:N_CLASS] = CLASS_CODES
    n_lat, n_lon = classes.shape
    order = slice(None, None, -1) if descending else slice(None)
    with Dataset(path, "w") as data:
        data.createDimension("lat", n_lat)
        data.createDimension("lon", n_lon)
        data.createVariable("lat", "f8", ("lat",))[:] = (LAT0 + (np.arange(n_lat) + 0.5) / CELLS_PER_DEG)[order]
        data.createVariable("lon", "f8", ("lon",))[:] = LON0 + (np.arange(n_lon) + 0.5) / CELLS_PER_DEG
        fields = {"lu": codes[classes], "known": np.ones_like(classes) if known is None else known.astype(np.uint8), "land": np.ones_like(classes),
                  "koppen": np.full_like(classes, 3), "elevation": np.add.outer(np.arange(n_lat), np.arange(n_lon)).astype(np.float32)}
        for name, values in fields.items():
            variable = data.createVariable(name, values.dtype, ("lat", "lon"))
            variable.set_auto_mask(False)
            variable[:] = values[order]
    return path


@dataclass
class Host:
    """Rectangular host cells with ids that are neither sorted nor contiguous."""

    global_id: np.ndarray
    lon_deg: np.ndarray
    lat_deg: np.ndarray
    vertex_lon_deg: np.ndarray
    vertex_lat_deg: np.ndarray
    states: dict[int, dict[str, np.ndarray]] = field(default_factory=dict)

    def part(self, cells: np.ndarray, owned: np.ndarray | None = None) -> tuple:
        """Arguments of `set_grid` for some of the cells."""
        return (self.global_id[cells], self.lon_deg[cells], self.lat_deg[cells], self.vertex_lon_deg[cells], self.vertex_lat_deg[cells],
                np.ones(len(cells), np.int32) if owned is None else owned)


def make_host(n: int = 9, west: float = LON0 + 0.1, south: float = LAT0 + 0.1, size_deg: float = 0.2, years: int = 4) -> Host:
    """n x n cells of `size_deg`, and LUH2 states in which towns and forests grow in the east."""
    j, i = np.divmod(np.arange(n * n), n)
    west_edge, south_edge = west + i * size_deg, south + j * size_deg
    lon = west_edge[:, None] + np.array([0.0, size_deg, size_deg, 0.0])
    lat = south_edge[:, None] + np.array([0.0, 0.0, size_deg, size_deg])
    host = Host((np.arange(n * n) * 7919 + 13) % 10007 + 1000, lon.mean(axis=1), lat.mean(axis=1), lon, lat)
    for k in range(years):
        grow = 0.03 * k * (i / max(n - 1, 1))
        states = {name: np.zeros(n * n) for name in LUH2_STATES}
        states["urban"][:] = 0.05 + grow
        states["secdf"][:] = 0.25 + grow
        states["c3ann"][:] = 0.40 - 2.0 * grow
        states["pastr"][:] = 0.15
        states["secdn"][:] = 0.10
        host.states[START_YEAR + k] = states
    return host


def write_config(folder: Path, artefact: Path, fine: Path, output: str = "", extra: str = "", allocation: bool = False) -> Path:
    """A configuration for `Component.create`."""
    path = folder / "lsbc.toml"
    path.write_text(f'[model]\nartefact = "{artefact}"\nbackend = "onnxruntime"\n[data]\nfine = "{fine}"\n[time]\nstart_year = {START_YEAR}\n'
                    f"[allocation]\nenabled = {str(allocation).lower()}\n[output]\n{output}\n{extra}\n")
    return path


def expected_year(previous: np.ndarray, coarse: np.ndarray, delta: np.ndarray) -> np.ndarray:
    """Next year's map in one piece; `coarse` and `delta` are the groups on the fine grid, (6, n, n)."""
    n_row, n_col = previous.shape
    logits = np.zeros((N_CLASS, n_row, n_col))
    for k, name in enumerate(CLASS_NAMES):
        here = np.pad(previous == k, 1).astype(float)
        if name != "ocean":
            logits[k] = sum(here[1 + a: 1 + a + n_row, 1 + b: 1 + b + n_col] * (ITSELF if a == b == 0 else NEIGHBOUR) for a in (-1, 0, 1) for b in (-1, 0, 1))
        group = GROUPS.index(CLASS_GROUP[name])
        logits[k] += CHANGE * delta[group] + COARSE * coarse[group]
    best = np.argmax(logits[1:7], axis=0).astype(np.uint8) + 1
    return np.where(np.isin(previous, (0, 7, 255)), previous, best).astype(np.uint8)


def write_host_file(path: Path, host: Host) -> Path:
    """The host file of the contract, for `lsbc run` and the example hosts."""
    from netCDF4 import Dataset

    with Dataset(path, "w") as data:
        for name, size in (("cell", len(host.global_id)), ("nv", host.vertex_lon_deg.shape[1]), ("year", len(host.states))):
            data.createDimension(name, size)
        for name, kind, dims, values in (
            ("global_id", "i8", ("cell",), host.global_id), ("clon", "f8", ("cell",), host.lon_deg), ("clat", "f8", ("cell",), host.lat_deg),
            ("clon_vertices", "f8", ("cell", "nv"), host.vertex_lon_deg), ("clat_vertices", "f8", ("cell", "nv"), host.vertex_lat_deg),
            ("year", "i4", ("year",), np.array(sorted(host.states))),
        ):
            data.createVariable(name, kind, dims)[:] = values
        for name in LUH2_STATES:
            variable = data.createVariable(name, "f8", ("year", "cell"))
            variable.set_auto_mask(False)
            variable[:] = [host.states[year][name] for year in sorted(host.states)]
    return path


def couple(component, host, cells, *years) -> None:
    """Step a component through years, with the host's states of these cells set before each."""
    for year in years:
        for name, values in host.states[year].items():
            component.set_field(name, np.ascontiguousarray(values[cells]))
        component.step_year(year)


def contents(path: Path) -> dict[str, np.ndarray]:
    """Every variable of a NetCDF file as it is stored."""
    from netCDF4 import Dataset

    with Dataset(path) as data:
        data.set_auto_mask(False)
        return {name: np.asarray(variable[...]) for name, variable in data.variables.items()}
