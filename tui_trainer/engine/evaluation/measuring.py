"""All that is measured on the validation and the test split: metrics, further sets, and the average of the weights."""

from __future__ import annotations

from collections.abc import Callable

import torch

from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.evaluation.evaluate import SplitMeasure, evaluate, measure_test, validate
from tui_trainer.engine.evaluation.metrics import EpochMetric, metric_for
from tui_trainer.engine.evaluation.own_metrics import TRIED, OwnMetrics, WithOwn
from tui_trainer.engine.monitoring.layer_stats import finite
from tui_trainer.engine.setup import TrainingSetup
from tui_trainer.engine.train_state import Metrics

AVERAGE = "average"
"""Group of the series that are measured with the average of the weights."""


class Measuring:
    """Measures the splits of a run.

    Args:
        config: the metrics to measure.
        setup: model and data.
        hurried: returns True where a measurement has to be cut short.
        evaluate: measures a split.

    Raises:
        UserError: a metric of the user's own cannot be found or used.
    """

    def __init__(
        self, config: RunConfig, setup: TrainingSetup, hurried: Callable[[], bool], evaluate: SplitMeasure = evaluate
    ) -> None:
        self._evaluate = evaluate
        self._setup = setup
        self._hurried = hurried
        self._classes = config.training.class_metrics
        self._own = OwnMetrics(config.metrics or {}, setup.data)
        if self._own:
            self._try_own()

    def training_metric(self) -> EpochMetric:
        """Return what measures the training batches, with nothing counted yet."""
        metric = metric_for(self._setup.data, self._setup.objective)
        return WithOwn(metric, self._own) if self._own.trained else metric

    def validate(self) -> Metrics | None:
        """Return the metrics of the validation split and of further sets; None if cut short."""
        setup = self._setup
        metrics = validate(
            setup.model,
            setup.objective,
            setup.data,
            self._hurried,
            setup.validation_sets,
            classes=self._classes,
            own=self._own,
            measure=self._evaluate,
        )
        average = setup.average
        if metrics is None or average is None or not average.steps:
            return metrics
        with average.in_model():
            values = self._evaluate(
                setup.model, setup.objective, setup.data, setup.data.validation, self._hurried, own=self._own
            )
        if values is None:
            return None
        return metrics | {f"{AVERAGE}/val_{name}": finite(value) for name, value in values.items()}

    def test(self) -> Metrics | None:
        """Return the metrics of the test split; None without one, or if cut short."""
        setup = self._setup
        metrics = measure_test(setup.model, setup.objective, setup.data, self._hurried, self._own, self._evaluate)
        average = setup.average
        if metrics is None or average is None or not average.steps:
            return metrics
        with average.in_model():
            values = measure_test(setup.model, setup.objective, setup.data, self._hurried, self._own, self._evaluate)
        return metrics | {f"{AVERAGE}/{name}": value for name, value in (values or {}).items()}

    def _try_own(self) -> None:
        """Call each metric of the user's own once, so that a mistake in it shows before the first step."""
        setup = self._setup
        inputs, targets = setup.data.validation.inputs[:TRIED], setup.data.validation.targets[:TRIED]
        training = setup.model.training
        setup.model.eval()
        try:
            with torch.random.fork_rng(devices=[]), torch.inference_mode():
                self._own.measure(setup.model(inputs), targets)
        finally:
            setup.model.train(training)
