"""The validation loss of a run in a few numbers, read from parts of its journal, however long it is."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable
from typing import Any

from tui_trainer.protocol.checksum import verify

MAX_VALUES = 32
"""Most values of a curve, about as many as one row of text can show."""
SHORT = 1 << 18
"""Bytes of the longest journal that is read from beginning to end."""
WINDOW = 1 << 14
"""Bytes that are read at each of `MAX_VALUES` places of a longer one."""

_TYPE = b'"type":"EpochEnded"'
_NUMBER = re.compile(rb'"epoch":([0-9]{1,15})[,}]')
_METRICS = re.compile(rb'"metrics":(\{[^{}]*\})')

Curve = tuple[str, list[float]]
"""A metric and its values in the order of training; NaN where it was not finite."""
NO_CURVE: Curve = ("", [])


def curve_of(path: str | os.PathLike[str]) -> Curve:
    """Return the validation loss of the run in a folder, epoch by epoch, else its training loss.

    Epochs that an undo left are missing. Of many values some are taken. Empty where nothing was measured.
    """
    try:
        lines = _lines(f"{os.fspath(path)}/events.jsonl")
    except OSError:
        return NO_CURVE
    epochs = [event for event in _events(lines, b'"EpochEnded"') if isinstance(event.get("metrics"), dict)]
    epochs = _kept_branch(epochs)
    for name in ("val_loss", "train_loss"):
        if any(name in epoch["metrics"] for epoch in epochs):
            return name, [_value(epoch["metrics"][name]) for epoch in epochs if name in epoch["metrics"]]
    columns = (event.get("values") for event in _events(lines, b'"Scalars"'))
    losses = [column["train_loss"] for column in columns if isinstance(column, dict) and "train_loss" in column]
    values = [_value(loss[-1]) for loss in losses if isinstance(loss, list) and loss]
    return ("train_loss", values) if values else NO_CURVE


def _lines(journal: str) -> list[bytes]:
    """Return the lines of a journal, of a long one those at `MAX_VALUES` places."""
    descriptor = os.open(journal, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        if size <= SHORT:
            return os.pread(descriptor, SHORT, 0).split(b"\n")
        lines: list[bytes] = []
        for place in range(MAX_VALUES):
            start = place * (size - WINDOW) // (MAX_VALUES - 1)
            lines += os.pread(descriptor, WINDOW, start).split(b"\n")[1 if start else 0 :]
        return lines
    finally:
        os.close(descriptor)


def _events(lines: Iterable[bytes], kind: bytes) -> list[dict[str, Any]]:
    """Return the undamaged events of one type: at most `MAX_VALUES`, evenly chosen, the last one among them."""
    chosen = [line for line in lines if kind in line]
    count = len(chosen)
    if count > MAX_VALUES:
        chosen = [chosen[place * (count - 1) // (MAX_VALUES - 1)] for place in range(MAX_VALUES)]
    events: list[dict[str, Any]] = []
    for line in chosen:
        try:
            event = _epoch(line) or json.loads(line) if verify(line) else None
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict) and f'"{event.get("type")}"'.encode() == kind:
            events.append(event)
    return events


def _epoch(line: bytes) -> dict[str, Any] | None:
    """Parse of the end of an epoch what a curve needs, in half the time; None where the line has another form."""
    number, metrics = _NUMBER.search(line), _METRICS.search(line)
    if number is None or metrics is None or _TYPE not in line:
        return None
    return {"type": "EpochEnded", "epoch": int(number[1]), "metrics": json.loads(metrics[1])}


def _kept_branch(epochs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the epochs without those that an undo or a resume left: their numbers come again later."""
    kept: list[dict[str, Any]] = []
    newest = math.inf
    for epoch in reversed(epochs):
        number = epoch.get("epoch")
        if isinstance(number, int) and number < newest:
            newest = number
            kept.append(epoch)
    return kept[::-1]


def _value(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and abs(value) < math.inf else math.nan
