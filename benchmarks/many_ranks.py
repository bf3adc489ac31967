"""Rank 0 of many ranks that do not train: `python -m benchmarks.many_ranks FOLDER RANKS SECONDS`.

What arrives from the others is made up. All that rank 0 does with it is real: the tensors of the gather, the reports,
their aggregation, event, journal and socket. Half way another rank becomes the slow one. Prints one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from time import monotonic, process_time

import psutil
import torch

from tui_trainer.config.preset import dump, load
from tui_trainer.engine.ranks.beat import PERIOD, Report
from tui_trainer.engine.ranks.numbers import RankNumbers
from tui_trainer.host.restore import open_journal
from tui_trainer.host.serving import Serving
from tui_trainer.paths import socket_path
from tui_trainer.protocol import events as ev
from tui_trainer.runs.run_dir import Owner, RunDir

FIRST, SECOND = 7, 812
"""The slow rank of each half."""
STEPS = 60
"""Steps between two beats."""
BUSY, SLOW = 0.1, 0.2
"""Seconds of own work of a rank between two beats."""
CHANGED = "changed"
"""File with the time at which the second one becomes slow."""


class ManyRanks:
    """A run whose numbers come from many ranks.

    Args:
        folder: of the run.
        ranks: how many there are.
    """

    def __init__(self, folder: Path, ranks: int) -> None:
        self.folder, self.ranks, self.beats, self.seconds = RunDir(folder), ranks, 0, 0.0
        """`seconds`: of the CPU that rank 0 has spent; making up the numbers is not counted."""
        socket = str(socket_path(folder))
        self.folder.create(dump(load("digits-mlp").first), {}, Owner(os.getpid(), os.uname().nodename, socket))
        self.serving = Serving(socket, lambda command: "nothing trains here")
        self.serving.register()
        bus = self.serving.bus
        bus.add_run(folder.name)
        bus.attach_journal(folder.name, open_journal(self.folder))
        bus.publish(folder.name, ev.RunStarted(title=f"{ranks} ranks", steps_per_epoch=100_000, epochs=1, device="cpu"))
        bus.publish(folder.name, ev.StatusChanged(status="running"))
        self.numbers = RankNumbers(ranks)

    def beat(self, late: int, seconds: float) -> None:
        """Take in the numbers of all ranks, and publish the row that is due."""
        step = self.beats * STEPS
        rows = [
            torch.tensor([step, 0, STEPS, SLOW if rank == late else BUSY, 0.1, 0.01, 1e9], dtype=torch.float64)
            for rank in range(self.ranks)
        ]
        before = process_time()
        row = self.numbers.add([Report(*each) for each in torch.stack(rows).tolist()])
        if row:
            values: dict[str, list[float | None]] = {name: [value] for name, value in row.items()}
            values["train_loss"] = [1.0 / (1 + self.beats)]
            event = ev.Scalars(step=step, steps=[step], seconds=[round(seconds, 3)], values=values)
            self.serving.bus.publish(self.folder.name, event)
        self.seconds += process_time() - before
        self.beats += 1

    def serve(self, until: float) -> None:
        """Serve viewers until a time of `monotonic`."""
        before = process_time()
        self.serving.send()
        while (left := until - monotonic()) > 0:
            self.serving.wait(left)
            self.serving.send()
        self.seconds += process_time() - before


def main(folder: Path, ranks: int, seconds: float) -> dict[str, float]:
    """Take beats for so many seconds. Returns what they cost."""
    run, process = ManyRanks(folder, ranks), psutil.Process()
    memory, began, changed = process.memory_info().rss, monotonic(), False
    while (now := monotonic()) < began + seconds:
        half = now >= began + seconds / 2
        if half and not changed:
            changed = True
            (folder / CHANGED).write_text(repr(now))
        run.beat(min(SECOND, ranks - 1) if half else FIRST, now - began)
        run.serve(began + run.beats * PERIOD)
    grown = (process.memory_info().rss - memory) / 2**20
    run.serving.bus.close()
    size = run.folder.journal.stat().st_size
    return {"cpu": 100 * run.seconds / seconds, "grown": grown, "journal": size / seconds}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
