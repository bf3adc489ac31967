"""Texts, images, histograms and confusion matrices of a script, as log lines and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.pictures import Axis, Bars, Group, Heat, rounded_or_none, taken
from tui_trainer.text import visible

MAX_LINES = 50
"""Lines of one text that are kept."""
MAX_SIDE = 64
"""Pixels of an image, and classes of a matrix, along one side: a larger one is reduced."""
MAX_BINS = 60


def text_event(name: str, text: Any, step: int) -> ev.Logged:
    """Return the log lines of a text."""
    lines = str(text).splitlines()[:MAX_LINES] or [""]
    return ev.Logged(lines=[f"{name}: {lines[0]}", *(f"  {line}" for line in lines[1:])], source="output", step=step)


def image_event(name: str, image: Any, step: int, epoch: int) -> ev.PictureTaken:
    """Return the picture of an image: (H, W), (C, H, W) or (H, W, C). Raises `ValueError` for another shape."""
    pixels = torch.as_tensor(image).detach().to("cpu", torch.float32)
    if pixels.dim() == 3:
        pixels = pixels.mean(0 if pixels.shape[0] in (1, 3, 4) else 2)
    if pixels.dim() != 2 or not pixels.numel():
        raise ValueError(f"{name}: an image of shape {list(pixels.shape)}; give (H, W), (C, H, W) or (H, W, C)")
    return _table(name, pixels, None, None, step, epoch)


def confusion_event(name: str, matrix: Any, labels: Sequence[Any] | None, step: int, epoch: int) -> ev.PictureTaken:
    """Return the picture of a confusion matrix, true classes down. Raises `ValueError` for one that is not square."""
    counts = torch.as_tensor(matrix).detach().to("cpu", torch.float32)
    if counts.dim() != 2 or counts.shape[0] != counts.shape[1] or counts.shape[0] > MAX_SIDE:
        raise ValueError(f"{name}: a confusion matrix of shape {list(counts.shape)}; give up to {MAX_SIDE} classes")
    names = [visible(str(label))[:40] for label in labels] if labels is not None else list(map(str, range(len(counts))))
    if len(names) != len(counts):
        raise ValueError(f"{name}: {len(names)} labels for {len(counts)} classes")
    return _table(name, counts, names, names, step, epoch, x="predicted", y="true")


def _table(
    name: str,
    values: Tensor,
    rows: Sequence[str] | None,
    columns: Sequence[str] | None,
    step: int,
    epoch: int,
    x: str = "",
    y: str = "",
) -> ev.PictureTaken:
    if max(values.shape) > MAX_SIDE:
        height, width = (min(side, MAX_SIDE) for side in values.shape)
        values = torch.nn.functional.adaptive_avg_pool2d(values[None, None], (height, width))[0, 0]
    height, width = values.shape
    drawing = Heat(
        title=visible(name)[:120],
        x=Axis(label=x),
        y=Axis(label=y),
        rows=tuple(rows or [""] * height),
        columns=tuple(columns or [""] * width),
        values=tuple(rounded_or_none(row) for row in values.tolist()),
    )
    return taken(visible(name)[:80], drawing, {}, step=step, epoch=epoch)


def histogram_event(name: str, values: Any, bins: int, step: int, epoch: int) -> ev.PictureTaken:
    """Return the picture of how values are spread. Raises `ValueError` where none of them is finite."""
    numbers = torch.as_tensor(values).detach().to("cpu", torch.float32).flatten()
    numbers = numbers[numbers.isfinite()]
    if not numbers.numel():
        raise ValueError(f"{name}: no finite value")
    count = max(min(int(bins), MAX_BINS), 1)
    low, high = float(numbers.min()), float(numbers.max())
    counts = torch.histc(numbers, count, low, high) if low < high else torch.tensor([float(numbers.numel())])
    edge = (high - low) / len(counts)
    labels = tuple(f"{low + (index + 0.5) * edge:.3g}" for index in range(len(counts)))
    drawing = Bars(
        title=visible(name)[:120], labels=labels, groups=(Group(name="count", values=tuple(counts.tolist())),)
    )
    return taken(visible(name)[:80], drawing, {"low": low, "high": high}, step=step, epoch=epoch)
