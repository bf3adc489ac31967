"""Histograms, texts and images of event files, as classic summaries and as tensors of plugins."""

from __future__ import annotations

from array import array
from math import isfinite, prod

from tui_trainer.readers.reading import Medium
from tui_trainer.readers.tensorboard.tensors import DOUBLE, FLOAT
from tui_trainer.readers.tensorboard.wire import BYTES, fields, float64

IMAGE, HISTOGRAM = 4, 5
"""Fields of a summary's value."""
PLUGINS = {"histograms": "histogram", "text": "text", "images": "image"}
"""Kinds of media by the plugin of their tensors."""
SUFFIX = "/text_summary"
"""The end that torch adds to the tag of a text."""
MAX_BUCKETS = 4096


def of_summary(tag: str, step: int, field: int, data: bytes) -> Medium | None:
    """Return the image or histogram of a classic summary, None for an empty one. Raises `BadWire`."""
    if field == HISTOGRAM:
        spread = _classic(data)
        return Medium("histogram", tag, step, spread) if spread else None
    encoded = next((item for number, _, item in fields(data) if number == 4 and isinstance(item, bytes)), b"")
    return Medium("image", tag, step, encoded) if encoded else None


def of_tensor(tag: str, step: int, plugin: str, data: bytes) -> Medium | None:
    """Return what a tensor of a plugin holds, None where it is empty or of another plugin. Raises `BadWire`."""
    kind = PLUGINS.get(plugin)
    if kind == "histogram":
        spread = _of_tensor(data)
        return Medium(kind, tag, step, spread) if spread else None
    if kind is None:
        return None
    strings = [item for number, _, item in fields(data) if number == 8 and isinstance(item, bytes)]
    if kind == "image":  # width and height come first
        return Medium(kind, tag, step, strings[2]) if len(strings) > 2 else None
    text = "\n".join(item.decode("utf-8", "replace") for item in strings)
    return Medium("text", tag.removesuffix(SUFFIX), step, text) if text else None


def _classic(data: bytes) -> tuple[tuple[float, float, float], ...]:
    """Return left edge, right edge and count of each bucket. The outer edges are the least and the largest value."""
    low = high = 0.0
    limits, counts = array("d"), array("d")
    for number, how, item in fields(data):
        if not isinstance(item, bytes):
            continue
        if number == 1 and len(item) == 8:
            low = float64(item)
        elif number == 2 and len(item) == 8:
            high = float64(item)
        elif number in (6, 7) and (how == BYTES or len(item) == 8):
            (limits if number == 6 else counts).frombytes(item[: len(item) // 8 * 8])
    left, buckets = low, list[tuple[float, float, float]]()
    for limit, count in zip(limits[:MAX_BUCKETS], counts, strict=False):
        right = min(max(limit, left), high)
        if count:
            buckets.append((left, right, count))
        left = max(right, low)
    return _sound(buckets)


def _of_tensor(data: bytes) -> tuple[tuple[float, float, float], ...]:
    kind, content, shape = 0, b"", list[int]()
    for number, _, item in fields(data):
        if number == 1 and isinstance(item, int):
            kind = item
        elif number == 2 and isinstance(item, bytes):
            shape = _shape(item)
        elif number == 4 and isinstance(item, bytes):
            content = item
    layout, width = {DOUBLE: ("d", 8), FLOAT: ("f", 4)}.get(kind, ("d", 0))
    if len(shape) != 2 or shape[1] != 3 or shape[0] > MAX_BUCKETS or prod(shape) * width != len(content):
        return ()
    numbers = array(layout, content)
    return _sound(list(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)))


def _shape(data: bytes) -> list[int]:
    lengths: list[int] = []
    for number, _, item in fields(data):
        if number == 2 and isinstance(item, bytes):
            lengths += [length for inner, _, length in fields(item) if inner == 1 and isinstance(length, int)]
    return lengths


def _sound(buckets: list[tuple[float, float, float]]) -> tuple[tuple[float, float, float], ...]:
    return tuple(each for each in buckets if all(map(isfinite, each)) and each[0] <= each[1] and each[2] > 0)
