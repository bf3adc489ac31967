"""The recorded histograms against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support import TrainerHarness, tiny_config
from tui_trainer.config.run_config import RunConfig
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.pictures import Histogram, drawing_of


def recorded(**options: object) -> tuple[TrainerHarness, ev.PictureTaken, Histogram]:
    table = tiny_config().model_dump(mode="json", exclude_none=True)
    bench = TrainerHarness(RunConfig.model_validate({**table, "pictures": [{"kind": "histograms", **options}]}))
    bench.finish()
    event = bench.of(ev.PictureTaken)[-1]
    drawing = drawing_of(event)
    assert isinstance(drawing, Histogram)
    return bench, event, drawing


def test_the_weights_of_each_layer_are_counted_in_bins_of_equal_width():
    bench, event, drawing = recorded(bins=10)
    weights = {
        name: weight for name, weight in bench.trainer.services.setup.model.named_parameters() if weight.dim() > 1
    }
    assert len(drawing.groups) == len(weights) == 2
    for group, weight in zip(drawing.groups, weights.values(), strict=True):
        values = weight.detach().double().numpy().ravel()
        counts, edges = np.histogram(values, bins=10)
        assert list(group.counts) == counts.tolist()
        assert (group.low, group.high) == pytest.approx((edges[0], edges[-1]))
        assert event.numbers[f"mean/{group.name}"] == pytest.approx(values.mean())
        assert event.numbers[f"deviation/{group.name}"] == pytest.approx(values.std())
    histories = bench.state.histograms
    assert set(histories) == {f"histograms/{group.name}" for group in drawing.groups}
    assert [column.first for column in next(iter(histories.values())).columns] == [0, 5, 10, 15, 20]


def test_activations_are_those_of_validation_samples():
    bench, _, drawing = recorded(of="activations")
    assert drawing.title == "activations"
    samples = len(bench.trainer.services.setup.data.validation)
    assert [sum(group.counts) for group in drawing.groups] == [8 * samples, 2 * samples]
