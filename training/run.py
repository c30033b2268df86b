"""The three things a user asks for: train, evaluate, export. Each reads one TOML and says where its result is."""

from __future__ import annotations

import logging
import sys
import time
import tomllib
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsbc.emulator.config import SHIPPED
from lsbc.regrid.errors import ConfigError, StartupError
from lsbc.training.config import TrainingConfig, read_config
from lsbc.training.predict import Network

if TYPE_CHECKING:
    from lsbc.training.data import LandData
    from lsbc.training.evaluate import Evaluation
    from lsbc.training.export import Exported
    from lsbc.training.face import Predictor
    from lsbc.training.predict import Region

log = logging.getLogger(__name__)


def _need_torch() -> None:
    try:
        import lightning  # noqa: F401
        import torch  # noqa: F401
    except ImportError as error:
        raise StartupError(f"Training needs the extra packages of `pip install 'lsbc[train]'`: {error}.") from error


def _need_matplotlib() -> None:
    if find_spec("matplotlib") is None:
        raise StartupError("Pictures of the scores need matplotlib: `pip install 'lsbc[plot]'`, or --no-plots.")


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
    from lsbc.training.data import read_data
    from lsbc.training.files import sha256_of
    from lsbc.training.loop import fit, trained_network
    from lsbc.training.samples import Sampler
    from lsbc.training.stay_offsets import calibrate

    sampler = Sampler(read_data(settings.data), settings.split, settings.samples, settings.loss, settings.run.seed)
    settings.run.directory.mkdir(parents=True, exist_ok=True)
    task = fit(settings, sampler, fresh=fresh, progress=sys.stderr.isatty())
    if task.global_rank == 0:
        found = calibrate(trained_network(settings), sampler, halo=16 << settings.network.depth)
        replace(found, checkpoint_sha256=sha256_of(_checkpoint(settings))).write(settings.run.directory)
    log.info("trained: %s", settings.run.directory / "last.ckpt")
    return _checkpoint(settings)


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What to score and where to leave it; None for `out` is the run directory, or one beside it for an artefact."""

    artefact: Path | None = None
    out: Path | None = None
    only: str | None = None
    predictors: tuple[str, ...] | None = None
    plots: bool = True

    @property
    def stem(self) -> str:
        """Name of the files: only a whole table may be called `scores`, which `export` puts into the card."""
        return "scores" if self.only is None and self.predictors is None else "scores_partial"


def evaluate(config: Path | str, data: Path | str | None = None, coarse_elevation: Path | str | None = None,
             options: EvaluateOptions = EvaluateOptions()) -> Path:  # noqa: B008 - frozen
    """Score the run directory's checkpoint, or an artefact's ONNX file, beside every other predictor; returns the table's path.

    Prints the headline tables; writes all tables (Markdown), all scores (JSON) and pictures (PNG).
    """
    settings = _prepare(config, data, coarse_elevation)
    if options.plots:
        _need_matplotlib()
    from lsbc.training import evaluate as scoring
    from lsbc.training.data import read_data
    from lsbc.training.scoreboard import headline

    data_read = read_data(settings.data)
    network = _checkpoint_network(settings) if options.artefact is None else _artefact_network(options.artefact)
    predictors = scoring.chosen(_predictors(settings, network, data_read), options.predictors)
    _fit(predictors, settings, data_read)
    region = _region(network, settings, options, data_read)
    found = scoring.evaluate(predictors, region, settings, scoring.PARTS if options.only is None else (options.only,))
    path = _write_scores(found, data_read, settings, options)
    print(headline(found.scores), end="", flush=True)
    log.info("scores: %s", path)
    return path


def _region(network: Network, settings: TrainingConfig, options: EvaluateOptions, data: LandData) -> Region:
    """The region with the channels and the halo the network needs: an artefact's card says them, a checkpoint's halo is measured."""
    from lsbc.emulator.artefact import read_artefact
    from lsbc.training.halo import exact_halo
    from lsbc.training.patches import DriverTable, channel_list
    from lsbc.training.predict import Region

    if options.artefact is not None:
        artefact = read_artefact(_located(options.artefact))
        return Region(data, DriverTable(data), artefact.halo, 1 << artefact.depth, artefact.channels)
    multiple, channels = 1 << settings.network.depth, channel_list(settings.samples.steps)
    return Region(data, DriverTable(data), exact_halo(network, len(channels), multiple, core=160), multiple, channels)


def _predictors(settings: TrainingConfig, network: Network, data: LandData) -> list[Predictor]:
    """Every predictor there is, and the network as a user may have it: without the footprint, with each elevation the data have."""
    from lsbc.training.models import all_predictors
    from lsbc.training.network_predictor import NetworkPredictor

    both_ways = settings.samples.backward_share > 0
    networks = [NetworkPredictor(network, backwards=both_ways)]
    if data.dated.get("human_footprint"):
        networks.append(NetworkPredictor(network, "network, no footprint", both_ways, human_footprint=False))
    networks += [NetworkPredictor(network, "network, coarse elevation, no footprint", both_ways, elevation=k, human_footprint=False)
                 for k in range(1, len(data.elevations))]
    return [*all_predictors(settings), *networks]


def _fit(predictors: list[Predictor], settings: TrainingConfig, data: LandData) -> None:
    from lsbc.training.samples import Sampler

    sampler = Sampler(data, settings.split, settings.samples, settings.loss, settings.run.seed)
    directory = settings.run.directory / "predictors"
    directory.mkdir(parents=True, exist_ok=True)
    for predictor in predictors:
        begun = time.perf_counter()
        predictor.fit(sampler, directory)
        log.info("fitted %s: %.1f s", predictor.name, time.perf_counter() - begun)


def _write_scores(found: Evaluation, data: LandData, settings: TrainingConfig, options: EvaluateOptions) -> Path:
    from lsbc.training.files import write_atomically
    from lsbc.training.scoreboard import as_json, markdown

    sha256, directory = _scored_checkpoint(settings, options), options.out or settings.run.directory
    if options.out is None and options.artefact is not None:
        directory /= f"scores_of_{_located(options.artefact).name}"
    about = {"test_years": list(settings.split.test_years), "train_years": list(settings.split.train_years),
             "seed": settings.run.seed, "seconds": {name: round(seconds, 1) for name, seconds in found.seconds.items()}}
    write_atomically(directory / f"{options.stem}.json", as_json(found.scores, sha256, about).encode())
    lines = [f"Checkpoint {sha256[:12]}, configuration {settings.path.name}, test years {settings.split.test_years[0]} to {settings.split.test_years[1]}."]
    write_atomically(directory / f"{options.stem}.md", markdown(found.scores, "Scores", lines).encode())
    if options.plots:
        from lsbc.training.score_plots import save_figures

        save_figures(found, data, directory / f"{options.stem}_plots")
    return directory / f"{options.stem}.md"


def _scored_checkpoint(settings: TrainingConfig, options: EvaluateOptions) -> str:
    """The sha256 of the checkpoint the scored network comes from."""
    from lsbc.training.files import sha256_of

    return sha256_of(_checkpoint(settings)) if options.artefact is None else str(_card(options.artefact)["training"]["checkpoint_sha256"])


def _checkpoint_network(settings: TrainingConfig) -> Network:
    import torch

    from lsbc.training.predict import torch_network
    from lsbc.training.stay_offsets import calibrated_network
    from lsbc.training.unet import fold_batch_norm

    _checkpoint(settings)
    torch.set_num_threads(settings.run.threads)
    return torch_network(fold_batch_norm(calibrated_network(settings)))


def _located(artefact: Path) -> Path:
    from lsbc.emulator.artefact import locate

    return locate(str(artefact), Path.cwd())


def _card(artefact: Path) -> dict[str, Any]:
    return tomllib.loads((_located(artefact) / "model.toml").read_text())


def _artefact_network(artefact: Path) -> Network:
    from lsbc.emulator.artefact import read_artefact
    from lsbc.training.formats import ONNX
    from lsbc.training.runtimes import onnxruntime_network

    return onnxruntime_network(read_artefact(_located(artefact)).file_bytes(ONNX))


def export(config: Path | str, data: Path | str | None = None, coarse_elevation: Path | str | None = None) -> Path:
    """Write the artefact of the run directory's checkpoint; returns the path of its card."""
    settings = _prepare(config, data, coarse_elevation)
    import torch

    from lsbc.training.data import read_data
    from lsbc.training.export import export_artefact
    from lsbc.training.files import sha256_of
    from lsbc.training.loop import trained_steps
    from lsbc.training.stay_offsets import calibrated_network

    checkpoint = _checkpoint(settings)
    torch.set_num_threads(1)
    steps = trained_steps(settings)
    notes = [settings.export.note] if settings.export.note else []
    if steps < settings.run.steps:
        notes.append(f"unfinished: {steps} of {settings.run.steps} steps")
    trained_on = {"steps_done": steps, "command": _command(Path(config), data, coarse_elevation), "note": "; ".join(notes)}
    made = export_artefact(calibrated_network(settings), read_data(settings.data), settings, trained_on, sha256_of(checkpoint))
    _close(made)
    return made.path


@dataclass(frozen=True, kw_only=True)
class Maps:
    """Where the maps of an artefact's land are: its training configuration and the places given on the command line."""

    config: Path
    data: Path | None = None
    coarse_elevation: Path | None = None


def add_formats(artefact: Path | str, formats: tuple[str, ...], target: Path | str | None = None, maps: Maps | None = None) -> Path:
    """Derive pt2, torchscript or (with maps) int8 files from an artefact's weights, into it or into a copy at `target`; returns the card.

    Raises:
        ConfigError: a shipped artefact without a `target`.  ModelError: see `derived_formats`.
    """
    if target is None and str(artefact).startswith(SHIPPED):
        raise ConfigError(f"{artefact} belongs to the installation and is not changed: say with -o DIR where its copy shall be.")
    settings = None
    if maps is None:
        _need_torch()
    else:
        settings = _prepare(maps.config, maps.data, maps.coarse_elevation)
    from lsbc.training.data import read_data
    from lsbc.training.export import derived_formats

    source = _located(Path(artefact))
    read = None if settings is None else (read_data(settings.data), settings)
    made = derived_formats(source, source if target is None else Path(target).resolve(), formats, read)
    _close(made)
    return made.path


def _close(made: Exported) -> None:
    """The closing lines of an export: what did not pass, with the numbers, and where the artefact is."""
    for sentence in made.failed:
        log.warning("%s", sentence)
    print(f"{made.path}: {', '.join(made.card['files'])}." + "".join(f" {sentence}" for sentence in made.failed), flush=True)
