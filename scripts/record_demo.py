"""Record a steered training as one animated SVG: `python scripts/record_demo.py`.

The viewer runs without a terminal on a real training of `digits-mlp`; keys are pressed on the way. Each frame is the
screen as Textual exports it. A row that looks the same in several frames is stored once. The result, docs/demo.svg,
needs no script and no network: CSS keyframes switch between the frames, and a reader who asked for less motion sees
the last one.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from time import monotonic
from xml.etree import ElementTree

from textual.pilot import Pilot

from tui_trainer.config.preset import load
from tui_trainer.host.spec import host_spec
from tui_trainer.session.launch import launch
from tui_trainer.ui.actions import BY_ID, shown_key
from tui_trainer.ui.app import TrainerApp

OUTPUT = Path(__file__).parents[1] / "docs" / "demo.svg"
SIZE = (112, 32)
CELL = (12.2, 24.4)
"""Width and height of a terminal cell in the SVG that Rich exports."""
BASELINE = 20
"""Of the first row, in that SVG."""
MARGIN = 12.0
CAPTION = 44.0
"""Height of the line under the screen that names the key."""
SETTINGS = (
    "training.device=cpu",
    "training.epochs=300",
    "training.steps_per_second=400",
    "early_stopping.enabled=false",
)
"""A run that is long and slow enough to last until the end of the recording, on a busy machine too."""
TIMEOUT = 300.0
"""Seconds that the training may take to reach the next frame."""
SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment of the recording.

    Attributes:
        svg: the screen as Textual exports it.
        seconds: time that the frame stays.
        caption: the line under it.
    """

    svg: str
    seconds: float
    caption: str


@dataclass(slots=True)
class Recording:
    """The frames of one steered training, in order."""

    pilot: Pilot[object]
    app: TrainerApp
    frames: list[Frame] = field(default_factory=list[Frame])

    @property
    def epoch(self) -> int:
        """Epochs that have ended."""
        return self.app.dashboard.selected_run.epoch if self.app.dashboard is not None else 0

    def shoot(self, seconds: float, caption: str) -> None:
        """Append the screen of this moment. Raises `SystemExit` if the run is over: the machine was too busy."""
        if self.app.dashboard is not None and self.app.dashboard.selected_run.over:
            raise SystemExit("the run ended before the recording; record again on a less busy machine")
        self.frames.append(Frame(self.app.export_screenshot(title=""), seconds, caption))

    async def watch(self, frames: int, epochs: int, caption: str) -> None:
        """Append frames that are some epochs apart."""
        deadline = monotonic() + TIMEOUT
        for _ in range(frames):
            until = self.epoch + epochs
            while self.epoch < until:
                if monotonic() > deadline:
                    raise TimeoutError(f"epoch {until} was not reached within {TIMEOUT:.0f} s")
                await self.pilot.pause(0.02)
            self.shoot(0.4, caption)

    async def press(self, keys: Sequence[str], seconds: float, caption: str) -> None:
        """Press keys, let the screen answer, and append a frame."""
        for key in keys:
            await self.pilot.press(key)
        await self.pilot.pause(0.7)
        self.shoot(seconds, caption)


def caption(action: str) -> str:
    """Return the key of an action and what it does, from the table of keys."""
    chosen = BY_ID[action]
    return f"{shown_key(chosen, {})}   {chosen.help}"


async def steer(recording: Recording) -> None:
    """Play the recording: train, read the diagnosis, act on it, change the schedule, drop the rate, pause."""
    await recording.watch(8, 2, "tui-trainer run digits-mlp")
    await recording.press(("i",), 2.4, caption("diagnosis"))
    await recording.pilot.press("i")
    await recording.press(("o",), 1.6, caption("steer"))
    await recording.press(("r",), 1.0, caption("rate"))
    await recording.press(tuple("0.002"), 1.4, caption("rate"))
    await recording.press(("enter",), 0.8, caption("rate"))
    await recording.watch(6, 5, "each change is marked on every chart")
    await recording.press(("s",), 1.0, caption("schedule"))
    await recording.press(("down",), 1.6, caption("schedule"))
    await recording.press(("enter",), 0.8, caption("schedule"))
    await recording.watch(5, 7, "the fainter line is the learning rate to come")
    await recording.press(("o", "d"), 0.9, caption("drop_rate"))
    await recording.watch(5, 7, "each change is marked on every chart")
    await recording.press(("space",), 2.5, caption("pause"))
    await recording.pilot.press("o", "x", "enter")


def record() -> list[Frame]:
    """Train with the screen open and return the frames."""
    os.environ["LOGNAME"] = "ada"
    with tempfile.TemporaryDirectory() as directory:
        preset = load("digits-mlp", SETTINGS)
        spec = host_spec(preset, directory, "digits-mlp", ["scripts/record_demo.py"])
        host = launch(spec)
        app = TrainerApp(host.session(), environ={"TERM": "xterm-256color", "COLORTERM": "truecolor"}, max_fps=4)
        try:
            frames = asyncio.run(_run(app))
        finally:
            host.process.terminate()  # after `x` it is on its way out, and stops in the same way
            host.process.wait(TIMEOUT)
    return frames


async def _run(app: TrainerApp) -> list[Frame]:
    async with app.run_test(size=SIZE) as pilot:
        recording = Recording(pilot, app)
        await steer(recording)
        return recording.frames


class Styles:
    """Short class names for the text styles of all frames."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def name(self, css: str) -> str:
        """Return the class of a style, a new one where it has not been seen."""
        return self._names.setdefault(css, f"s{len(self._names)}")

    def css(self) -> str:
        """Return the rules of all styles."""
        return "".join(f".{name}{{{css}}}" for css, name in self._names.items())


def rows_of(svg: str, styles: Styles, background: str) -> list[str]:
    """Return the markup of each terminal row of an exported screen, as if its baseline were at zero."""
    root = ElementTree.fromstring(svg)
    rules = dict(re.findall(r"\.([\w-]+-r\d+) \{ (.*?) \}", svg))
    rows = [""] * SIZE[1]
    fills: list[list[tuple[float, float, str]]] = [[] for _ in rows]
    for element in root.iter():
        x, y = (float(element.get(name, "0")) for name in ("x", "y"))
        if element.tag == f"{SVG}rect" and element.get("shape-rendering"):
            width, fill = float(element.get("width", "0")), element.get("fill", "")
            row = fills[int(y // CELL[1])]
            if row and row[-1][2] == fill and abs(row[-1][0] + row[-1][1] - x) < 0.1:
                x, width = row[-1][0], row.pop()[1] + width
            row.append((x, width, fill))
        elif element.tag == f"{SVG}text" and element.get("textLength"):
            text = (element.text or "").replace("\n", "")
            index = round((y - BASELINE) / CELL[1])
            if text.strip("\xa0 ") and index < SIZE[1]:
                x += CELL[0] * (len(text) - len(text.lstrip("\xa0")))
                text = text.strip("\xa0")
                # Fonts differ a little in the width of a cell, and much where they borrow braille from another font.
                long = len(text) > 8 or (len(text) > 1 and not text.isascii())
                length = f' textLength="{CELL[0] * len(text):.5g}"' if long else ""
                style = styles.name(rules[element.get("class", "")])
                rows[index] += f'<text class="{style}" x="{x:.5g}"{length}>{escape(text)}</text>'
    return [_rectangles(row, background) + texts for row, texts in zip(fills, rows, strict=True)]


def _rectangles(fills: Sequence[tuple[float, float, str]], background: str) -> str:
    """Return the coloured backgrounds of one row."""
    size = f'y="-{BASELINE}" height="{CELL[1] + 0.3:.4g}"'
    return "".join(
        f'<rect x="{x:.5g}" width="{width:.5g}" {size} fill="{fill}"/>'
        for x, width, fill in fills
        if fill != background
    )


def assemble(frames: Sequence[Frame]) -> str:
    """Return one SVG that shows the frames one after the other, again and again."""
    styles = Styles()
    colours = Counter(re.findall(r'<rect fill="(#\w+)"[^>]*shape-rendering', "".join(frame.svg for frame in frames)))
    background = colours.most_common(1)[0][0] if colours else "#11131a"
    pages = [rows_of(frame.svg, styles, background) for frame in frames]
    uses = Counter(row for page in pages for row in page if row)
    shared = {row: f"r{number}" for number, row in enumerate(row for row, count in uses.items() if count > 1)}
    total = sum(frame.seconds for frame in frames)
    width, height = SIZE[0] * CELL[0], SIZE[1] * CELL[1]
    keyframes: list[str] = []
    groups: list[str] = []
    start = 0.0
    for number, (frame, page) in enumerate(zip(frames, pages, strict=True)):
        begin, end = 100 * start / total, 100 * (start + frame.seconds) / total
        hidden = "" if number == 0 else "0%{visibility:hidden}"
        after = "" if number == len(frames) - 1 else f"{end:.3f}%{{visibility:hidden}}"
        keyframes.append(f"@keyframes k{number}{{{hidden}{begin:.3f}%{{visibility:visible}}{after}}}")
        keyframes.append(f"#f{number}{{animation-name:k{number}}}")
        content = "".join(
            f'<use href="#{shared[row]}" y="{CELL[1] * place + BASELINE:.5g}"/>'
            if row in shared
            else f'<g transform="translate(0,{CELL[1] * place + BASELINE:.5g})">{row}</g>'
            for place, row in enumerate(page)
            if row
        )
        words = escape(frame.caption.replace("   ", "\xa0\xa0\xa0"))
        groups.append(
            f'<g class="f" id="f{number}">{content}'
            f'<text class="c" x="{width / 2:.5g}" y="{height + 34:.5g}">{words}</text></g>'
        )
        start += frame.seconds
    last = len(frames) - 1
    css = (
        "text{font-family:'Fira Code','DejaVu Sans Mono',Menlo,Consolas,monospace;font-size:20px;white-space:pre}"
        ".c{fill:#e8ecef;text-anchor:middle;font-weight:bold}"
        f".f{{visibility:hidden;animation:{total:.2f}s step-end infinite}}#f{last}{{visibility:visible}}"
        "@media (prefers-reduced-motion:reduce){.f{animation:none}}" + styles.css() + "".join(keyframes)
    )
    definitions = "".join(f'<g id="{name}">{row}</g>' for row, name in shared.items())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{-MARGIN} {-MARGIN} {width + 2 * MARGIN:.6g} '
        f'{height + CAPTION + 2 * MARGIN:.6g}"><title>A training steered from the terminal</title><style>{css}</style>'
        f"<defs>{definitions}</defs>"
        f'<rect x="{-MARGIN}" y="{-MARGIN}" width="100%" height="100%" rx="8" fill="{background}"/>\n'
        + "\n".join(groups)
        + "\n</svg>\n"
    )


if __name__ == "__main__":
    OUTPUT.write_text(assemble(record()), encoding="utf-8")
