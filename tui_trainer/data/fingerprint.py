"""The fingerprint of the data that a run trains on, to tell later whether they have changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_BYTES = 16
"""Bytes of a hash."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A hash of the data before they are split and standardised.

    Attributes:
        hash: of the bytes of the file, or of all numbers of the arrays.
        count: the rows, characters or samples.
        unit: which of them `count` counts.
        size: bytes of the file or of the arrays.
    """

    hash: str
    count: int
    unit: str
    size: int


def of_bytes(content: bytes, count: int, unit: str) -> Fingerprint:
    """Return the fingerprint of the bytes of a file."""
    return Fingerprint(hashlib.blake2b(content, digest_size=_BYTES).hexdigest(), count, unit, len(content))


def of_arrays(*arrays: npt.NDArray[Any]) -> Fingerprint:
    """Return the fingerprint of arrays with one entry for each sample: their types, shapes and numbers."""
    digest = hashlib.blake2b(digest_size=_BYTES)
    for array in arrays:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return Fingerprint(digest.hexdigest(), len(arrays[0]), "samples", sum(array.nbytes for array in arrays))
