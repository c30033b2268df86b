"""The model artefact: a directory with a card and network files, checked before anything is loaded. Runs no network."""

from __future__ import annotations

import hashlib
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lsbc.emulator.backends import BACKENDS
from lsbc.emulator.channels import CHANNEL_NAMES, Channel
from lsbc.emulator.classes import CLASS_CODES, CLASS_SYSTEM, CLASS_VERSION
from lsbc.emulator.config import SHIPPED
from lsbc.regrid.errors import ModelError
from lsbc.regrid.lattice import Lattice

CARD = "model.toml"
WEIGHTS = "weights.safetensors"
FORMAT = 1
_FORMATS = {"unet.pt2": "pt2", "unet.ts.pt": "torchscript", "unet.int8.onnx": "int8"}
"""File -> what `lsbc export --formats` calls it."""
_MEASURED_AS = {"tensorrt": "torch", "tf32": "float16"}
"""TensorRT computes what torch does, and TF32 rounds no more than float16: they go by the test of the other."""


@dataclass(frozen=True)
class Artefact:
    """What the card says, checked; `file_bytes` gives a file's content only if its sha256 is the card's."""

    directory: Path
    name: str
    channels: tuple[Channel, ...]
    driver: Lattice
    fine: Lattice
    depth: int
    halo: int
    core: int
    batch: int
    files: dict[str, str]
    card: dict[str, Any]

    @property
    def window(self) -> int:
        """Cells along one side of a tile with its halo."""
        return self.core + 2 * self.halo

    @property
    def ratio(self) -> int:
        """Fine cells along one side of a driver cell."""
        return self.fine.n_lon // self.driver.n_lon

    @property
    def n_class(self) -> int:
        """Classes the network has a logit for."""
        return len(self.card["classes"]["codes"])

    @property
    def n_step(self) -> int:
        """Years the network predicts at once."""
        return int(self.card["network"]["steps"])

    @property
    def fingerprint(self) -> str:
        """sha256 of the weights as the card states it: names the model, in whatever format it runs."""
        return self.files[WEIGHTS]

    def allows(self, backend: str, precision: str) -> bool:
        """Whether the card lists the file and, other than for float32, says that this backend passed its test in this precision."""
        return not self._refusal(backend, precision)

    def require(self, backend: str, precision: str) -> None:
        """Raises ModelError, with what to run, where the card does not allow this backend in this precision."""
        problem = self._refusal(backend, precision)
        if problem:
            raise ModelError(problem)

    def _refusal(self, backend: str, precision: str) -> str:
        name, derive = BACKENDS[backend].file_for(precision), f"`lsbc export {self.directory} --formats"
        form = _FORMATS.get(name, "onnx")
        if name not in self.files:
            return f"Model '{self.name}' has no file {name}, which backend '{backend}' needs for {precision}; its card lists {', '.join(sorted(self.files))}. " \
                   f"{derive} {form}` makes it from the weights."
        if precision == "float32":
            return ""
        entry = f"{_MEASURED_AS.get(backend, backend)}_{_MEASURED_AS.get(precision, precision)}"
        table = self.card.get("precision", {}).get(entry, {})
        if table.get("passed") is True:
            return ""
        found = "says that it failed" if table else "has none"
        return f"Model '{self.name}' may not run in {precision} with backend '{backend}': that needs a table [precision.{entry}] with passed = true in its card, " \
               f"which {found}. {derive} {form} --config CONFIG --data DIR` measures it; float32 always runs."

    def file_bytes(self, name: str) -> bytes:
        """Content of one file of the artefact.

        Raises:
            ModelError: the card does not list it, it is missing, or its sha256 differs.
        """
        if name not in self.files:
            raise ModelError(f"Model '{self.name}' has no file '{name}' in its card; it lists {', '.join(sorted(self.files))}. "
                             "`lsbc export` derives further formats.")
        try:
            content = (self.directory / name).read_bytes()
        except OSError as error:
            raise ModelError(f"Model file {self.directory / name} cannot be read: {error.strerror or error}.") from error
        digest = hashlib.sha256(content).hexdigest()
        if digest != self.files[name]:
            raise ModelError(f"Model file {self.directory / name} has sha256 {digest[:16]}... ({len(content)} bytes), "
                             f"the card says {self.files[name][:16]}...: it is damaged or belongs to another card.")
        return content


def locate(name: str, base: Path) -> Path:
    """Directory of an artefact given as `shipped:NAME` or as a path relative to `base`."""
    if name.startswith(SHIPPED):
        from importlib import resources

        return Path(str(resources.files("lsbc.emulator.models"))) / name.removeprefix(SHIPPED)
    return (base / name).resolve()


def shipped_models() -> list[Path]:
    """Directories of the artefacts that come with lsbc."""
    from importlib import resources

    return sorted(folder for folder in Path(str(resources.files("lsbc.emulator.models"))).iterdir() if (folder / CARD).exists())


def read_artefact(directory: Path, sha256: str = "") -> Artefact:
    """Read and check a card.

    Args:
        sha256: what the card's own sha256 must begin with; with it everything that is loaded is pinned, as the card names its files' hashes.
    Raises:
        ModelError: the card is missing, malformed, not the one that `sha256` names, or asks for classes, channels
            or tiles that this version of lsbc does not have; the message names both sides.
    """
    path = directory / CARD
    try:
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        if not digest.startswith(sha256):
            raise ModelError(f"Model card {path} has sha256 {digest}, model.sha256 asks for {sha256}: it is another model, or was changed.")
        card = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        shipped = ", ".join(f"{SHIPPED}{folder.name}" for folder in shipped_models())
        raise ModelError(f"Model card {path} cannot be read: {error.strerror or error}. Models shipped with lsbc: {shipped}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ModelError(f"Model card {path} is damaged: {error}.") from error
    try:
        artefact = _from_card(directory, card)
        _check_classes(path, card["classes"])
        _check_tiles(path, artefact)
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
        raise ModelError(f"Model card {path} lacks or misstates {error}.") from error
    return artefact


def _from_card(directory: Path, card: dict[str, Any]) -> Artefact:
    if card["format"] != FORMAT:
        raise ModelError(f"Model card in {directory} has format {card['format']}, this lsbc reads format {FORMAT}.")
    grid, network = card["grid"], card["network"]
    ratio = int(grid["fine_cells_per_driver_cell"])
    n_driver = round(180.0 / float(grid["driver_spacing_deg"]))
    if abs(n_driver * float(grid["driver_spacing_deg"]) - 180.0) > 1e-9 or abs(float(grid["fine_spacing_arcsec"]) * ratio - 3600.0 * 180.0 / n_driver) > 1e-6:
        raise ModelError(f"Model card in {directory}: {ratio} fine cells of {grid['fine_spacing_arcsec']} arc seconds do not make a driver cell of "
                         f"{grid['driver_spacing_deg']} degrees, or these do not divide the globe.")
    driver = Lattice(n_lat=n_driver, n_lon=2 * n_driver)
    channels = tuple(Channel(name=c["name"], units=c["units"], offset=float(c["offset"]), scale=float(c["scale"]))
                     for c in card["channels"])
    for channel in channels:
        if not (math.isfinite(channel.offset) and math.isfinite(channel.scale)):
            raise ModelError(f"Model card in {directory}: channel {channel.name} has offset {channel.offset} and scale {channel.scale}.")
    if WEIGHTS not in card["files"]:
        raise ModelError(f"Model card in {directory} does not list {WEIGHTS}, whose sha256 names the model.")
    return Artefact(
        directory=directory, name=str(card["name"]), channels=channels, driver=driver, fine=driver.refine(ratio),
        depth=int(network["depth"]), halo=int(network["halo"]), core=int(network["core"]), batch=int(network["batch"]),
        files={name: str(entry["sha256"]) for name, entry in card["files"].items()}, card=card,
    )


def _check_classes(path: Path, classes: dict[str, Any]) -> None:
    theirs = (classes["system"], str(classes["version"]), tuple(classes["codes"]))
    ours = (CLASS_SYSTEM, CLASS_VERSION, CLASS_CODES)
    if theirs != ours:
        raise ModelError(f"Model card {path} predicts classes {theirs}, this lsbc works with {ours}.")


def _check_tiles(path: Path, artefact: Artefact) -> None:
    names = tuple(channel.name for channel in artefact.channels)
    unknown = [name for name in names if name not in CHANNEL_NAMES]
    if unknown or len(set(names)) != len(names) or not names:
        raise ModelError(f"Model card {path} asks for channels {', '.join(unknown) or names} that lsbc cannot make or that "
                         f"are repeated; it makes {', '.join(CHANNEL_NAMES)}.")
    lattice = 2**artefact.depth
    if artefact.core % artefact.ratio or artefact.core % lattice or artefact.halo % lattice or artefact.halo < 0:
        raise ModelError(f"Model card {path}: core {artefact.core} must be a multiple of {artefact.ratio} fine cells per driver "
                         f"cell and, like halo {artefact.halo}, of the pooling lattice {lattice}.")
    if artefact.fine.n_lon % artefact.core or artefact.fine.n_lat % artefact.core or artefact.halo >= artefact.core:
        raise ModelError(f"Model card {path}: cores of {artefact.core} cells with halo {artefact.halo} do not tile the globe of "
                         f"{artefact.fine.n_lat} x {artefact.fine.n_lon} cells.")
    network = artefact.card["network"]
    if network["window"] != artefact.window or network["steps"] != 1 or artefact.batch < 1:
        raise ModelError(f"Model card {path}: window {network['window']}, steps {network['steps']}, batch {artefact.batch}; "
                         f"core and halo give window {artefact.window}, and lsbc runs one step a year.")
