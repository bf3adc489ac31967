"""Trains a run in several forked processes of this test, without a host."""

from __future__ import annotations

import multiprocessing
import os
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.ranks.channel import PATIENCE, GlooChannel
from tui_trainer.engine.ranks.ranks import JoinedRanks
from tui_trainer.engine.trainer import Trainer
from tui_trainer.protocol import events as ev

Made = Callable[[Trainer, list[ev.AnyEvent]], Any]


def config_of(*changes: str, preset: str = "digits-mlp") -> RunConfig:
    """Return the configuration of a preset with changes."""
    from tui_trainer.config.preset import load

    return load(preset, list(changes)).first


def in_ranks(size: int, folder: Path, work: Callable[[GlooChannel], Any]) -> list[Any]:
    """Call a function in so many processes. Returns what each returned, in the order of the ranks."""
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    torch.set_num_threads(1)  # a pool of threads does not survive a fork
    context = multiprocessing.get_context("fork")
    results: Any = context.SimpleQueue()
    store = folder / "store"
    file_store: Any = dist.FileStore  # pyright: ignore[reportPrivateImportUsage]

    def enter(rank: int) -> None:
        try:
            dist.init_process_group(
                "gloo", store=file_store(str(store), size), rank=rank, world_size=size, timeout=PATIENCE
            )
            results.put((rank, work(GlooChannel()), ""))
        except BaseException:  # noqa: BLE001
            results.put((rank, None, traceback.format_exc()))
        os._exit(0)

    processes = [context.Process(target=enter, args=(rank,), daemon=True) for rank in range(size)]
    for process in processes:
        process.start()
    made: dict[int, Any] = {}
    try:
        for _ in range(size):
            rank, value, error = results.get()
            assert not error, f"rank {rank}: {error}"
            made[rank] = value
    finally:
        for process in processes:
            process.kill()
            process.join()
        store.unlink(missing_ok=True)
    return [made[rank] for rank in range(size)]


def train(
    config: RunConfig, ranks: JoinedRanks | None = None, prepare: Callable[[Trainer], None] | None = None
) -> Trainer:
    """Train a run to its end in this process."""
    trainer = Trainer("run", config, lambda event: None, CommandQueue(threading.Event()), ranks=ranks)
    trainer.set_up()
    trainer.begin(None)
    if prepare is not None:
        prepare(trainer)
    for _ in trainer.run():
        pass
    return trainer


def weights_of(trainer: Trainer) -> list[list[float]]:
    """Return all numbers of the model, parameter by parameter."""
    return [value.double().flatten().tolist() for value in trainer.services.setup.model.state_dict().values()]


def largest_difference(first: list[list[float]], second: list[list[float]]) -> float:
    """Return the largest difference of two models, relative to the largest weight of its parameter."""
    worst = 0.0
    for one, other in zip(first, second, strict=True):
        scale = max(map(abs, one)) or 1.0
        worst = max(worst, max(abs(a - b) for a, b in zip(one, other, strict=True)) / scale)
    return worst
