"""The batches that a trial hands out again and again, and then once more for the training itself."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from tui_trainer.engine.commands.answers import Refusal
from tui_trainer.monitor.trying.randomness import RandomSource, State, read_all, same

END = object()
"""Stands for a batch where the loader has none left."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A batch as the loader gave it.

    Attributes:
        batch: it, which is handed out only for the training itself; trials get copies.
        moved: generators that the loader drew from for it, with their states before and after.
        loader: the state of the loader before it, where it has one.
    """

    batch: Any
    moved: tuple[tuple[RandomSource, State, State], ...]
    loader: Any

    def draw_again(self) -> None:
        """Move the generators as the loader did, as far as they stand where they stood."""
        for source, before, after in self.moved:
            if same(source.read(), before):
                source.write(after)


class BatchStore:
    """The coming batches of a loop.

    Args:
        iterator: gives them.
        sources: the generators that the loader may draw from.
        loader: returns the state of the loader, None where it has none.
    """

    def __init__(self, iterator: Iterator[Any], sources: Sequence[RandomSource], loader: Callable[[], Any]) -> None:
        self._iterator, self._sources, self._loader = iterator, sources, loader
        self._kept: list[Drawn] = []
        self._end: Drawn | None = None
        """The end of the loader, once it was met."""
        self._error: Exception | None = None
        """An exception of the loader; the training gets it after the batches that are kept."""

    def __len__(self) -> int:
        return len(self._kept)

    def at(self, index: int) -> Any:
        """Return a copy of a coming batch, `END` where there is none.

        Raises:
            Refusal: a batch of this kind cannot be copied.
        """
        if index < len(self._kept):
            drawn = self._kept[index]
            drawn.draw_again()
        elif self._end is not None or (drawn := self._draw()) is None:
            return END
        return _copied(drawn.batch)

    def size(self) -> int:
        """Return the bytes of all batches that are kept."""
        return sum(bytes_of(drawn.batch) for drawn in self._kept)

    def rest(self) -> Iterator[Any]:
        """Yield the batches for the training itself: those that are kept, then those that the loader still has."""
        while self._kept:
            drawn = self._kept.pop(0)
            drawn.draw_again()
            yield drawn.batch
        if self._end is not None:  # a sampler may draw once more where it ends
            self._end.draw_again()
        if self._error is not None:
            raise self._error
        if self._end is None:
            yield from self._iterator

    def loader_state(self) -> Any:
        """Return the state that the loader had before the first batch that is kept; None without one."""
        return self._kept[0].loader if self._kept else None

    def _draw(self) -> Drawn | None:
        """Draw the next batch and keep it. Returns None where the loader has none left, or fails."""
        state, before = self._loader(), read_all(self._sources)
        batch: Any = END
        try:
            batch = next(self._iterator)
        except StopIteration:
            pass
        except Exception as error:  # noqa: BLE001 - a loader may fail in any way
            self._error = error
        after = read_all(self._sources)
        moved = tuple(
            (source, old, new)
            for source, old, new in zip(self._sources, before, after, strict=True)
            if not same(old, new)
        )
        drawn = Drawn(batch, moved, state)
        if batch is END:
            self._end = drawn
            return None
        self._kept.append(drawn)
        return drawn


def _copied(batch: Any) -> Any:
    try:
        return copy.deepcopy(batch)
    except Exception as error:  # noqa: BLE001 - a batch is an object of the user's own
        said = " ".join(str(error).split())[:120]
        raise Refusal(f"a batch ({type(batch).__name__}) cannot be kept to be handed out again: {said}") from None


def bytes_of(batch: Any) -> int:
    """Return the bytes of the tensors and arrays in a batch, as far as they can be seen."""
    if isinstance(batch, torch.Tensor):
        return batch.numel() * batch.element_size()
    if isinstance(batch, dict):
        return sum(map(bytes_of, batch.values()))
    if isinstance(batch, (list, tuple)):
        return sum(map(bytes_of, batch))
    size = getattr(batch, "nbytes", 0)
    return int(size) if isinstance(size, int) else 0
