"""Pictures of screens as text: the characters, and the styles of each line by letter."""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_letters

from rich.style import Style

from tests.ui.fake_session import press, settle, show, until
from tests.ui.screens_matrix.screens import SIZES, Shown
from tui_trainer.ui.app import TrainerApp


async def pictures(shown: Shown, mode: str) -> list[tuple[str, list[str], list[str]]]:
    """Return a title, the lines and the styles of a screen at every size and, in colour, in two themes."""
    app = shown.app(mode)
    taken: list[tuple[str, list[str], list[str]]] = []
    async with show(app, SIZES[0]) as pilot:
        await until(pilot, lambda: shown.ready in "\n".join(_lines(app)))
        await press(pilot, *shown.keys)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            if size[0] >= 80:
                await until(pilot, lambda: shown.later in "\n".join(_lines(app)))
            for theme in ("dark", "light") if mode == "colour" else ("dark",):
                if mode == "colour":
                    app.theme = f"tui-trainer-{theme}"
                seen: list[list[str]] = []
                while len(seen) < 3 or seen[-1] != seen[-3]:
                    if app.dashboard is not None:
                        app.dashboard.redraw()
                    await settle(pilot)
                    await pilot.pause(0.01)
                    seen.append(_lines(app) + _styles(app))
                name = theme if mode == "colour" else mode
                taken.append((f"{size[0]}x{size[1]} {name}", _lines(app), _styles(app)))
    return taken


def _lines(app: TrainerApp) -> list[str]:
    return ["".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()]


def _styles(app: TrainerApp) -> list[str]:
    """Return a legend of the styles of a screen, and the runs of letters of each line, such as `a12 b3 a`."""
    legend: dict[str, str] = {}
    rows: list[str] = []
    for strip in app.screen._compositor.render_strips():
        row: list[tuple[str, int]] = []
        for segment in strip:
            letter = legend.setdefault(_named(segment.style), ascii_letters[len(legend) % len(ascii_letters)])
            if row and row[-1][0] == letter:
                row[-1] = letter, row[-1][1] + segment.cell_length
            else:
                row.append((letter, segment.cell_length))
        rows.append(" ".join(f"{letter}{count}" for letter, count in row))
    return [f"{letter} = {name}" for name, letter in legend.items()] + _folded(rows)


def _named(style: Style | None) -> str:
    if style is None:
        return "none"
    words = [name for name in ("bold", "dim", "italic", "underline", "reverse") if getattr(style, name)]
    for sign, color in (("", style.color), ("on ", style.bgcolor)):
        if color is not None:
            words.append(sign + (color.get_truecolor().hex if color.triplet else color.name))
    return " ".join(words) or "plain"


def _folded(rows: list[str]) -> list[str]:
    """Join equal rows that follow each other."""
    folded: list[tuple[str, int]] = []
    for row in rows:
        if folded and folded[-1][0] == row:
            folded[-1] = row, folded[-1][1] + 1
        else:
            folded.append((row, 1))
    return [f"{count} x {row}" if count > 1 else row for row, count in folded]


def as_text(taken: list[tuple[str, list[str], list[str]]]) -> str:
    """Return pictures as the text of a file; lines that are the same as in a picture before are named only."""
    return "\n".join(_sections(taken)) + "\n"


def _sections(taken: list[tuple[str, list[str], list[str]]]) -> Iterator[str]:
    known: dict[tuple[str, ...], str] = {}
    for title, lines, styles in taken:
        trimmed = [line.rstrip() for line in lines]
        first = known.setdefault(tuple(trimmed), title)
        yield f"=== {title}" + (f": the characters of {first}" if first != title else "")
        if first == title:
            yield from (f"|{line}" for line in trimmed)
        yield "--- styles"
        yield from styles
