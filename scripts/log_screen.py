"""Take the screenshot of docs/logs.md: `python scripts/log_screen.py`. It needs the package tensorboard.

A plain loop in torch writes a TensorBoard folder with `SummaryWriter`; the same data is trained by `tui-trainer run`;
one screen shows both.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic

from tui_trainer.cli.open_logs import named_entries, session_of
from tui_trainer.ui.app import TrainerApp

DOCS = Path(__file__).parents[1] / "docs"
SIZE = (140, 40)
TIMEOUT = 300.0
"""Seconds that reading may take on a busy machine."""

PLAIN = """
import sys
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.tensorboard import SummaryWriter

torch.manual_seed(0)
digits = load_digits()
x, y = torch.tensor(digits.data, dtype=torch.float32) / 16, torch.tensor(digits.target)
held_out = torch.rand(len(x)) < 0.2
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 150, 0.5)
with SummaryWriter(sys.argv[1]) as writer:
    for step in range(1, 601):
        batch = torch.randint(len(x), (64,))
        loss = nn.functional.cross_entropy(model(x[batch]), y[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        writer.add_scalar("train/loss", loss, step)
        writer.add_scalar("lr", schedule.get_last_lr()[0], step)
        schedule.step()
        if step % 20 == 0:
            with torch.no_grad():
                writer.add_scalar("val/loss", nn.functional.cross_entropy(model(x[held_out]), y[held_out]), step)
"""


def take() -> str:
    """Train both ways and return the screen as SVG."""
    environ = os.environ | {"PYTHONPATH": str(DOCS.parent), "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        board, runs = Path(folder) / "tb" / "plain-loop", Path(folder) / "runs"
        subprocess.run([sys.executable, "-c", PLAIN, str(board)], env=environ, check=True)
        options = ["training.epochs=7", "--headless", "--name", "own", "--runs-dir", str(runs)]
        command = [sys.executable, "-m", "tui_trainer", "run", "digits-mlp", *options]
        subprocess.run(command, env=environ, check=True, stdout=subprocess.DEVNULL)
        session = session_of(named_entries([str(board.parent), "last"], runs, {}), {})
        app = TrainerApp(session, environ={"TERM": "xterm-256color", "COLORTERM": "truecolor"})
        return asyncio.run(_shown(app))


async def _shown(app: TrainerApp) -> str:
    deadline = monotonic() + TIMEOUT
    async with app.run_test(size=SIZE) as pilot:
        while monotonic() < deadline:
            view = app.dashboard.view_state if app.dashboard is not None else None
            if view is not None and len(view.store.states) == 2 and view.store.loaded == 1:
                break
            await pilot.pause(0.2)
        else:
            raise TimeoutError("the runs were not read")
        await pilot.pause(3.0)
        return re.sub(r"terminal-\d+-", "terminal-", app.export_screenshot(title="tui-trainer: open tb/ last"))


if __name__ == "__main__":
    (DOCS / "logs.svg").write_text(take(), encoding="utf-8")
