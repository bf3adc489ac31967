"""Take the screenshots of docs/lecture.md: `python scripts/lecture_screens.py [ROW ...]`.

Each is a real screen at the end of a lesson that was just trained, saved as docs/lecture/S02.svg and so on. The page
that `tui-trainer lecture --check --markdown docs/lecture.md --force` writes refers to the files that exist.
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
TIMEOUT = 1800.0
"""Seconds that a lesson may take on a busy machine."""


@dataclass(frozen=True, slots=True)
class Shot:
    """The screenshot of one row.

    Attributes:
        row: its number.
        preset: the lesson that is trained for it.
        keys: keys to press after all its runs have ended and all remarks were shown.
    """

    row: str
    preset: str
    keys: tuple[str, ...] = ()


SHOTS = (
    Shot("S02", "act-sign", ("escape",)),
    Shot("S04", "act-lab", ("tab", "tab", "tab")),
    Shot("S09", "head-regression", ("escape",)),
    Shot("S10", "head-binary", ("7",)),
    Shot("S11", "softmax"),
    Shot("S13", "label-smoothing", ("escape",)),
    Shot("S14", "memory", ("8",)),
    Shot("S15", "grad-noise", ("7",)),
    Shot("S17", "sampling", ("tab",)),
    Shot("S18", "gd-vs-sgd", ("escape", "4", "a")),
    Shot("S21", "robbins-monro", ("escape",)),
    Shot("S24", "schedules", ("escape",)),
    Shot("S25", "plateau-val", ("escape",)),
    Shot("S28", "zigzag", ("7",)),
    Shot("S30", "coord-scale", ("7",)),
    Shot("S33", "adagrad-dies"),
    Shot("S34", "rmsprop", ("8",)),
    Shot("S37", "lr-very-high", ("escape",)),
    Shot("S39", "lr-high", ("escape",)),
    Shot("S40", "too-few-epochs", ("escape",)),
    Shot("S43", "init-zero", ("7", "tab", "tab", "tab", "tab")),
    Shot("S44", "init-scale", ("escape",)),
    Shot("S45", "init-grid"),
    Shot("S47", "init-depth", ("8", "tab", "tab", "tab", "tab")),
    Shot("S48", "grad-norm-stop", ("7",)),
    Shot("S49", "early-stop", ("escape", "tab")),
    Shot("X01", "backprop", ("7",)),
    Shot("X02", "rate-range", ("escape",)),
    Shot("X04", "clipping", ("escape",)),
)


def take(shot: Shot) -> str:
    """Train the lesson with the screen open; return the screen at its end as SVG."""
    with tempfile.TemporaryDirectory() as directory:
        spec = host_spec(
            load(shot.preset, ["training.device=cpu"]), directory, shot.preset, ["scripts/lecture_screens.py"]
        )
        session = InProcessSession(spec, listen=False)
        app = TrainerApp(
            session,
            settings=Settings(words_per_minute=6000),
            environ={"TERM": "xterm-256color", "COLORTERM": "truecolor"},
            max_fps=2,
        )
        svg = asyncio.run(_play(app, shot))
        session.join()
    return svg


async def _play(app: TrainerApp, shot: Shot) -> str:
    async with app.run_test(size=SIZE) as pilot:
        await _wait_for_end(pilot, app)
        for key in shot.keys:
            await pilot.press(key)
        await pilot.pause(1.0)
        return re.sub(r"terminal-\d+-", "terminal-", app.export_screenshot(title=f"{shot.row} {shot.preset}"))


async def _wait_for_end(pilot: Pilot[object], app: TrainerApp) -> None:
    """Wait until every run has ended and the last remark was shown."""
    deadline = monotonic() + TIMEOUT
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
    raise TimeoutError(f"the lesson did not end within {TIMEOUT:.0f} s")


def main(rows: list[str]) -> None:
    """Take the screenshots of these rows, or of all rows where none is named; a row without a shot is an error."""
    unknown = sorted({*rows} - {shot.row for shot in SHOTS})
    if unknown:
        raise SystemExit(f"no screenshot is planned for {', '.join(unknown)}: add a Shot to SHOTS")
    FOLDER.mkdir(exist_ok=True)
    for shot in SHOTS:
        if not rows or shot.row in rows:
            path = FOLDER / f"{shot.row}.svg"
            path.write_text(take(shot), encoding="utf-8")
            print(path)


if __name__ == "__main__":
    main([row.upper() for row in sys.argv[1:]])
