"""Take the screenshots of docs/monitor.md, watch.md and integrations.md: `python scripts/script_screens.py [NAME ...]`.

Each is a real screen on a training that is not ours: a GAN with a `Monitor`, a character model that is not edited, and
a Lightning module with our callback (where pytorch-lightning is installed).
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

from textual.pilot import Pilot

from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import RunInfo
from tui_trainer.session.connect import find_live, join
from tui_trainer.ui.app import TrainerApp

DOCS = Path(__file__).parents[1] / "docs"
SIZE = (140, 40)
TIMEOUT = 600.0
"""Seconds that a training may take to reach its steps on a busy machine."""

GAN = """
import time
import torch
from torch import nn
from tui_trainer import Monitor

torch.manual_seed(0)
generator = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 1))
judge = nn.Sequential(nn.Linear(1, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
optimizers = {
    "generator": torch.optim.Adam(generator.parameters(), 1e-3, betas=(0.5, 0.9)),
    "judge": torch.optim.Adam(judge.parameters(), 2e-3, betas=(0.5, 0.9)),
}
noise = {"width": 0.1}
models = {"generator": generator, "judge": judge}
with Monitor("gan", model=models, optimizer=optimizers, quiet=True) as monitor:
    monitor.knob("noise", get=lambda: noise["width"], set=lambda width: noise.update(width=width), low=0, high=1)
    monitor.action("sample", lambda: monitor.log_histogram("samples", generator(torch.randn(2000, 2))))
    for epoch in monitor.epochs(40):
        for _ in monitor.batches(range(50)):
            real = torch.randn(64, 1) * 0.5 + torch.randint(2, (64, 1)) * 4 - 2
            made = generator(torch.randn(64, 2))
            width = noise["width"]
            on_real = judge(real + width * torch.randn(64, 1))
            on_made = judge(made.detach() + width * torch.randn(64, 1))
            loss = nn.functional.softplus(-on_real).mean() + nn.functional.softplus(on_made).mean()
            optimizers["judge"].zero_grad()
            loss.backward()
            optimizers["judge"].step()
            fooled = nn.functional.softplus(-judge(made)).mean()
            optimizers["generator"].zero_grad()
            fooled.backward()
            optimizers["generator"].step()
            monitor.log({"judge/loss": loss, "judge/on real": on_real.sigmoid().mean()}, loss=fooled)
            time.sleep(0.004)
        monitor.log_histogram("samples", generator(torch.randn(2000, 2)))
"""

CHARACTERS = """
import this
import torch
from torch import nn

torch.manual_seed(0)
text = "".join(this.d.get(letter, letter) for letter in this.s)
letters = sorted(set(text))
codes = torch.tensor([letters.index(letter) for letter in text])
embedding, layer = nn.Embedding(len(letters), 24), nn.GRU(24, 64, batch_first=True)
model = nn.ModuleList([embedding, layer, nn.Linear(64, len(letters))])
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(1, 2001):
    at = torch.randint(len(codes) - 33, (16, 1)) + torch.arange(33)
    hidden, _ = layer(embedding(codes[at[:, :-1]]))
    loss = nn.functional.cross_entropy(model[2](hidden).flatten(0, 1), codes[at[:, 1:]].flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 5 == 0:
        print(f"step {step}: train loss {loss.item():.4f}", flush=True)
"""

LIGHTNING = """
import time
import pytorch_lightning as lightning
import torch
from torch import nn
from tui_trainer.integrations.lightning import MonitorCallback


class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 1))

    def training_step(self, batch, index):
        time.sleep(0.005)
        return (self.model(batch) - batch.square().sum(1, keepdim=True)).square().mean()

    def validation_step(self, batch, index):
        self.log("val_loss", (self.model(batch) - batch.square().sum(1, keepdim=True)).square().mean())

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=0.003)


lightning.seed_everything(0)
loaders = [torch.utils.data.DataLoader(torch.randn(size, 16), 32) for size in (1024, 256)]
callback = MonitorCallback("lightning", quiet=True)
options = {"enable_progress_bar": False, "logger": False, "enable_checkpointing": False, "accelerator": "cpu"}
lightning.Trainer(max_epochs=60, callbacks=[callback], **options).fit(Module(), *loaders)
"""


@dataclass(frozen=True, slots=True)
class Shot:
    """A screenshot.

    Attributes:
        script: the training.
        step: the step at which the keys are pressed.
        later: the step at which the picture is taken.
        keys: keys to press before the picture is taken, after which the training goes on.
        last: keys that show what the picture is to show.
        watched: whether the script runs under `tui-trainer watch`.
    """

    script: str
    step: int
    later: int
    keys: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    watched: bool = False


SHOTS = {
    "monitor": Shot(GAN, 500, 900, ("o", "d"), ("o",)),
    "watch": Shot(CHARACTERS, 200, 300, ("o", "d"), watched=True),
    "integrations": Shot(LIGHTNING, 400, 800, ("o", "d")),
}


def take(name: str, shot: Shot) -> str:
    """Run the script with the screen open; return the screen as SVG."""
    os.environ["LOGNAME"] = "ada"
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "train.py"
        script.write_text(shot.script)
        command = [sys.executable, str(script)]
        if shot.watched:
            options = ["--headless", "--name", "characters", "--runs-dir", folder]
            command = [sys.executable, "-m", "tui_trainer", "watch", *options, "--", *command]
        environ = os.environ | {"TUI_TRAINER_RUNS": folder, "PYTHONPATH": str(DOCS.parent), "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, env=environ, cwd=folder, stdout=subprocess.DEVNULL)
        try:
            app = TrainerApp(
                join(_live(folder, process)), environ={"TERM": "xterm-256color", "COLORTERM": "truecolor"}, max_fps=2
            )
            return asyncio.run(_steer(app, name, shot))
        finally:
            if shot.watched:
                process.terminate()  # it ends the script
            else:
                process.kill()
            process.wait(60)


def _live(folder: str, process: subprocess.Popen[bytes]) -> RunInfo:
    deadline = monotonic() + TIMEOUT
    while monotonic() < deadline and process.poll() is None:
        try:
            return find_live("", folder)
        except UserError:
            sleep(0.2)
    raise TimeoutError("the script made no run")


async def _steer(app: TrainerApp, name: str, shot: Shot) -> str:
    async with app.run_test(size=SIZE) as pilot:
        await _until(pilot, app, shot.step)
        await pilot.press(*shot.keys)
        await _until(pilot, app, shot.later)
        await pilot.press("space")
        await pilot.pause(2.0)
        await pilot.press(*shot.last)
        await pilot.pause(1.0)
        return re.sub(r"terminal-\d+-", "terminal-", app.export_screenshot(title=f"tui-trainer: {name}"))


async def _until(pilot: Pilot[object], app: TrainerApp, step: int) -> None:
    deadline = monotonic() + TIMEOUT
    while monotonic() < deadline:
        view = app.dashboard.view_state if app.dashboard is not None else None
        if view is not None and any(run.step >= step for run in view.store.states.values()):
            return
        await pilot.pause(0.2)
    raise TimeoutError(f"the training did not reach step {step}")


def main() -> None:
    """Take the screenshots that are named, or all."""
    for name in sys.argv[1:] or SHOTS:
        (DOCS / f"{name}.svg").write_text(take(name, SHOTS[name]))


if __name__ == "__main__":
    main()
