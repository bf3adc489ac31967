"""A DDP loop with and without a trainer around it, in turns in the same processes.

`python -m benchmarks.rank_loop RANK SIZE FOLDER TURNS` is one of SIZE processes, which find each other in FOLDER. Rank
0 prints a line of JSON for each turn: seconds, seconds of CPU of all ranks, and steps.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.ranks.channel import GlooChannel
from tui_trainer.engine.ranks.ranks import JoinedRanks
from tui_trainer.engine.trainer import Trainer
from tui_trainer.host.event_bus import EventBus
from tui_trainer.runs.journal import Journal

STEPS = 400
"""Steps of a turn."""
CONFIG = {
    "data": {"kind": "moons", "samples": 50_000, "batch_size": 128},
    "model": {"kind": "mlp", "hidden": [256, 256]},
    "optimizer": {"kind": "adam", "lr": 0.001},
    # What a run of one process measures, too, has figures of its own.
    "training": {
        "epochs": 100_000, "validate_every": 100_000, "norm_every": 1_000_000, "layers_every": 0, "probe_every": 0,
        "threads": 1, "device": "cpu",
    },
    "early_stopping": {"enabled": False},
    "checkpoints": {"every_seconds": 1e6},
}  # fmt: skip


def bare(trainer: Trainer, size: int, rank: int) -> Iterator[bool]:
    """Train the model of the trainer once more, in a loop as it is written by hand."""
    setup = trainer.services.setup
    torch.manual_seed(0)
    model: nn.Module = trainer.config.model.build(setup.data.shape, 2, torch.Generator().manual_seed(0))
    wrapped = DistributedDataParallel(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001, fused=True)
    loss_of = nn.CrossEntropyLoss()
    inputs, targets = setup.data.train.inputs, setup.data.train.targets
    whole = trainer.config.data.batch_size
    total = torch.zeros(())
    while True:
        order: Tensor = torch.randperm(len(inputs))
        for at in range(0, len(inputs) - whole + 1, whole):
            mine = order[at : at + whole][rank * whole // size : (rank + 1) * whole // size]
            optimizer.zero_grad()
            outputs = wrapped(inputs[mine])
            loss = loss_of(outputs, targets[mine])
            loss.backward()
            optimizer.step()
            total += loss.detach()
            yield True


def main(rank: int, size: int, folder: Path, turns: int) -> None:
    """Train in turns."""
    torch.set_num_threads(1)
    here: Any = dist
    dist.init_process_group("gloo", store=here.FileStore(str(folder / "store"), size), rank=rank, world_size=size)
    channel = GlooChannel()
    ranks = JoinedRanks(channel)
    bus = EventBus()
    if rank == 0:
        bus.add_run("run")
        bus.attach_journal("run", Journal(folder / "events.jsonl"))
    publish = (lambda event: bus.publish("run", event)) if rank == 0 else (lambda event: None)
    trainer = Trainer("run", RunConfig.model_validate(CONFIG), publish, CommandQueue(threading.Event()), ranks=ranks)
    trainer.set_up()
    trainer.begin(None)
    loops = {"without": bare(trainer, size, rank), "with": trainer.run()}
    done = threading.Event()
    flusher = threading.Thread(target=lambda: [bus.flush() for _ in iter(lambda: done.wait(0.1), True)], daemon=True)
    flusher.start()
    for turn in range(-1, turns):
        names = list(loops) if turn % 2 else list(reversed(loops))
        for name in names:
            dist.barrier()
            began, used = perf_counter(), process_time()
            for _ in range(STEPS):
                next(loops[name])
            seconds = perf_counter() - began
            spent = sum(each[0] for each in channel.gather([process_time() - used]))
            if rank == 0 and turn >= 0:
                line = {"loop": name, "seconds": seconds, "cpu": spent, "steps": STEPS}
                sys.stdout.write(json.dumps(line) + "\n")
                sys.stdout.flush()
    done.set()
    dist.barrier()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
