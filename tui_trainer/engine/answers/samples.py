"""Samples as they are shown: images in few pixels, rows of a table in the units of the data, windows of text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tui_trainer.data.types import Data
from tui_trainer.engine.answers.outputs import Outputs
from tui_trainer.protocol.pictures import Sample, rounded_or_none

MAX_PIXELS = 32
"""Most pixels in a row or column of an image; larger ones are averaged."""
MAX_VALUES = 60
"""Most numbers of a row of a table."""
MIN_SIDE = 4
"""Least side of a matrix that is taken for an image."""


def sample_of(data: Data, inputs: Tensor, outputs: Outputs, position: int, index: int, target: Tensor | None) -> Sample:
    """Describe one sample with its answer.

    Args:
        data: names, classes and units.
        inputs: the sample as the model takes it.
        outputs: the answers that hold its own.
        position: its position there.
        index: its index in the validation split, -1 for one that was typed.
        target: its target; None where it is not known.
    """
    shape = data.shape
    wrong = rounded_or_none([outputs.wrong[position]])[0] if target is not None else None
    if shape.task == "language":
        text = text_of(data, inputs.tolist())
        return Sample(index=index, wrong=wrong, text=text)
    shown = _image(data, inputs) if is_image(shape.inputs) else Sample(values=_values(data, inputs))
    facts: dict[str, object] = {"index": index, "wrong": wrong}
    if shape.task == "classification":
        facts["guess"] = class_name(data, int(outputs.predictions[position]))
        facts["true"] = class_name(data, int(target)) if target is not None else ""
        facts["sure"] = rounded_or_none([outputs.sure[position]])[0] if outputs.sure is not None else None
    else:
        facts["answer"] = rounded_or_none(in_units(data, outputs.predictions[position])[:1])[0]
        facts["target"] = rounded_or_none(in_units(data, target)[:1])[0] if target is not None else None
    return shown.model_copy(update=facts)


def is_image(shape: Sequence[int]) -> bool:
    """Return whether samples of this shape are drawn as images: one or three channels, or a matrix."""
    sides = shape[1:] if len(shape) == 3 and shape[0] in (1, 3) else shape
    return len(sides) == 2 and min(sides) >= MIN_SIDE


def class_name(data: Data, index: int) -> str:
    """Return the name of a class, its number where it has none."""
    return data.classes[index][:40] if index < len(data.classes) else str(index)


def text_of(data: Data, symbols: Sequence[int]) -> str:
    """Return symbols as text."""
    return "".join(data.classes[symbol] if symbol < len(data.classes) else "?" for symbol in symbols)[:2000]


def in_units(data: Data, targets: Tensor) -> list[float]:
    """Return numbers as they are in the data, before they were standardised."""
    values = targets.detach().to("cpu", torch.float64).numpy()
    if data.scaling is not None:
        values = values * data.scaling.target_deviation + data.scaling.target_mean
    return [float(value) for value in np.ravel(values)]


def _unscaled(data: Data, inputs: Tensor) -> Tensor:
    """Return one sample in the units of the data; numbers that were clipped stay clipped."""
    values = inputs.detach().to("cpu", torch.float64)
    if data.scaling is None:
        return values
    return values * torch.as_tensor(data.scaling.deviation) + torch.as_tensor(data.scaling.mean)


def _values(data: Data, inputs: Tensor) -> tuple[float | None, ...]:
    return rounded_or_none(_unscaled(data, inputs).flatten()[:MAX_VALUES])


def _image(data: Data, inputs: Tensor) -> Sample:
    """Return the pixels from the darkest, 0, to the brightest, 1."""
    pixels = _unscaled(data, inputs)
    pixels = pixels.unsqueeze(0) if pixels.dim() == 2 else pixels
    height, width = pixels.shape[1:]
    if max(height, width) > MAX_PIXELS:
        share = MAX_PIXELS / max(height, width)
        size = (max(round(height * share), 1), max(round(width * share), 1))
        pixels = F.adaptive_avg_pool2d(pixels, size)
    low, high = pixels.min(), pixels.max()
    pixels = (pixels - low) / (high - low) if high > low else torch.zeros_like(pixels)
    rows = pixels.permute(1, 2, 0).flatten(1)  # the channels of each pixel in turn
    return Sample(image=tuple(rounded_or_none(row, 2) for row in rows), channels=3 if len(pixels) == 3 else 1)
