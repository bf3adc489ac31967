"""A text as windows of symbols for language modelling."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from tui_trainer.data import fingerprint
from tui_trainer.data.local_files import MEGABYTE, read_text
from tui_trainer.data.splits import Ints, entropy
from tui_trainer.data.types import Data, ProblemSpec, Split
from tui_trainer.errors import UserError

LIMIT = 32 * MEGABYTE


def build(path: str, context: int, validation: float, test: float) -> Data:
    """The text of `path`, or the standard library's help, in order: training, test, validation."""
    text = read_text(path, LIMIT).text if path else _help()
    named = f"data.path = {path!r}" if path else "the text"
    if len(text) < 2 * (context + 1):
        raise UserError(
            f"{named} has {len(text):,} symbols: for data.context = {context} a window to train on and one to "
            f"validate on need {2 * (context + 1):,}"
        )
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    alphabet, symbols = np.unique(points, return_inverse=True)
    symbols = symbols.astype(np.int64)
    last = len(symbols) - round(len(symbols) * validation)
    middle = last - round(len(symbols) * test)
    train = _windows(symbols[:middle], context, f"data.validation = {validation:g}", "to train on")
    second = _windows(symbols[last:], context, f"data.validation = {validation:g}", "to validate on")
    third = _windows(symbols[middle:last], context, f"data.test = {test:g}", "to test on") if test else None
    return Data(
        shape=ProblemSpec("language", (context,), len(alphabet)),
        train=train,
        validation=second,
        test=third,
        classes=tuple(chr(point) for point in alphabet.tolist()),
        references={"guessing": entropy(np.bincount(symbols[:middle])), "bigram model": bigram_entropy(symbols)},
        note=f"{len(symbols):,} characters, {len(alphabet)} different ones",
        fingerprint=fingerprint.of_bytes(text.encode("utf-8", "surrogatepass"), len(text), "characters"),
    )


def bigram_entropy(symbols: Ints) -> float:
    """Conditional entropy of a symbol given the one before, in nats, by the counts of the pairs in `symbols`."""
    first, second = symbols[:-1], symbols[1:]
    _, pairs = np.unique(first * (int(symbols.max()) + 1) + second, return_counts=True)
    return entropy(pairs) - entropy(np.bincount(first))


def _windows(symbols: Ints, context: int, share: str, purpose: str) -> Split:
    """Cut non-overlapping windows, with the next symbols as targets; a remainder is dropped."""
    count = (len(symbols) - 1) // context
    if count < 1:
        raise UserError(
            f"{share} leaves {len(symbols):,} symbols {purpose}, and one window of data.context = {context} needs "
            f"{context + 1:,}"
        )

    def cut(start: int) -> torch.Tensor:
        window: npt.NDArray[Any] = symbols[start : start + count * context].reshape(count, context)
        return torch.from_numpy(np.ascontiguousarray(window))

    return Split(cut(0), cut(1))


def _help() -> str:
    from pydoc_data.topics import topics

    return "\n".join(topics[name] for name in sorted(topics))
