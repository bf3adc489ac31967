"""What is kept of very many epochs, against the whole list of them."""

from __future__ import annotations

import random
from statistics import median

from pydantic import TypeAdapter

from tests.diagnosis.sample_histories import epochs
from tui_trainer.diagnosis.epochs import KEPT, NEWEST, Epochs


def _long(count: int, seed: int = 1) -> tuple[Epochs, list[float], list[float | None], list[float]]:
    source = random.Random(seed)
    losses = [source.uniform(0.5, 1.0) + 100 / (10 + place) for place in range(count)]
    validation = [None if place % 3 == 1 else source.uniform(0.5, 1.0) for place in range(count)]
    rates = [source.random() for _ in range(count)]
    return epochs(losses, val_loss=validation, val_error=list(rates), lr=rates), losses, validation, rates


def test_what_all_epochs_come_to_is_what_the_whole_list_says() -> None:
    for count in (1, 2, 3, 40, 3 * KEPT):
        seen, losses, validation, rates = _long(count)
        assert len(seen) == count
        assert seen.last.lowest == min(losses)
        assert seen.highest_lr == max(rates)
        known = [place for place, value in enumerate(validation) if value is not None]
        assert seen.validations == len(known)
        lowest = min(known, key=lambda place: validation[place] or 0.0)
        assert seen.lowest_loss is not None
        assert seen.lowest_loss.place == lowest
        smooth = [median([validation[p] or 0.0 for p in known[max(i - 2, 0) : i + 1]]) for i in range(len(known))]
        assert seen.best is not None
        assert seen.newest is not None
        assert seen.best.loss == min(smooth)
        assert seen.best.epoch.place == known[smooth.index(min(smooth))]
        assert seen.newest.loss == smooth[-1]
        best, since = float("inf"), 0
        for loss in losses:
            since += 1
            if loss < 0.99 * best:
                best, since = loss, 0
        assert seen.without_gain == since


def test_epochs_are_found_by_how_far_back_they_lie() -> None:
    seen, losses, _, _ = _long(KEPT)
    for back in (0, 1, 7, KEPT // 2, KEPT - 1):
        assert seen.back(back).loss == losses[-1 - back]
    assert seen.back(10 * KEPT).place == 0
    seen, losses, _, _ = _long(5 * KEPT)
    for back in (0, 1, 7, NEWEST - 1):
        assert seen.back(back).loss == losses[-1 - back]
    far = seen.back(3 * KEPT)
    assert far.loss == losses[far.place]
    assert far.lowest == min(losses[: far.place + 1])
    assert 3 * KEPT <= seen.last.place - far.place < 3.1 * KEPT


def test_the_size_of_very_many_epochs_is_bounded() -> None:
    few, many = _long(2 * KEPT)[0], _long(12 * KEPT)[0]
    adapter = TypeAdapter(Epochs)
    assert len(many.kept) <= KEPT
    assert len(adapter.dump_json(many)) < 1.5 * len(adapter.dump_json(few))
    assert adapter.validate_json(adapter.dump_json(many)) == many
