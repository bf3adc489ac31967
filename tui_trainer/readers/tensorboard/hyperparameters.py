"""Hyperparameters of an event file, from the content of the hparams plugin."""

from __future__ import annotations

from typing import Any

from tui_trainer.readers.tensorboard.wire import fields, float64


def hyperparameters(content: bytes) -> dict[str, Any]:
    """Return names and values of the content that the plugin adds to its first value. Raises `BadWire`."""
    found: dict[str, Any] = {}
    for number, _, session in fields(content):
        if number != 3 or not isinstance(session, bytes):
            continue
        for inner, _, entry in fields(session):
            if inner != 1 or not isinstance(entry, bytes):
                continue
            parts = {at: item for at, _, item in fields(entry)}
            key, value = parts.get(1), parts.get(2)
            if isinstance(key, bytes) and isinstance(value, bytes):
                found[key.decode("utf-8", "replace")] = _protobuf_value(value)
    return found


def _protobuf_value(data: bytes) -> Any:
    for number, _, item in fields(data):
        if number == 2 and isinstance(item, bytes) and len(item) == 8:
            return float64(item)
        if number == 3 and isinstance(item, bytes):
            return item.decode("utf-8", "replace")
        if number == 4:
            return bool(item)
    return None
