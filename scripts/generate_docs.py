"""Generate the screenshot and the key table: `python scripts/generate_docs.py`."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tui_trainer.config.preset import load
from tui_trainer.host.spec import host_spec
from tui_trainer.session.in_process import InProcessSession
from tui_trainer.ui.actions import key_table
from tui_trainer.ui.app import TrainerApp

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "screen.svg"
README = ROOT / "README.md"
SIZE = (140, 40)
BEGIN, END = "<!-- keys: written by scripts/generate_docs.py -->\n", "<!-- end of keys -->"


def with_keys(text: str) -> str:
    """The README with the key table of today between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{key_table()}\n{END}{after}"


def take_picture() -> None:
    """Train the default preset with the screen open, drop the rate by hand on the way, and keep what is seen."""
    os.environ["LOGNAME"] = "ada"
    with tempfile.TemporaryDirectory() as directory:
        spec = host_spec(
            load("digits-mlp", ["training.device=cpu"]), directory, "digits-mlp", ["scripts/generate_docs.py"]
        )
        session = InProcessSession(spec)
        app = TrainerApp(session, environ={"TERM": "xterm-256color", "COLORTERM": "truecolor"}, max_fps=2)
        asyncio.run(_watch(app))
        session.join()


async def _watch(app: TrainerApp) -> None:
    async with app.run_test(size=SIZE) as pilot:
        await _until(pilot, app, epoch=55)
        await pilot.press("k")
        await _until(pilot, app, epoch=95)
        await pilot.press("space")
        await _until(pilot, app, status="paused")
        await pilot.pause(1.0)
        PICTURE.write_text(re.sub(r"terminal-\d+-", "terminal-", app.export_screenshot(title="tui-trainer")))
        await pilot.press("x")
        await _until(pilot, app, status="finished")


async def _until(pilot: Pilot[Any], app: TrainerApp, *, epoch: int = 0, status: str = "") -> None:
    while True:
        state = app.dashboard.selected_run if app.dashboard is not None else None
        if state is not None and state.epoch >= epoch and status in ("", state.status):
            return
        await pilot.pause(0.05)


if __name__ == "__main__":
    take_picture()
    README.write_text(with_keys(README.read_text()))
