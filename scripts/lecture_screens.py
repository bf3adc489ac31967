"""Take the screenshots of docs/lecture.md: `python scripts/lecture_screens.py [ROW ...]`.

Each is a real screen of a lesson that was just trained, back at the remark that shows what the row says, saved as
docs/lecture/S02.svg and so on, with a line in docs/lecture.md that shows it. The page that `tui-trainer lecture --check
--markdown docs/lecture.md --force` writes keeps the lines of the files that exist.
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
from tui_trainer.lecture.page_file import with_picture
from tui_trainer.session.in_process import InProcessSession
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "lecture.md"
FOLDER = PAGE.with_suffix("")
SIZE = (140, 40)
TIMEOUT = 1800.0
"""Seconds that a lesson may take on a busy machine."""


@dataclass(frozen=True, slots=True)
class Shot:
    """The screenshot of one row.

    Attributes:
        row: its number.
        preset: the lesson that is trained for it.
        remark: index of the remark that shows what the row says, to go back to when all runs have ended.
        keys: keys to press then.
    """

    row: str
    preset: str
    remark: int
    keys: tuple[str, ...] = ()


SHOTS = (
    Shot("S02", "act-sign", 0),
    Shot("S04", "act-lab", 2),
    Shot("S09", "head-regression", 2),
    Shot("S10", "head-binary", 2),
    Shot("S11", "softmax", 2),
    Shot("S13", "label-smoothing", 3, ("tab", "tab")),
    Shot("S14", "memory", 2),
    Shot("S15", "grad-noise", 1),
    Shot("S17", "sampling", 3),
    Shot("S18", "gd-vs-sgd", 0),
    Shot("S19", "gd-vs-sgd", 1),
    Shot("S20", "gd-vs-sgd", 3),
    Shot("S21", "robbins-monro", 3),
    Shot("S24", "schedules", 2),
    Shot("S25", "plateau-val", 0),
    Shot("S28", "zigzag", 0),
    Shot("S30", "coord-scale", 0),
    Shot("S33", "adagrad-dies", 4),
    Shot("S34", "rmsprop", 2),
    Shot("S37", "lr-very-high", 2),
    Shot("S39", "lr-high", 1),
    Shot("S40", "too-few-epochs", 2),
    Shot("S43", "init-zero", 0),
    Shot("S44", "init-scale", 1),
    Shot("S45", "init-grid", 2),
    Shot("S47", "init-depth", 2),
    Shot("S48", "grad-norm-stop", 1),
    Shot("S49", "early-stop", 3),
    Shot("X01", "backprop", 2),
    Shot("X02", "rate-range", 3),
    Shot("X04", "clipping", 1),
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
        await _go_back(pilot, app, shot.remark)
        for key in shot.keys:
            await pilot.press(key)
        await pilot.pause(1.0)
        return re.sub(r"terminal-\d+-", "terminal-", app.export_screenshot(title=f"{shot.row} {shot.preset}"))


async def _go_back(pilot: Pilot[object], app: TrainerApp, remark: int) -> None:
    """Let the lesson guide, so that a remark puts in front what it speaks of, and go back to one."""
    assert app.dashboard is not None
    narrator = app.dashboard.view_state.narrator
    await pilot.press("enter", *["left_parenthesis"] * (len(narrator.shown) - 1 - narrator.shown.index(remark)))
    await pilot.pause(6.0)  # until the message about the guiding has gone
    assert narrator.shown[narrator.page] == remark


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
            page = PAGE.read_text(encoding="utf-8")
            PAGE.write_text(with_picture(page, shot.row, f"{FOLDER.name}/{path.name}"), encoding="utf-8")
            print(path, flush=True)


if __name__ == "__main__":
    main([row.upper() for row in sys.argv[1:]])
