"""Random number generators of a script, and their states before and after a batch was drawn."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch

State = Any
PLAIN = 64
"""Length above which a sequence in a state holds plain numbers."""


@dataclass(frozen=True, slots=True)
class RandomSource:
    """One generator, by the functions that read and set its state."""

    read: Callable[[], State]
    write: Callable[[State], Any]


def sources_of(generators: Iterable[Any]) -> list[RandomSource]:
    """Return the generators of torch, Python and numpy, and these further ones of the script's own."""
    found = [
        RandomSource(torch.get_rng_state, torch.set_rng_state),
        RandomSource(random.getstate, random.setstate),
    ]
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        found.append(RandomSource(torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all))
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        found.append(RandomSource(numpy.random.get_state, numpy.random.set_state))
    return [*found, *(source_of(generator) for generator in generators)]


def is_generator(given: Any) -> bool:
    """Return whether an object is a random number generator whose state can be read and set."""
    if isinstance(given, (torch.Generator, random.Random)):
        return True
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(given, (numpy.random.Generator, numpy.random.RandomState))


def source_of(generator: Any) -> RandomSource:
    """Return a generator of the script's own as a source."""
    if isinstance(generator, torch.Generator):
        return RandomSource(generator.get_state, generator.set_state)
    if isinstance(generator, random.Random):
        return RandomSource(generator.getstate, generator.setstate)
    if hasattr(generator, "bit_generator"):
        return RandomSource(lambda: generator.bit_generator.state, lambda state: _set_bits(generator, state))
    return RandomSource(generator.get_state, generator.set_state)


def _set_bits(generator: Any, state: Any) -> None:
    generator.bit_generator.state = state


def read_all(sources: Iterable[RandomSource]) -> list[State]:
    """Return the states of all sources."""
    return [source.read() for source in sources]


def write_all(sources: Iterable[RandomSource], states: Iterable[State]) -> None:
    """Set the states that `read_all` returned."""
    for source, state in zip(sources, states, strict=True):
        source.write(state)


def same(one: State, other: State) -> bool:
    """Return whether two states are equal."""
    if isinstance(one, torch.Tensor):
        return torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, (list, tuple)):
        if len(one) > PLAIN:
            return bool(one == other)
        return len(one) == len(other) and all(map(same, one, other))
    if hasattr(one, "tobytes"):
        return bool(one.tobytes() == other.tobytes())
    return bool(one == other)
