"""A recorded count that rises over the whole run, also where a resumed run counted from the start again."""

from __future__ import annotations

from itertools import pairwise

from tui_trainer.state.series import Series

MAX_KNOWN = 32
"""Columns whose rising form is kept: those of the runs on the screen."""
SIMILAR = 2.0
"""Factor up to which a count after a fall counts as one part, like those before."""

_known: dict[int, tuple[Series, tuple[int, int], Series]] = {}


def rising(series: Series) -> Series:
    """Return the series where its values never fall; else one in which a fall goes on from the value before it.

    It is looked at again only when it has more values. The cost is bounded as the size of a series is.
    """
    stamp = series.count, series.last_step
    known = _known.get(id(series))
    if known is not None and known[0] is series and known[1] == stamp:
        return known[2]
    result = _continued(series)
    _known.pop(id(series), None)
    while len(_known) >= MAX_KNOWN:
        del _known[next(iter(_known))]
    _known[id(series)] = series, stamp, result
    return result


def _continued(series: Series) -> Series:
    spans = series.spans()
    if all(after[2] >= before[3] for before, after in pairwise(spans)):
        return series
    total = _Total()
    for k, (first, last, low, high) in enumerate(spans):
        if first == last:
            total.add(first, high)
        elif low < total.before <= high:  # the count fell within this bucket
            total.add(first, high)
            total.add(last, min(spans[k + 1][2] if k + 1 < len(spans) else low, high))
        else:
            total.add(first, low)
            total.add(last, high)
    return total.series


class _Total:
    """The sum of what was counted, from counts that may fall."""

    def __init__(self) -> None:
        self.series = Series()
        self.before = 0.0
        self._sum = self._part = self._largest = 0.0

    def add(self, step: int, count: float) -> None:
        """Add a count. After a fall it is what was counted since, unless it is far larger than any part before.

        A large one comes from a roll-back, which takes the count of its checkpoint up again.
        """
        part = count - self.before
        if part < 0:
            part = count if count <= SIMILAR * self._largest else self._part
        else:
            self._part, self._largest = part, max(part, self._largest)
        self.before = count
        self._sum += part
        self.series.append(step, self._sum)
