"""Trains networks of several shapes alike and scores them beside what they cost. No thresholds.

    python benchmarks/networks.py training/configs/bavaria30.toml --data DIR [--coarse-elevation FILE] [--steps 600] [--only NAME ...]
    python benchmarks/networks.py training/configs/smoke.toml --steps 4            # seconds, on land made from formulas

Every network sees the same samples in the same order at the same learning rates, and is scored on held-out places of the test years.
A result is kept as JSON under --out and not made again, so a stopped benchmark goes on; the table shows all that are there.
"""

from __future__ import annotations

import argparse
import io
import json
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from candidate_networks import CANDIDATES, REFERENCE, MapNetwork

from lsbc.emulator.classes import N_CLASS, STATIC_CLASSES
from lsbc.training.cases import one_prior
from lsbc.training.config import RunConfig, TrainingConfig, read_config
from lsbc.training.data import LandData, read_data
from lsbc.training.holdout import held_out_cells
from lsbc.training.loop import prior_channels, rate_factor, weighted_cross_entropy
from lsbc.training.network_predictor import NetworkPredictor
from lsbc.training.patches import channel_list
from lsbc.training.predict import Network, Region, network_logits
from lsbc.training.rollout import blind_region, first_probabilities, likeliest, rollout
from lsbc.training.samples import IGNORE, Sampler
from lsbc.training.stay_offsets import best_offsets
from lsbc.training.tally import Scorer
from lsbc.training.tasks import reconstructions, target_years
from lsbc.training.teacher import cut_to, divergence, read_teacher
from lsbc.training.unet import UNet

AnyNetwork = UNet | MapNetwork
TASKS = ("hidden_60", "hidden_75", "hidden_100")
TIMED_CELLS = 384
CALIBRATED_PAIRS = 4
TRAINED, CUT, TAUGHT = "trained network", "cut to depth ", ", taught"
FROM_TRAINED = (TRAINED, "cut to depth 2", "cut to depth 2, taught", "cut to depth 1, taught")


@dataclass(frozen=True)
class Options:
    """What one training is asked for."""

    steps: int
    batch: int
    rate: float
    seed: int
    teacher_share: float = 0.5

    def run(self) -> RunConfig:
        return RunConfig(steps=self.steps, steps_per_epoch=1, warmup_steps=max(1, self.steps // 10), decay_share=0.6)


def train(network: AnyNetwork, sampler: Sampler, options: Options, teacher: Callable | None = None) -> tuple[list[float], float]:
    """Loss of every step and seconds an optimiser step without making the samples; with a teacher half of the loss is its divergence."""
    torch.manual_seed(options.seed)
    network.train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(network.parameters(), lr=options.rate, weight_decay=0.02)
    losses, seconds, run = [], 0.0, options.run()
    for step in range(options.steps):
        samples = [sampler(step * options.batch + k) for k in range(options.batch)]
        x, target, weight = (torch.from_numpy(np.stack(part)) for part in zip(*samples, strict=True))
        x, target = x.contiguous(memory_format=torch.channels_last), target.long()
        begun = time.perf_counter()
        for group in optimiser.param_groups:
            group["lr"] = options.rate * rate_factor(step, run)
        with torch.autocast("cpu", torch.bfloat16):
            logits = network(x)[:, 0].float()
        loss = weighted_cross_entropy(logits, target[:, 0], weight[:, 0])
        losses.append(float(loss.detach()))
        if teacher is not None:
            loss = (1 - options.teacher_share) * loss + options.teacher_share * divergence(logits, teacher(x), target[:, 0] != IGNORE)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        seconds += time.perf_counter() - begun
        if (step + 1) % 100 == 0:
            print(f"  step {step + 1}: loss {np.mean(losses[-100:]):.4f}, {seconds / (step + 1):.2f} s a step", flush=True)
    return losses, seconds / options.steps


def n_channel(network: AnyNetwork) -> int:
    """Channels of the first layer, which is a convolution."""
    return next(network.parameters()).shape[1]


def as_onnx(network: AnyNetwork) -> Network:
    """The network in onnxruntime, float32, one thread; batch norm is folded on the way."""
    import onnxruntime

    buffer, x = io.BytesIO(), torch.zeros(1, n_channel(network), 4 << network.depth, 6 << network.depth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network.to(memory_format=torch.contiguous_format).eval(), (x,), buffer, dynamo=False, opset_version=18, input_names=["x"],
                          output_names=["logits"], dynamic_axes={"x": {0: "n", 2: "row", 3: "column"}})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(buffer.getvalue(), options, providers=["CPUExecutionProvider"])
    return lambda x: session.run(["logits"], {"x": x})[0]


def calibrate(network: AnyNetwork, region: Region, sampler: Sampler) -> None:
    """Set the odds of staying right on watched cells, as `lsbc train` does, without its margin."""
    run, cells, parts = as_onnx(network), sampler.watched, []
    for years in sampler.pairs[-CALIBRATED_PAIRS:]:
        prior, target = (sampler.data.map_of(year) for year in years)
        here = cells & ~np.isin(prior, STATIC_CLASSES)
        parts.append((network_logits(run, region, one_prior(years, prior))[:, here].T, target[here], prior[here]))
    if cells.any():
        offsets = best_offsets(*(np.concatenate(part) for part in zip(*parts, strict=True)))
        network.favour_prior(prior_channels(), dict(enumerate(offsets)))


def surprise(probability: np.ndarray, truth: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """-log of the probability of the true class of the cells asked for."""
    return -np.log(np.maximum(np.take_along_axis(probability[:, cells], truth[cells][None].astype(int), 0)[0], 1e-12))


def score(network: AnyNetwork, data: LandData, config: TrainingConfig, region: Region) -> dict[str, float]:
    """Held-out places of the test years: part of the prior hidden; and one year ahead, the coarse class areas met."""
    predictor, scorer = NetworkPredictor(as_onnx(network)), Scorer(data, config.split, region.driver)
    place, hidden, out = held_out_cells(data, config.split) & data.valid, blind_region(region), {}
    lost: dict[str, list[np.ndarray]] = {}
    for item in reconstructions(data, config.split, config.run.seed):
        if item.task in TASKS:
            probability = predictor.predict_proba(hidden, item.case)
            scorer.add_reconstruction(item.task, "network", item.case, likeliest(probability, hidden), probability)
            truth = data.map_of(item.case.years[1])
            lost.setdefault(f"{item.task}_entropy", []).append(surprise(probability, truth, place & ~item.case.known))
    for year in target_years(data, config.split):
        start = year - 1
        first = first_probabilities(predictor, region, start, 1)
        for step in rollout(predictor, region, start, 1, allocated=True, first=first):
            scorer.add_step("one_year", "network", (start, step.year), step.made)
        before, truth = data.map_of(start), data.map_of(year)
        moved = place & (before != truth)
        lost.setdefault("changed_entropy", []).append(surprise(first, truth, moved))
        lost.setdefault("one_year_entropy", []).append(surprise(first, truth, place))
        lost.setdefault("changed_to", []).append(surprise(without_staying(first, before), truth, moved))
    found = scorer.scores()["held_out"]
    for task in TASKS:
        out |= {task: found[task]["network"]["accuracy"], f"{task}_iou": found[task]["network"]["mean_iou"]}
    out["figure_of_merit"] = found["one_year"]["network"]["figure_of_merit"]
    return out | {name: float(np.mean(np.concatenate(parts))) for name, parts in lost.items()}


def without_staying(probability: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Probabilities of the other classes, given that the cell changes."""
    other = probability.copy()
    np.put_along_axis(other, np.minimum(before, len(other) - 1)[None].astype(int), 0.0, 0)
    return other / np.maximum(other.sum(axis=0), 1e-12)


def structural_halo(network: AnyNetwork, limit: int = 160) -> int:
    """Cells around a lattice-aligned core on which the core depends, a multiple of the lattice: from further out not even NaN arrives."""
    cell = 1 << network.depth
    core = 2 * cell
    for halo in range(0, limit + cell, cell):
        context = torch.full((1, n_channel(network), *2 * (core + 2 * halo + 4 * cell,)), torch.nan)
        near, inner = slice(2 * cell, 2 * cell + core + 2 * halo), slice(2 * cell + halo, 2 * cell + halo + core)
        context[..., near, near] = 0.5
        with torch.no_grad():
            if not network(context)[..., inner, inner].isnan().any():
                return halo
    raise RuntimeError(f"sees beyond {limit} cells")


def flops_per_cell(network: AnyNetwork) -> float:
    from torch.utils.flop_counter import FlopCounterMode

    n = 8 << network.depth
    with FlopCounterMode(display=False) as count, torch.no_grad():
        network(torch.zeros(1, n_channel(network), n, n))
    return count.get_total_flops() / n**2


def time_all(networks: dict[str, AnyNetwork], rounds: int = 5) -> dict[str, float]:
    """Cells a second on one thread, best of several rounds in which each network has its turn."""
    runs = {name: as_onnx(network) for name, network in networks.items()}
    first = next(iter(networks.values()))
    x = np.random.default_rng(0).standard_normal((1, n_channel(first), TIMED_CELLS, TIMED_CELLS)).astype(np.float32)
    best = dict.fromkeys(runs, np.inf)
    for _ in range(rounds):
        for name, run in runs.items():
            begun = time.perf_counter()
            run(x)
            best[name] = min(best[name], time.perf_counter() - begun)
    return {name: TIMED_CELLS**2 / seconds for name, seconds in best.items()}


def make(name: str, seed: int, checkpoint: Path | None) -> tuple[AnyNetwork, Callable | None]:
    """A network to be trained and the logits of its teacher, if it has one.

    A candidate's name, or "trained network" (that of the checkpoint), or "cut to depth N" (the same without its deeper levels);
    ", taught" behind it: the trained network is the teacher.
    """
    torch.manual_seed(seed)
    taught, name = name.endswith(TAUGHT), name.removesuffix(TAUGHT)
    teacher = None if checkpoint is None else read_teacher(checkpoint, 1)
    if name in CANDIDATES:
        network = CANDIDATES[name](len(channel_list()), N_CLASS)
        network.start_from_prior(prior_channels())
    elif teacher is None:
        raise SystemExit(f"{name!r} begins from a trained U-Net: --checkpoint FILE.")
    elif name == TRAINED:
        network = read_teacher(checkpoint, 1)
    else:
        depth = int(name.removeprefix(CUT))
        network = UNet(len(channel_list()), N_CLASS, teacher.down[0][0].out_channels, depth)
        network.load_state_dict(cut_to(teacher.state_dict(), depth))

    def logits(x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            return teacher(x)[:, 0].float()

    return network, logits if taught else None


def one_result(name: str, data: LandData, config: TrainingConfig, sampler: Sampler, options: Options, checkpoint: Path | None, keep: Path) -> dict:
    """Train, calibrate and score one network; its weights are kept."""
    network, teacher = make(name, options.seed, checkpoint)
    losses, step_s = ([], 0.0) if name == TRAINED else train(network, sampler, options, teacher)
    network.to(memory_format=torch.contiguous_format).eval()
    torch.save(network.state_dict(), keep)
    halo = structural_halo(network)
    region = Region(data, sampler.driver, halo, 1 << network.depth, channel_list())
    calibrate(network, region, sampler)
    found = {"name": name, "seed": options.seed, "steps": options.steps, "batch": options.batch, "rate": options.rate, "halo": halo,
             "lattice": 1 << network.depth, "parameters": sum(weight.numel() for weight in network.parameters()),
             "flops_per_cell": flops_per_cell(network), "step_s": step_s, **score(network, data, config, region),
             "losses": [round(loss, 4) for loss in losses]}
    return found


COLUMNS = (("hidden_60", "60 %", "{:.4f}"), ("hidden_75", "75 %", "{:.4f}"), ("hidden_100", "100 %", "{:.4f}"),
           ("hidden_60_entropy", "CE 60 %", "{:.3f}"), ("hidden_75_entropy", "CE 75 %", "{:.3f}"), ("hidden_100_entropy", "CE 100 %", "{:.3f}"),
           ("changed_entropy", "CE changed", "{:.3f}"), ("changed_to", "CE to", "{:.3f}"), ("figure_of_merit", "FoM", "{:.4f}"),
           ("halo", "halo", "{}"), ("parameters", "weights", "{}"), ("flops_per_cell", "FLOP/cell", "{:.0f}"), ("step_s", "s/step", "{:.2f}"),
           ("speed", "kcell/s", "{:.0f}"), ("relative_speed", "speed", "{:.2f}"))


def table(results: list[dict]) -> str:
    """Markdown, one row a result."""
    lines = ["| network | seed | steps | " + " | ".join(title for _, title, _ in COLUMNS) + " |", "|---" * (3 + len(COLUMNS)) + "|"]
    for found in results:
        cells = [layout.format(found[key]) if key in found else "" for key, _, layout in COLUMNS]
        lines.append(f"| {found['name']} | {found['seed']} | {found['steps']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--coarse-elevation", type=Path)
    parser.add_argument("--checkpoint", type=Path, help="last.ckpt of a trained U-Net: score it too, and begin from it where asked for")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--only", nargs="+", help="names; all without it: " + ", ".join([*CANDIDATES, *FROM_TRAINED]))
    parser.add_argument("--out", type=Path, default=Path("out/networks"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--time", action="store_true", help="time all networks side by side and add that to the table")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    torch.set_num_threads(asked.threads)
    config = read_config(asked.config).with_data(asked.data, asked.coarse_elevation)
    data = read_data(config.data)
    names = asked.only or [*CANDIDATES, *(FROM_TRAINED if asked.checkpoint else ())]
    asked.out.mkdir(parents=True, exist_ok=True)
    for seed in asked.seeds:
        sampler = Sampler(data, config.split, config.samples, config.loss, seed)
        for name in names:
            path = asked.out / f"{name.replace(' ', '_').replace(',', '')}.{asked.steps}.{seed}.json"
            if path.is_file():
                continue
            print(f"{name}, seed {seed}, {asked.steps} steps", flush=True)
            try:
                found = one_result(name, data, config, sampler, Options(asked.steps, asked.batch, asked.rate, seed), asked.checkpoint,
                                   path.with_suffix(".pt"))
            except ModuleNotFoundError as error:
                print(f"  left out: {error}", flush=True)
                continue
            path.write_text(json.dumps(found) + "\n")
            print(table([found]), flush=True)
    results = [json.loads(path.read_text()) for path in sorted(asked.out.glob("*.json"))]
    if asked.time:
        speed = time_all({name: make(name, 1, asked.checkpoint)[0] for name in dict.fromkeys([REFERENCE, *(found["name"] for found in results)])})
        for found in results:
            found |= {"speed": speed[found["name"]] / 1e3, "relative_speed": speed[found["name"]] / speed[REFERENCE]}
    print(table(results), flush=True)


if __name__ == "__main__":
    main()
