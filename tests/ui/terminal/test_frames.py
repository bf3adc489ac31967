"""Updates turn the old screen into the new one and send nothing twice."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pyte
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from tui_trainer.ui.terminal.frames import Frames

WIDTH, HEIGHT = 24, 5
STYLES = [None, Style(color="red"), Style(bold=True), Style(color="#102030", bgcolor="#405060"), Style(reverse=True)]
LETTERS = "ab ⣿─日本é"


def strip(generator: random.Random) -> Strip:
    """Return a line of the screen's width that mixes narrow and wide characters."""
    segments = [
        Segment("".join(generator.choice(LETTERS) for _ in range(4)), generator.choice(STYLES))
        for _ in range(WIDTH // 4)
    ]
    return Strip(segments).adjust_cell_length(WIDTH, Style())


def full(lines: Iterable[Strip]) -> LayoutUpdate:
    return LayoutUpdate([[line] for line in lines], Region(0, 0, WIDTH, HEIGHT))


class Terminal:
    """A terminal emulator."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self.stream = pyte.Stream(self.screen)

    def cells(self) -> list[list[tuple[object, ...]]]:
        return [
            [(cell.data, cell.fg, cell.bg, cell.bold, cell.reverse) for cell in (row[x] for x in range(WIDTH))]
            for row in (self.screen.buffer[y] for y in range(HEIGHT))
        ]


def fresh(lines: list[Strip]) -> Terminal:
    """Draw the lines on an empty terminal."""
    terminal = Terminal()
    terminal.stream.feed(Frames().update(full(lines), WIDTH, HEIGHT))
    return terminal


def test_a_frame_after_another_equals_the_frame_on_an_empty_terminal() -> None:
    generator = random.Random(7)
    frames, terminal = Frames(), Terminal()
    lines = [strip(generator) for _ in range(HEIGHT)]
    for _ in range(120):
        for y in generator.sample(range(HEIGHT), generator.randint(0, 3)):
            lines[y] = strip(generator)
        terminal.stream.feed(frames.update(full(lines), WIDTH, HEIGHT))
        assert terminal.cells() == fresh(lines).cells()


def test_the_same_frame_sends_nothing() -> None:
    lines = [strip(random.Random(1)) for _ in range(HEIGHT)]
    frames = Frames()
    assert frames.update(full(lines), WIDTH, HEIGHT)
    assert frames.update(full(lines), WIDTH, HEIGHT) == ""


def test_one_changed_cell_costs_a_few_bytes() -> None:
    frames = Frames()
    lines = [Strip([Segment("x" * WIDTH)]) for _ in range(HEIGHT)]
    frames.update(full(lines), WIDTH, HEIGHT)
    lines[2] = Strip([Segment("x" * 10 + "y" + "x" * (WIDTH - 11))])
    assert frames.update(full(lines), WIDTH, HEIGHT) == "\x1b[3;11Hy"


def test_a_partial_update_sends_only_its_region() -> None:
    frames, terminal = Frames(), Terminal()
    terminal.stream.feed(frames.update(full([Strip([Segment("." * WIDTH)])] * HEIGHT), WIDTH, HEIGHT))
    chops = [{0: None, 8: Strip([Segment("12345678", STYLES[1])]), 16: None}] * HEIGHT
    update = ChopsUpdate(chops, [(1, 8, 16), (3, 10, 14)], [[8, 16, WIDTH]] * HEIGHT)  # type: ignore[list-item]
    terminal.stream.feed(frames.update(update, WIDTH, HEIGHT))
    assert terminal.screen.display[1] == "." * 8 + "12345678" + "." * 8
    assert terminal.screen.display[2] == "." * WIDTH
    assert terminal.screen.display[3][8:14] == "123456"


def test_forgotten_content_is_sent_in_full() -> None:
    lines = [strip(random.Random(1)) for _ in range(HEIGHT)]
    frames = Frames()
    first = frames.update(full(lines), WIDTH, HEIGHT)
    frames.forget()
    assert frames.update(full(lines), WIDTH, HEIGHT) == first


def test_another_size_is_sent_in_full() -> None:
    lines = [strip(random.Random(1)) for _ in range(HEIGHT)]
    frames = Frames()
    frames.update(full(lines), WIDTH, HEIGHT)
    assert len(frames.update(full(lines), WIDTH + 1, HEIGHT)) > WIDTH


def test_no_colours_are_sent_without_colours() -> None:
    sent = Frames(colors=None).update(full([Strip([Segment("a" * WIDTH, STYLES[3])])] * HEIGHT), WIDTH, HEIGHT)
    assert "m" not in sent
