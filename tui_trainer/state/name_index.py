"""The names of a run's series by their beginning, found again only when there are more of them."""

from __future__ import annotations

from collections.abc import Mapping

from tui_trainer.state.series import Series

MAX_KNOWN = 32
"""Answers that are kept: a few beginnings for each of the runs on the screen."""

_known: dict[tuple[int, str], tuple[Mapping[str, Series], int, tuple[str, ...]]] = {}


def names_starting_with(series: Mapping[str, Series], prefix: str) -> tuple[str, ...]:
    """Return the names with this beginning in their order.

    A run may have 10,000 names, and a frame asks for the same few of them several times.
    """
    key = id(series), prefix
    known = _known.get(key)
    if known is not None and known[0] is series and known[1] == len(series):
        return known[2]
    names = tuple(name for name in series if name.startswith(prefix))
    _known.pop(key, None)
    while len(_known) >= MAX_KNOWN:
        del _known[next(iter(_known))]
    _known[key] = series, len(series), names
    return names
