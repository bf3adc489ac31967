"""One checkpoint, one file: tensors as safetensors, the rest as JSON in its header, a SHA-256 over every byte."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import psutil
import safetensors.torch
from safetensors import SafetensorError

from tui_trainer.engine.checkpointing.sharded_files import with_files
from tui_trainer.engine.checkpointing.state_tree import flatten, unflatten
from tui_trainer.runs.atomic_write import read_plain, replace_file

SUFFIX = ".safetensors"
FORMAT = "tui-trainer/1"
_DIGEST = b'"sha256":"'
_BLANK = b"0" * 64
_MAX_HEADER = 64 << 20


class BadCheckpoint(Exception):
    """A file that is not a checkpoint of this program, or is torn or altered."""


def serialise(tree: Any) -> bytes:
    """Return the bytes of a checkpoint that holds the tree.

    The digest is computed over the same bytes with the digest itself blank, so it covers header, state and tensors.
    """
    state, tensors = flatten(tree)
    metadata = {"format": FORMAT, "sha256": _BLANK.decode(), "state": json.dumps(state, separators=(",", ":"))}
    data = bytearray(safetensors.torch.save(tensors, metadata))
    at = _digest_at(data)
    data[at : at + 64] = hashlib.sha256(data).hexdigest().encode()
    return bytes(data)


def save(path: Path, tree: Any, keep: Path | None = None) -> int:
    """Write the tree to `path` atomically and return its size in bytes. Raises `OSError`.

    Args:
        keep: where to keep the checkpoint that was at `path` before.
    """
    data = serialise(tree)
    replace_file(path, data, keep)
    return len(data)


def load(path: Path) -> Any:
    """Return the tree of a checkpoint, its tensors on the CPU. Nothing in the file is ever executed.

    Raises:
        BadCheckpoint: missing, torn, altered, or not a checkpoint of this program.
    """
    try:
        data = bytearray(read_plain(path, psutil.virtual_memory().available))
    except OSError as error:
        raise BadCheckpoint(f"{path.name}: {error.strerror}") from None
    try:
        return with_files(parse(data, path.name), path.parent)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
        raise BadCheckpoint(f"{path.name}: {error}") from None


def parse(data: bytearray, name: str) -> Any:
    """Return the tree in the bytes of a checkpoint called `name`. Raises `BadCheckpoint`."""
    if len(data) < 8 or int.from_bytes(data[:8], "little") > min(_MAX_HEADER, len(data) - 8):
        raise BadCheckpoint(f"{name}: torn, or not a checkpoint")
    try:
        at = _digest_at(data)
        claimed = bytes(data[at : at + 64])
        data[at : at + 64] = _BLANK
        if hashlib.sha256(data).hexdigest().encode() != claimed:
            raise BadCheckpoint(f"{name}: altered or torn: wrong checksum")
        header = json.loads(bytes(data[8 : 8 + int.from_bytes(data[:8], "little")]))
        metadata = header["__metadata__"]
        if metadata["format"] != FORMAT:
            raise BadCheckpoint(f"{name}: of another format: {metadata['format']!r:.40}")
        return unflatten(json.loads(metadata["state"]), safetensors.torch.load(bytes(data)))
    except (ValueError, KeyError, TypeError, RecursionError, SafetensorError):
        raise BadCheckpoint(f"{name}: not a checkpoint of this program") from None


def _digest_at(data: bytearray) -> int:
    end = 8 + int.from_bytes(data[:8], "little")
    at = data.find(_DIGEST, 8, end)
    if at < 0 or at + len(_DIGEST) + 64 > end:
        raise ValueError("no digest")
    return at + len(_DIGEST)
