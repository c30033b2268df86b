"""Optimises the network with Lightning: samples, loss, schedule, checkpoints. Never evaluates on test years."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import lightning
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.data import Sampler as IndexSampler

from lsbc.emulator.classes import CLASS_NAMES, N_CLASS, OCEAN
from lsbc.training.config import RunConfig, TrainingConfig
from lsbc.training.patches import channel_list
from lsbc.training.samples import IGNORE, Sampler
from lsbc.training.teacher import cut_to, divergence, network_state, read_teacher
from lsbc.training.unet import UNet

log = logging.getLogger(__name__)


class SampleTable(Dataset):
    """The endless sequence of samples as something a DataLoader can index."""

    def __init__(self, sampler: Sampler, length: int) -> None:
        self.sampler, self.length = sampler, length

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> tuple[torch.Tensor, ...]:
        return tuple(torch.from_numpy(field) for field in self.sampler(index))


class EpochOrder(IndexSampler):
    """Sample numbers of one epoch in order: epoch e shows e * n .. (e + 1) * n - 1, resumed or not.

    Of several processes each shows its own n / world numbers, one after the other in turn.
    """

    def __init__(self, n_sample: int) -> None:
        self.n_sample, self.epoch = n_sample, 0

    @staticmethod
    def _share() -> tuple[int, int]:
        distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
        return (torch.distributed.get_rank(), torch.distributed.get_world_size()) if distributed else (0, 1)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.n_sample // self._share()[1]

    def __iter__(self) -> Iterator[int]:
        rank, world = self._share()
        return iter(range(self.epoch * self.n_sample + rank, (self.epoch + 1) * self.n_sample, world))


def rate_factor(step: int, run: RunConfig) -> float:
    """Learning rate relative to its top: linear warm-up, flat, linear decay to zero at the last step."""
    decay_steps = max(1, round(run.steps * run.decay_share))
    return max(0.0, min(1.0, (step + 1) / max(1, run.warmup_steps), (run.steps - step) / decay_steps))


def weighted_cross_entropy(logits: torch.Tensor, target: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Mean of the weighted cross entropy over cells that give loss, divided by the sum of their weights."""
    loss = torch.nn.functional.cross_entropy(logits, target, ignore_index=IGNORE, reduction="none")
    return (loss * weight).sum() / weight.sum().clamp_min(1e-6)


def new_network(config: TrainingConfig) -> UNet:
    """An untrained network for the channels of this version, beginning as a copier of the shown prior."""
    network = UNet(len(channel_list(config.samples.steps)), N_CLASS, config.network.base_width, config.network.depth, config.samples.steps,
                   config.network.dropout)
    network.start_from_prior(prior_channels())
    return network


def prior_channels() -> dict[int, int]:
    """Position of the channel that shows each class of the prior."""
    names = [channel.name for channel in channel_list()]
    return {index: names.index(f"prior.{name}") for index, name in enumerate(CLASS_NAMES) if index != OCEAN}


class Task(lightning.LightningModule):
    """The network with its loss and optimiser."""

    def __init__(self, config: TrainingConfig) -> None:
        super().__init__()
        self.config = config
        self.network = new_network(config).to(memory_format=torch.channels_last)
        self.losses: list[torch.Tensor] = []

        # In a tuple, so that it is no part of this module: not trained, not moved, not in the checkpoint.
        self._teacher = () if config.loss.teacher is None else (read_teacher(config.loss.teacher, config.samples.steps).to(memory_format=torch.channels_last),)

    def on_fit_start(self) -> None:
        for teacher in self._teacher:
            teacher.to(self.device)

    def training_step(self, batch: tuple[torch.Tensor, ...], _: int) -> torch.Tensor:
        x, target, weight = batch
        x, target = x.contiguous(memory_format=torch.channels_last), target.long().flatten(0, 1)
        logits = self.network(x).float().flatten(0, 1)
        loss = weighted_cross_entropy(logits, target, weight.flatten(0, 1))
        self.losses.append(loss.detach())
        for teacher in self._teacher:
            share = self.config.loss.teacher_share
            loss = (1.0 - share) * loss + share * divergence(logits, teacher(x).float().flatten(0, 1), target != IGNORE)
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> dict[str, object]:
        run = self.config.run
        optimiser = torch.optim.AdamW(self.parameters(), lr=run.learning_rate, weight_decay=run.weight_decay)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate_factor(step, run))
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class EpochLine(lightning.Callback):
    """One log line an epoch: step, mean loss, samples per second, and the share of the time spent waiting for samples.

    Each step begins from its own random state, so that dropout repeats in a resumed run.
    """

    def on_train_epoch_start(self, trainer: lightning.Trainer, task: Task) -> None:
        self.start = self.ready = time.monotonic()
        self.waited = 0.0

    def on_train_batch_start(self, trainer: lightning.Trainer, task: Task, batch: object, index: int) -> None:
        self.waited += time.monotonic() - self.ready
        torch.manual_seed(task.config.run.seed * 1_000_003 + trainer.global_step * trainer.world_size + trainer.global_rank)

    def on_train_batch_end(self, trainer: lightning.Trainer, task: Task, outputs: object, batch: object, index: int) -> None:
        self.ready = time.monotonic()

    def on_train_epoch_end(self, trainer: lightning.Trainer, task: Task) -> None:
        if not trainer.is_global_zero:
            return
        run, seconds = task.config.run, time.monotonic() - self.start
        n_sample = run.steps_per_epoch * task.config.samples.batch * trainer.world_size
        log.info("step %d of %d: loss %.4f, %.1f samples/s, loader %.0f %% of %.0f s", trainer.global_step, run.steps,
                 torch.stack(task.losses[-run.steps_per_epoch:]).mean().item(), n_sample / seconds, 100.0 * self.waited / seconds, seconds)


class WatchedCells(lightning.Callback):
    """Logs the accuracy on watched cells of the last training year with 0, 60 and 100 % of the prior hidden."""

    hidden_shares = (0.0, 0.6, 1.0)

    def __init__(self, sampler: Sampler, count: int = 8) -> None:
        self.patches = {share: sampler.check_patches(share, count) for share in self.hidden_shares}

    def on_train_epoch_end(self, trainer: lightning.Trainer, task: Task) -> None:
        if (trainer.current_epoch + 1) % task.config.run.check_every or not trainer.is_global_zero:
            return
        task.network.eval()
        line = [f"{share:.0%} hidden {watched_accuracy(task.network, patches):.4f}"
                for share, patches in self.patches.items() if patches]
        task.network.train()
        if line:
            log.info("watched cells, accuracy: %s", ", ".join(line))


@torch.no_grad()
def watched_accuracy(network: UNet, patches: list[tuple[np.ndarray, np.ndarray]]) -> float:
    """Share of right classes over all cells of the patches whose target is not IGNORE."""
    right = total = 0
    for x, target in patches:
        device = next(network.parameters()).device if isinstance(network, torch.nn.Module) else "cpu"
        predicted = network(torch.from_numpy(x)[None].to(device))[0].argmax(dim=1).cpu().numpy()
        seen = target != IGNORE
        right, total = right + int((predicted == target)[seen].sum()), total + int(seen.sum())
    return right / max(total, 1)


def fit(config: TrainingConfig, sampler: Sampler, *, fresh: bool = False, last_epoch: int | None = None,
        progress: bool = True) -> Task:
    """Train until `run.steps`, from the checkpoint in `run.directory` if there is one and `fresh` is not asked for.

    `last_epoch` stops earlier without changing the schedule; a later call goes on as if nothing had happened.
    """
    run = config.run
    lightning.seed_everything(run.seed, verbose=False)
    torch.set_num_threads(run.threads)
    checkpoint = run.directory / "last.ckpt"
    if fresh:
        checkpoint.unlink(missing_ok=True)
    n_sample = run.steps_per_epoch * config.samples.batch * run.devices
    loader = DataLoader(SampleTable(sampler, n_sample), batch_size=config.samples.batch, sampler=EpochOrder(n_sample),
                        num_workers=run.loader_workers, persistent_workers=run.loader_workers > 0, pin_memory=run.accelerator == "gpu")
    keep = lightning.pytorch.callbacks.ModelCheckpoint(run.directory, filename="last", every_n_epochs=1,
                                                       enable_version_counter=False, save_on_train_epoch_end=True)
    trainer = lightning.Trainer(
        accelerator=run.accelerator, devices=run.devices, precision=run.precision, logger=False,
        strategy="ddp" if run.devices > 1 else "auto", callbacks=[keep, EpochLine(), WatchedCells(sampler)],
        max_epochs=last_epoch or run.steps // run.steps_per_epoch, enable_progress_bar=progress,
        enable_model_summary=False, num_sanity_val_steps=0, use_distributed_sampler=False, gradient_clip_val=1.0,
    )
    task = Task(config)
    if run.start_from is not None and not checkpoint.is_file():
        task.network.load_state_dict(cut_to(network_state(run.start_from), config.network.depth))
    trainer.fit(task, loader, ckpt_path=str(checkpoint) if checkpoint.is_file() else None, weights_only=True)
    return task


def trained_network(config: TrainingConfig) -> UNet:
    """The network of the checkpoint in `run.directory`, in evaluation mode."""
    network = new_network(config)
    network.load_state_dict(network_state(config.run.directory / "last.ckpt"))
    return network.to(memory_format=torch.contiguous_format).eval()


def trained_steps(config: TrainingConfig) -> int:
    """Optimiser steps behind the checkpoint in `run.directory`."""
    return int(torch.load(config.run.directory / "last.ckpt", map_location="cpu", weights_only=True)["global_step"])
