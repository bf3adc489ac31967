"""Take the pictures of the lecture's page: real screens, each at the end of a lesson that was just trained.

Run it: `python scripts/lecture_screens.py [ROW ...]`. One file for each row, docs/lecture/S02.svg and so on; the page
that `tui-trainer lecture --check --markdown docs/lecture.md` writes refers to those that are there.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from textual.pilot import Pilot

from tui_trainer.config.preset import load
from tui_trainer.host.spec import host_spec
from tui_trainer.session.in_process import InProcessSession
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.settings import Settings

FOLDER = Path(__file__).parents[1] / "docs" / "lecture"
SIZE = (140, 40)
PATIENCE = 1800.0
"""Seconds that a lesson may take on a busy machine."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is to be seen of a row.

    Attributes:
        row: its number.
        preset: the lesson that is trained for it.
        keys: what is pressed when all its runs are over and all has been told.
    """

    row: str
    preset: str
    keys: tuple[str, ...] = ()


SIGHTS = (
    Sight("S02", "act-sign", ("escape",)),
    Sight("S04", "act-lab", ("tab", "tab", "tab")),
    Sight("S09", "head-regression", ("escape",)),
    Sight("S10", "head-binary", ("7",)),
    Sight("S11", "softmax"),
    Sight("S13", "label-smoothing", ("escape",)),
    Sight("S14", "memory", ("7",)),
    Sight("S15", "grad-noise", ("7",)),
    Sight("S17", "sampling", ("tab",)),
    Sight("S24", "schedules", ("escape",)),
    Sight("S25", "plateau-val", ("escape",)),
    Sight("S33", "adagrad-dies"),
    Sight("S39", "lr-high", ("escape",)),
    Sight("S43", "init-zero", ("7", "tab", "tab", "tab", "tab")),
    Sight("S44", "init-scale", ("escape",)),
    Sight("S45", "init-grid"),
    Sight("S47", "init-depth", ("8", "tab", "tab", "tab", "tab")),
    Sight("S48", "grad-norm-stop", ("7",)),
    Sight("S49", "early-stop", ("escape", "tab")),
)


def take(sight: Sight) -> str:
    """Train the lesson with the screen open; the screen at its end, as SVG."""
    with tempfile.TemporaryDirectory() as directory:
        spec = host_spec(
            load(sight.preset, ["training.device=cpu"]), directory, sight.preset, ["scripts/lecture_screens.py"]
        )
        session = InProcessSession(spec, listen=False)
        app = TrainerApp(
            session,
            settings=Settings(words_per_minute=6000),
            environ={"TERM": "xterm-256color", "COLORTERM": "truecolor"},
            max_fps=2,
        )
        seen = asyncio.run(_watch(app, sight))
        session.join()
    return seen


async def _watch(app: TrainerApp, sight: Sight) -> str:
    async with app.run_test(size=SIZE) as pilot:
        await _over(pilot, app)
        for key in sight.keys:
            await pilot.press(key)
        await pilot.pause(1.0)
        return re.sub(r"terminal-\d+-", "terminal-", app.export_screenshot(title=f"{sight.row} {sight.preset}"))


async def _over(pilot: Pilot[object], app: TrainerApp) -> None:
    """Until every run has ended and the last remark has come up."""
    deadline = monotonic() + PATIENCE
    while monotonic() < deadline:
        watch = app.dashboard.view_state if app.dashboard is not None else None
        narrator = watch.narrator if watch is not None else None
        if (
            watch is not None
            and watch.store.over
            and narrator is not None
            and narrator.finished(True, monotonic(), -60)
        ):
            return
        await pilot.pause(0.2)
    raise TimeoutError(f"not over after {PATIENCE:.0f} s")


def main(rows: list[str]) -> None:
    """Take the pictures of these rows, of all where none is named."""
    FOLDER.mkdir(exist_ok=True)
    for sight in SIGHTS:
        if not rows or sight.row in rows:
            (FOLDER / f"{sight.row}.svg").write_text(take(sight), encoding="utf-8")


if __name__ == "__main__":
    main([row.upper() for row in sys.argv[1:]])
