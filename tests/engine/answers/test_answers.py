"""The numbers of the answers against scikit-learn and formulas, and that asking leaves nothing behind in a run."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
import torch
from torch import nn

from tests.support import TrainerHarness, tiny_config
from tui_trainer.config.run_config import RunConfig
from tui_trainer.engine.answers.undisturbed import undisturbed
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.protocol.pictures import Answers, drawing_of
from tui_trainer.runs.comparing.interventions import commands_by_step
from tui_trainer.runs.history import RunHistory, first_difference

LICENSE = Path(__file__).parents[3] / "LICENSE"
"""A text of some thousand characters."""
CNN: dict[str, Any] = {
    "data": {"kind": "digits", "batch_size": 200},
    "model": {"kind": "cnn", "channels": [4], "hidden": [8], "batch_norm": True, "dropout": 0.4},
    "optimizer": {"kind": "adam", "lr": 0.01},
}
WINE: dict[str, Any] = {"data": {"kind": "wine", "batch_size": 16}}
DIABETES: dict[str, Any] = {"data": {"kind": "diabetes", "batch_size": 32}, "loss": {"kind": "mse"}}
POINT: dict[str, Any] = {
    "data": {"kind": "quadratic"},
    "model": {"kind": "point"},
    "loss": {"kind": "value"},
    "optimizer": {"kind": "sgd", "lr": 0.001},
}
TEXT: dict[str, Any] = {
    "data": {"kind": "text", "path": str(LICENSE), "context": 8, "batch_size": 16},
    "model": {"kind": "transformer", "layers": 1, "heads": 2, "width": 8},
    "loss": {"kind": "cross-entropy"},
}


def asked(bench: TrainerHarness, **question: Any) -> ev.PictureTaken | ev.Refused:
    """Ask at the present step and return the answer."""
    bench.control.put(cmd.ShowAnswers(id="asked", by="me", **question))
    bench.steps(1)
    return next(event for event in reversed(bench.events) if event.cause is not None and event.cause.id == "asked")


def paused(**tables: dict[str, Any]) -> TrainerHarness:
    """A run that waits after its third batch."""
    bench = TrainerHarness(tiny_config(**tables))
    bench.steps(3)
    bench.control.put(cmd.Pause(id="pause"))
    bench.steps(1)
    return bench


def answers_of(event: ev.AnyEvent) -> Answers:
    assert isinstance(event, ev.PictureTaken), event
    drawing = drawing_of(event)
    assert isinstance(drawing, Answers)
    return drawing


def outputs(bench: TrainerHarness) -> torch.Tensor:
    """The outputs on the validation split, computed here."""
    setup = bench.trainer.services.setup
    setup.model.eval()
    with torch.no_grad():
        found = setup.model(setup.data.validation.inputs)
    setup.model.train()
    return found


@pytest.mark.parametrize("tables", [CNN, WINE], ids=["images", "table"])
def test_confusion_precision_and_recall_are_those_of_scikit_learn(tables):
    bench = paused(**tables)
    event = asked(bench)
    drawing = answers_of(event)
    data = bench.trainer.services.setup.data
    true, guess = data.validation.targets.numpy(), outputs(bench).argmax(-1).numpy()
    labels = list(range(len(data.classes)))
    assert drawing.table is not None
    assert np.array_equal(drawing.table.values, sklearn.metrics.confusion_matrix(true, guess, labels=labels))
    precision, recall, _, count = sklearn.metrics.precision_recall_fscore_support(
        true, guess, labels=labels, zero_division=np.nan
    )
    assert [score.count for score in drawing.classes] == count.tolist()
    assert [score.recall for score in drawing.classes] == pytest.approx(recall.tolist())
    found = [np.nan if score.precision is None else score.precision for score in drawing.classes]
    assert found == pytest.approx(precision.tolist(), nan_ok=True)
    assert isinstance(event, ev.PictureTaken)
    assert event.numbers["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(true, guess))
    assert event.numbers[f"recall/{data.classes[1]}"] == pytest.approx(recall[1])


def test_the_worst_samples_are_those_with_the_least_probability_of_the_true_class():
    bench = paused(**CNN)
    drawing = answers_of(asked(bench, worst=5, samples=(7, 2)))
    split = bench.trainer.services.setup.data.validation
    nats = torch.nn.functional.cross_entropy(outputs(bench).double(), split.targets, reduction="none")
    assert [sample.index for sample in drawing.worst] == nats.topk(5).indices.tolist()
    assert [sample.wrong for sample in drawing.worst] == pytest.approx(nats.topk(5).values.tolist(), rel=1e-3)
    assert [sample.index for sample in drawing.chosen] == [7, 2]
    sample = drawing.chosen[0]
    assert (sample.true, sample.guess) == (str(int(split.targets[7])), str(int(outputs(bench)[7].argmax())))
    assert sample.sure == pytest.approx(float(outputs(bench)[7].softmax(-1).max()), rel=1e-3)
    assert (len(sample.image), len(sample.image[0]), sample.channels) == (8, 8, 1)
    assert {value for row in sample.image for value in row} >= {0.0, 1.0}


def test_scores_without_probabilities_are_ranked_by_the_margin_that_is_lost():
    bench = paused(loss={"kind": "hinge"})
    drawing = answers_of(asked(bench, worst=4))
    targets = bench.trainer.services.setup.data.validation.targets
    lost = -2 * outputs(bench).squeeze(-1).double() * (2 * targets - 1)
    assert drawing.measure == "margin lost"
    assert [sample.wrong for sample in drawing.worst] == pytest.approx(lost.topk(4).values.tolist(), rel=1e-3)
    assert all(sample.sure is None for sample in drawing.worst)


def test_a_row_of_a_table_is_typed_in_the_units_of_the_data_and_gets_the_answer_of_the_same_sample():
    bench = paused(**WINE)
    known = answers_of(asked(bench, samples=(5,)))
    row = known.chosen[0].values
    assert known.names[:2] == ("alcohol", "malic_acid")
    drawing = answers_of(asked(bench, row=row))
    typed = drawing.chosen[0]
    assert (typed.index, typed.true, typed.guess) == (-1, "", known.chosen[0].guess)
    assert typed.sure == pytest.approx(known.chosen[0].sure, rel=1e-2)
    assert typed.values == row


def test_predictions_and_residuals_are_in_the_units_of_the_data():
    bench = paused(**DIABETES)
    event = asked(bench, worst=3)
    drawing = answers_of(event)
    data = bench.trainer.services.setup.data
    true = data.validation.targets.double() * data.target_scales[0] + data.scaling.target_mean.item()
    found = outputs(bench).double() * data.target_scales[0] + data.scaling.target_mean.item()
    residuals = (found - true).squeeze(-1)
    assert isinstance(event, ev.PictureTaken)
    assert event.numbers["r2"] == pytest.approx(sklearn.metrics.r2_score(true, found))
    assert event.numbers["mae"] == pytest.approx(sklearn.metrics.mean_absolute_error(true, found))
    assert event.numbers["rmse"] == pytest.approx(sklearn.metrics.root_mean_squared_error(true, found))
    assert event.numbers["bias"] == pytest.approx(float(residuals.mean()), abs=1e-9)
    assert [sample.index for sample in drawing.worst] == residuals.abs().topk(3).indices.tolist()
    worst = drawing.worst[0]
    assert worst.answer is not None
    assert worst.target is not None
    assert worst.answer - worst.target == pytest.approx(float(residuals[worst.index]), rel=1e-2)
    assert drawing.residuals is not None
    group = drawing.residuals.groups[0]
    counts, _ = np.histogram(residuals.numpy(), bins=len(group.counts), range=(group.low, group.high))
    assert list(group.counts) == counts.tolist()


def test_a_language_model_continues_a_prompt_the_same_for_the_same_weights():
    bench = paused(**TEXT)
    drawing = answers_of(asked(bench, prompt="the software ", worst=2))
    again = answers_of(asked(bench, prompt="the software ", worst=2))
    assert drawing.written == again.written
    assert drawing.written[0].prompt == "the software "
    assert len(drawing.written[0].text) == 160
    assert set(drawing.written[0].text) <= set(bench.trainer.services.setup.data.classes)
    split = bench.trainer.services.setup.data.validation
    nats = torch.nn.functional.cross_entropy(
        outputs(bench).double().transpose(1, 2), split.targets, reduction="none"
    ).mean(-1)
    assert [sample.wrong for sample in drawing.worst] == pytest.approx(nats.topk(2).values.tolist(), rel=1e-3)
    assert [sample.wrong for sample in drawing.worst] == pytest.approx(
        [float(nats[sample.index]) for sample in drawing.worst], rel=1e-3
    )
    names = bench.trainer.services.setup.data.classes
    window = split.inputs[drawing.worst[0].index].tolist()
    assert drawing.worst[0].text == "".join(names[symbol] for symbol in window)


@pytest.mark.parametrize(
    ("tables", "question", "words"),
    [
        (WINE, {"samples": (9999,)}, ["samples=9999", "validation samples, 0 to"]),
        (WINE, {"row": (1.0, 2.0)}, ["row has 2 numbers", "13", "alcohol"]),
        (WINE, {"prompt": "x"}, ["prompt", "samples=[0, 1]"]),
        (CNN, {"row": (1.0,)}, ["no rows of a table"]),
        (TEXT, {"prompt": "a \u20ac"}, ["'\u20ac' is not among", "characters"]),
        (POINT, {}, ["no samples"]),
    ],
)
def test_an_impossible_question_is_refused_and_the_run_goes_on(tables, question, words):
    bench = TrainerHarness(tiny_config(**tables, training={"epochs": 1}))
    bench.steps(1)
    event = asked(bench, **question)
    assert isinstance(event, ev.Refused)
    for word in words:
        assert word in event.reason
    assert bench.finish().reason == "completed"


def test_a_model_that_cannot_answer_is_a_refusal(monkeypatch):
    bench = paused()

    def fail(*_: object) -> None:
        raise RuntimeError("only batches of 20")

    monkeypatch.setattr("tui_trainer.engine.answers.answering.outputs_of", fail)
    event = asked(bench)
    assert isinstance(event, ev.Refused)
    assert "only batches of 20" in event.reason
    assert all(module.training for module in bench.trainer.services.setup.model.modules())


def weights(bench: TrainerHarness) -> dict[str, torch.Tensor]:
    return bench.trainer.services.setup.model.state_dict()


def history(bench: TrainerHarness) -> RunHistory:
    record = RunHistory()
    for event in bench.events:
        record.add(event)
    return record


@pytest.mark.parametrize(("tables", "question"), [(CNN, {"samples": (1,)}), (TEXT, {"prompt": "the"})])
def test_a_run_that_is_asked_equals_one_that_is_not_to_the_bit(tables, question):
    """With dropout, batch norm and a shuffled order: any random number or running average would be seen."""
    tables = {**tables, "training": {"epochs": 1, "seed": 3}}
    if tables["data"]["kind"] == "text":
        tables["model"] = {**tables["model"], "dropout": 0.2}
    plain, bench = TrainerHarness(tiny_config(**tables)), TrainerHarness(tiny_config(**tables))
    plain.finish()
    bench.steps(1)
    asked(bench, **question)
    bench.control.put(cmd.Pause(id="pause"))
    bench.steps(1)
    asked(bench, **question)
    album = bench.state_dict()["album"]
    bench.control.put(cmd.Resume(id="resume"))
    bench.finish()
    assert sum(event.name == "answers" for event in bench.of(ev.PictureTaken)) == 2
    assert album == {"at": {}, "held": {}}
    assert first_difference(history(plain), history(bench)) == ""
    one, other = weights(plain), weights(bench)
    assert all(torch.equal(one[name], other[name]) for name in one)
    replayed = TrainerHarness(tiny_config(**tables))
    replayed.trainer.follow(commands_by_step(history(bench)))
    replayed.finish()
    assert replayed.of(ev.PictureTaken) == []
    assert first_difference(history(bench), history(replayed)) == ""


def test_modes_buffers_and_generators_are_put_back():
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(2)
            self.register_buffer("calls", torch.zeros(1))
            self.calls: torch.Tensor

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.calls += 1
            return self.norm(x) + torch.rand(1) + random.random() + np.random.rand()

    model = Odd()
    model.norm.eval()  # a frozen part of a model that trains
    before = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]
    with undisturbed(model, torch.device("cpu")):
        model(torch.ones(3, 2))
        assert not model.training
    assert model.training
    assert not model.norm.training
    assert float(model.calls) == 0
    after = (torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist())  # type: ignore[index]
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


def test_an_answer_stays_small_whatever_is_asked():
    bench = paused(**CNN)
    drawing = answers_of(asked(bench, worst=24, samples=tuple(range(24))))
    assert len(drawing.chosen) == 24
    assert len(drawing.worst) == 24
    event = bench.state.pictures["answers"]
    assert len(encode_event(event)) < 60_000


class Clock:
    """A clock that moves by a number of seconds at each reading."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_the_low_rate_keeps_the_share_of_the_time_below_one_percent(monkeypatch):
    table = tiny_config().model_dump(mode="json", exclude_none=True)
    config = RunConfig.model_validate({**table, "pictures": [{"kind": "answers", "every": 1}]})
    bench = TrainerHarness(config)
    services = bench.trainer.services
    source = services.pictures._sources["answers"]
    monkeypatch.setattr("tui_trainer.engine.answers.picture.perf_counter", Clock(0.05))
    monkeypatch.setattr(type(source.state), "seconds", property(lambda state: state.step * 1.0))
    spent: list[tuple[int, bool]] = []
    for step in range(100):
        source.state.step = step
        spent.append((step, source.take() is not None))
    taken = [step for step, was_taken in spent if was_taken]
    # The first is assumed to cost 0.02 s, so it comes after 2.5 s; each then costs 0.05 s, so they are 6.25 s apart.
    assert taken[0] == 3
    assert all(0.05 * (index + 1) <= 0.008 * step + 1e-9 for index, step in enumerate(taken) if index)
    assert len(taken) >= 14
    assert source.spent == pytest.approx(0.05 * len(taken))
    assert source.spent < 0.01 * 100


def test_the_low_rate_is_off_by_default_and_its_last_answer_comes_at_the_end():
    assert tiny_config().pictures == ()
    table = tiny_config().model_dump(mode="json", exclude_none=True)
    config = RunConfig.model_validate({**table, "pictures": [{"kind": "answers", "samples": [1], "worst": 2}]})
    bench = TrainerHarness(config)
    bench.finish()
    taken = [event for event in bench.of(ev.PictureTaken) if event.name == "answers"]
    assert taken[-1].step == bench.state.step
    assert taken[-1].cause is None
    drawing = answers_of(taken[-1])
    assert [sample.index for sample in drawing.chosen] == [1]
    assert len(drawing.worst) == 2
    assert taken[-1].numbers["accuracy"] == pytest.approx(bench.state.metrics["val_accuracy"])
