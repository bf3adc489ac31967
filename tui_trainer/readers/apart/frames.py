"""Columns as bytes on a pipe: a header in JSON, and arrays as they lie in memory."""

from __future__ import annotations

import base64
import json
from array import array
from collections.abc import Sequence
from struct import Struct
from typing import Any

from tui_trainer.readers.follower import LogNews
from tui_trainer.readers.reading import LogColumn, Medium, Rows

_LENGTHS = Struct("<QQ")
"""Lengths of header and arrays."""


def encode(header: dict[str, Any], news: LogNews) -> bytes:
    """Return a frame. Arrays that are equal, as the steps of many columns are, are sent once."""
    places: dict[bytes, int] = {}
    shapes: list[tuple[str, int]] = []

    def place(values: array[Any]) -> int:
        data = values.tobytes()
        at = places.get(data)
        if at is None or shapes[at][0] != values.typecode:
            at = places[data] = len(shapes)
            shapes.append((values.typecode, len(data)))
            parts.append(data)
        return at

    def column(one: LogColumn) -> tuple[int, int]:
        return place(one.steps), place(one.values)

    parts: list[bytes] = []
    runs = [
        {
            "name": name,
            "columns": [(key, *column(each)) for key, each in rows.columns.items()],
            "epochs": column(rows.epochs) if rows.epochs is not None else None,
            "seconds": column(rows.seconds) if rows.seconds is not None else None,
            "settings": rows.settings,
            "media": [_medium(each) for each in rows.media],
        }
        for name, rows in news.runs
    ]
    told = {"notes": news.notes, "at_end": news.at_end, "begun_again": news.begun_again}
    text = json.dumps({**header, **told, "runs": runs, "arrays": shapes}, default=str).encode()
    body = b"".join(parts)
    return _LENGTHS.pack(len(text), len(body)) + text + body


def _medium(medium: Medium) -> tuple[str, str, int, str, Any]:
    content = medium.content
    if isinstance(content, bytes):
        return medium.kind, medium.name, medium.step, "bytes", base64.b64encode(content).decode()
    return medium.kind, medium.name, medium.step, "text" if isinstance(content, str) else "buckets", content


class FrameReader:
    """Puts frames together again from bytes as they arrive."""

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, data: bytes) -> list[tuple[dict[str, Any], LogNews]]:
        """Return the headers and the contents of the frames that are whole now."""
        self._data += data
        frames: list[tuple[dict[str, Any], LogNews]] = []
        at = 0
        while len(self._data) - at >= _LENGTHS.size:
            head, body = _LENGTHS.unpack_from(self._data, at)
            begin = at + _LENGTHS.size
            if len(self._data) < begin + head + body:
                break
            header = json.loads(self._data[begin : begin + head])
            at = begin + head + body
            with memoryview(self._data) as view:
                frames.append((header, _decode(header, view[begin + head : at])))
        del self._data[:at]
        return frames


def _decode(header: dict[str, Any], body: memoryview) -> LogNews:
    arrays: list[Any] = []
    at = 0
    with body:
        for kind, size in header["arrays"]:
            values = array("q") if kind == "q" else array("d")
            values.frombytes(body[at : at + size])
            arrays.append(values)
            at += size
    runs = [(run["name"], _rows(run, arrays)) for run in header["runs"]]
    return LogNews(runs, header["notes"], header["at_end"], header["begun_again"])


def _rows(run: dict[str, Any], arrays: Sequence[Any]) -> Rows:
    def column(pair: Sequence[int] | None) -> LogColumn | None:
        return LogColumn(arrays[pair[0]], arrays[pair[1]]) if pair is not None else None

    return Rows(
        {name: LogColumn(arrays[steps], arrays[values]) for name, steps, values in run["columns"]},
        column(run["epochs"]),
        column(run["seconds"]),
        run["settings"],
        [Medium(kind, name, step, _content(form, content)) for kind, name, step, form, content in run["media"]],
    )


def _content(form: str, content: Any) -> Any:
    if form == "bytes":
        return base64.b64decode(content)
    return content if form == "text" else tuple(map(tuple, content))
