"""The metrics of a task equal scikit-learn's, on ordinary and odd inputs, in one batch and in many."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, mean_squared_error, r2_score

from tests.support import TrainerHarness, tiny_config
from tui_trainer.data.splits import Samples, prepare
from tui_trainer.engine.evaluation.metrics import Accuracy, Regression
from tui_trainer.nn.objectives import Logits

KINDS = ("plain", "constant", "nearly constant", "offset", "huge", "tiny", "perfect", "one sample", "two samples")


def odd_case(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets and predictions `[n, t]` of a kind that goes round with the seed."""
    random = np.random.default_rng(seed)
    kind = KINDS[seed % len(KINDS)]
    count = {"one sample": 1, "two samples": 2}.get(kind, int(random.integers(3, 200)))
    targets = random.normal(size=(count, int(random.integers(1, 5)))) * random.uniform(0.1, 100, 1)
    if kind == "constant":
        targets[:] = np.round(targets[0])  # scikit-learn's own mean of others is off by rounding
    elif kind == "nearly constant":
        targets[:, 0] = 3.0
    elif kind == "offset":
        targets += 1e7
    elif kind == "huge":
        targets *= 1e30
    elif kind == "tiny":
        targets *= 1e-30
    guesses = targets.copy() if kind == "perfect" else targets + random.normal(size=targets.shape) * targets.std()
    return targets, guesses


@pytest.mark.parametrize("seed", range(200))
def test_regression_equals_scikit_learn_in_the_units_of_the_data(seed: int) -> None:
    targets, guesses = odd_case(seed)
    scales = 1 + np.arange(targets.shape[1])
    metric = Regression([1.0] * targets.shape[1], targets.mean(0).tolist())
    scaled = Regression(scales.tolist(), [0.0] * targets.shape[1])
    for start in range(0, len(targets), 7):
        outputs, wanted = torch.from_numpy(guesses[start : start + 7]), torch.from_numpy(targets[start : start + 7])
        metric.add(outputs, wanted)
        scaled.add(outputs / torch.from_numpy(scales), wanted / torch.from_numpy(scales))
    values = metric.values()
    assert values["rmse"] == pytest.approx(mean_squared_error(targets, guesses) ** 0.5, rel=1e-9, abs=1e-300)
    assert scaled.values()["rmse"] == pytest.approx(values["rmse"], rel=1e-9, abs=1e-300)
    if len(targets) < 2:
        assert "r2" not in values
    else:
        assert values["r2"] == pytest.approx(r2_score(targets, guesses), rel=1e-6, abs=1e-9)


def test_the_sums_of_several_targets_survive_a_checkpoint() -> None:
    targets, guesses = (torch.from_numpy(part) for part in odd_case(9))
    whole, again = (Regression([2.0] * targets.shape[1], [0.5] * targets.shape[1]) for _ in range(2))
    whole.add(guesses[:5], targets[:5])
    again.load_state_dict(whole.state_dict())
    for metric in (whole, again):
        metric.add(guesses[5:], targets[5:])
    assert again.values() == whole.values()


@pytest.mark.parametrize("standardise", [True, False])
def test_the_validation_of_a_run_is_in_the_units_of_the_data(standardise: bool, monkeypatch) -> None:
    """Two targets of different size: their errors are not pooled in standardised units."""
    random = np.random.default_rng(0)
    raw = np.stack([random.normal(size=120), 1000 + 50 * random.normal(size=120)], 1)
    samples = Samples(random.normal(size=(120, 3)), raw, (), "two targets")
    data = prepare(samples, 0, validation=0.3, test=0, label_noise=0, standardise=standardise, clip=None, wide=True)
    monkeypatch.setattr("tui_trainer.components.datasets.bundled.Diabetes.build", lambda self, seed, wide: data)
    config = tiny_config(
        data={"kind": "diabetes"}, model={"kind": "linear"}, loss={"kind": "mse"}, training={"precision": "float64"}
    )
    harness = TrainerHarness(config)
    harness.finish()
    with torch.no_grad():
        outputs = harness.trainer.services.setup.model(data.validation.inputs).numpy()
    targets = data.validation.targets.numpy()
    scales = np.array(data.target_scales)
    metrics = harness.trainer.state.last_metrics
    assert metrics["val_rmse"] == pytest.approx(mean_squared_error(targets * scales, outputs * scales) ** 0.5)
    assert metrics["val_r2"] == pytest.approx(r2_score(targets, outputs))


@pytest.mark.parametrize("seed", range(20))
def test_accuracy_equals_scikit_learn(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    outputs, classes = torch.randn(57, 4, generator=random), torch.randint(4, (57,), generator=random)
    metric = Accuracy(Logits())
    for start in range(0, 57, 8):
        metric.add(outputs[start : start + 8], classes[start : start + 8])
    assert metric.values() == {"accuracy": accuracy_score(classes.numpy(), outputs.argmax(1).numpy())}
