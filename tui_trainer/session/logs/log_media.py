"""Histograms, texts and images of a log, as the events that a run of our own records for them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.pictures import Axis, Counts, Heat, Histogram, taken
from tui_trainer.readers.reading import Medium
from tui_trainer.text import visible

BINS = 30
MAX_LINES = 50
"""Lines of one text that are kept."""
MAX_SIDE = 64
"""Pixels of an image along one side: a larger one is reduced."""
MAX_PIXELS = 1 << 26
"""Pixels of the largest image that is decoded."""


def event_of(medium: Medium, epoch: int) -> ev.Logged | ev.PictureTaken | None:
    """Return the event of a medium, None where it cannot be drawn."""
    if medium.kind == "text" and isinstance(medium.content, str):
        lines = medium.content.splitlines()[:MAX_LINES] or [""]
        name = visible(medium.name)
        told = [f"{name}: {lines[0]}", *(f"  {line}" for line in lines[1:])]
        return ev.Logged(lines=told, source="output", step=medium.step)
    title = visible(medium.name)
    if medium.kind == "histogram" and isinstance(medium.content, tuple):
        spread = even(medium.content)
        if spread is None:
            return None
        low, high, counts = spread
        drawing = Histogram(title=title[:120], groups=(Counts(name="", low=low, high=high, counts=tuple(counts)),))
        return taken(title[:80], drawing, {"low": low, "high": high}, step=medium.step, epoch=epoch)
    pixels = _pixels(medium.content) if isinstance(medium.content, bytes) else None
    if pixels is None:
        return None
    names = ("",) * len(pixels), ("",) * len(pixels[0])
    heat = Heat(title=title[:120], x=Axis(), y=Axis(), rows=names[0], columns=names[1], values=pixels)
    return taken(title[:80], heat, {}, step=medium.step, epoch=epoch)


def even(buckets: Sequence[tuple[float, float, float]]) -> tuple[float, float, list[float]] | None:
    """Return the range and the counts of bins of equal width; values within a bucket count as evenly spread."""
    low, high = min(left for left, _, _ in buckets), max(right for _, right, _ in buckets)
    if not low < high:
        low, high = low - 0.5, high + 0.5
    width = (high - low) / BINS
    if not 0 < width < float("inf"):
        return None
    counts = [0.0] * BINS
    for left, right, count in buckets:
        first = min(int((left - low) / width), BINS - 1)
        last = min(int((right - low) / width), BINS - 1)
        if first == last:
            counts[first] += count
            continue
        for at in range(first, last + 1):
            overlap = min(right, low + (at + 1) * width) - max(left, low + at * width)
            counts[at] += count * max(overlap, 0.0) / (right - left)
    return low, high, counts


def can_decode() -> bool:
    """Return whether images can be decoded: Pillow is installed."""
    return find_spec("PIL") is not None


def _pixels(encoded: bytes) -> tuple[tuple[float, ...], ...] | None:
    """Return the brightness of an image, from 0 to 1, at most `MAX_SIDE` pixels wide and high."""
    try:
        from PIL import Image
    except ImportError:
        return None
    try:
        with Image.open(BytesIO(encoded), formats=("PNG", "JPEG", "GIF")) as image:
            if image.width * image.height > MAX_PIXELS:
                return None
            grey = image.convert("L")
        grey.thumbnail((MAX_SIDE, MAX_SIDE))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    data = grey.tobytes()
    return tuple(
        tuple(round(pixel / 255, 3) for pixel in data[row * grey.width : (row + 1) * grey.width])
        for row in range(grey.height)
    )
