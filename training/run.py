"""The three things a user asks for: train, evaluate, export. Each reads one TOML and says where its result is."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from lsbc.regrid.errors import ConfigError, StartupError
from lsbc.training.config import TrainingConfig, read_config
from lsbc.training.predict import Network

log = logging.getLogger(__name__)


def _need_torch() -> None:
    try:
        import lightning  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise StartupError(f"Training needs the extra packages of `pip install 'lsbc[train]'`: {error}.") from error


def _prepare(config: Path | str, data: Path | str | None, coarse_elevation: Path | str | None) -> TrainingConfig:
    _need_torch()
    return read_config(config).with_data(data, coarse_elevation)


def _checkpoint(config: TrainingConfig) -> Path:
    path = config.run.directory / "last.ckpt"
    if not path.is_file():
        raise ConfigError(f"run.directory = {config.run.directory} holds no last.ckpt; train first.")
    return path


def _command(config: Path, data: Path | str | None, coarse_elevation: Path | str | None) -> str:
    """What to type for this run, without the places of this machine."""
    options = [f"--{name} {place}" for name, place, given in
               (("data", "DIR", data), ("coarse-elevation", "FILE", coarse_elevation)) if given is not None]
    return " ".join(["lsbc train", config.name, *options])


def train(config: Path | str, data: Path | str | None = None, coarse_elevation: Path | str | None = None, *,
          fresh: bool = False) -> Path:
    """Train until run.steps, going on from the run directory's checkpoint unless `fresh`; returns the checkpoint."""
    settings = _prepare(config, data, coarse_elevation)
    from lsbc.training.calibrate import calibrate
    from lsbc.training.data import read_data
    from lsbc.training.loop import fit, trained_network
    from lsbc.training.samples import Sampler

    sampler = Sampler(read_data(settings.data), settings.split, settings.samples, settings.loss, settings.run.seed)
    settings.run.directory.mkdir(parents=True, exist_ok=True)
    fit(settings, sampler, fresh=fresh, progress=sys.stderr.isatty())
    calibrate(trained_network(settings), sampler, halo=16 << settings.network.depth).write(settings.run.directory)
    log.info("trained: %s", settings.run.directory / "last.ckpt")
    return _checkpoint(settings)


def evaluate(config: Path | str, data: Path | str | None = None, coarse_elevation: Path | str | None = None,
             artefact: Path | str | None = None) -> str:
    """Score the run directory's checkpoint, or an artefact's ONNX file; prints and returns the table.

    Scores of a checkpoint are also written beside it (scores.json, scores.md), where `export` finds them.
    """
    settings = _prepare(config, data, coarse_elevation)
    from lsbc.emulator.channels import CHANNEL_NAMES
    from lsbc.training import evaluate as scoring
    from lsbc.training.data import read_data
    from lsbc.training.files import sha256_of, write_atomically
    from lsbc.training.halo import exact_halo

    network = _checkpoint_network(settings) if artefact is None else _artefact_network(Path(artefact))
    halo = exact_halo(network, len(CHANNEL_NAMES), 1 << settings.network.depth, core=160)
    scores = scoring.score_network(network, read_data(settings.data), settings, halo)
    table = scoring.markdown(scores)
    if artefact is None:
        sha256 = sha256_of(_checkpoint(settings))
        write_atomically(settings.run.directory / "scores.json", scoring.as_json(scores, sha256).encode())
        write_atomically(settings.run.directory / "scores.md", table.encode())
        log.info("scores: %s", settings.run.directory / "scores.md")
    print(table, end="", flush=True)
    return table


def _checkpoint_network(settings: TrainingConfig) -> Network:
    import torch

    from lsbc.training.calibrate import calibrated_network
    from lsbc.training.predict import torch_network
    from lsbc.training.unet import fold_batch_norm

    _checkpoint(settings)
    torch.set_num_threads(settings.run.threads)
    return torch_network(fold_batch_norm(calibrated_network(settings)))


def _artefact_network(directory: Path) -> Network:
    from lsbc.emulator.artefact import locate, read_artefact
    from lsbc.training.export import ONNX, onnx_network

    return onnx_network(read_artefact(locate(str(directory), Path.cwd())).file_bytes(ONNX))


def export(config: Path | str, data: Path | str | None = None, coarse_elevation: Path | str | None = None) -> Path:
    """Write the artefact of the run directory's checkpoint; returns the path of its card."""
    settings = _prepare(config, data, coarse_elevation)
    import torch

    from lsbc.training.calibrate import calibrated_network
    from lsbc.training.data import read_data
    from lsbc.training.export import CARD, export_artefact
    from lsbc.training.files import sha256_of
    from lsbc.training.loop import trained_steps

    checkpoint = _checkpoint(settings)
    torch.set_num_threads(1)
    steps = trained_steps(settings)
    notes = [settings.export.note] if settings.export.note else []
    if steps < settings.run.steps:
        notes.append(f"unfinished: {steps} of {settings.run.steps} steps")
    trained_on = {"steps_done": steps, "command": _command(Path(config), data, coarse_elevation), "note": "; ".join(notes)}
    export_artefact(calibrated_network(settings), read_data(settings.data), settings, trained_on, sha256_of(checkpoint))
    path = settings.export.directory / CARD
    log.info("artefact: %s", path)
    return path


def add_formats(artefact: Path | str, formats: tuple[str, ...], target: Path | str | None = None) -> Path:
    """Derive pt2 or torchscript files from an artefact's weights, into it or into a copy at `target`; returns the card."""
    _need_torch()
    from lsbc.training.export import derive_formats

    path = derive_formats(Path(artefact), Path(target or artefact), formats)
    log.info("artefact: %s", path)
    return path
