"""A rule at work against a small model of the rules, on random histories."""

from __future__ import annotations

import json
import math
import random
import statistics
from itertools import pairwise

import pytest

from tui_trainer.guards.dry_run import SeriesColumn, dry_run, measurements
from tui_trainer.guards.grammar import parse_rule
from tui_trainer.guards.watch import Measurements, Watch


def _steps(values: list[float], name: str = "train_loss") -> list[Measurements]:
    return [Measurements("steps", step, 0, {name: value}) for step, value in enumerate(values, start=1)]


def _epochs(values: list[float], name: str = "val_loss") -> list[Measurements]:
    return [Measurements("epochs", 10 * epoch, epoch, {name: value}) for epoch, value in enumerate(values, start=1)]


def _fired(text: str, history: list[Measurements]) -> list[int]:
    return [firing.step for firing in dry_run(parse_rule(text), history) if not firing.resort]


def _model_of_median(values: list[float], factor: float, of: int, most: int, rest: int) -> list[int]:
    fired: list[int] = []
    for index, value in enumerate(values):
        before = [one for one in values[:index] if math.isfinite(one)][-of:]
        high = len(before) == of and (math.isnan(value) or value > factor * statistics.median(before))
        if high and len(fired) < most and (not fired or index + 1 >= fired[-1] + rest):
            fired.append(index + 1)
    return fired


def test_a_median_against_the_model() -> None:
    rng = random.Random(0)
    for _ in range(60):
        values = [
            rng.choice([rng.lognormvariate(0, 1), rng.lognormvariate(0, 1), math.nan, math.inf]) for _ in range(150)
        ]
        of, rest, most = rng.randint(1, 20), rng.randint(1, 30), rng.randint(1, 9)
        text = f"when loss > 2 x its median of {of} steps: lr x0.5, cool-down {rest} steps, at most {most} times"
        assert _fired(text, _steps(values)) == _model_of_median(values, 2, of, most, rest), text


def _model_of_rises(values: list[float], count: int, most: int) -> list[int]:
    fired: list[int] = []
    begin = 0
    for index in range(len(values)):
        window = values[index - count : index + 1] if index - count >= begin else []
        if window and all(b > a for a, b in pairwise(window)) and len(fired) < most:
            fired.append((index + 1) * 10)
            begin = index
    return fired


def test_rises_against_the_model() -> None:
    rng = random.Random(1)
    for _ in range(200):
        values = [rng.random() for _ in range(80)]
        count, most = rng.randint(1, 4), rng.randint(1, 6)
        text = f"when val_loss rises {count} epochs: lr x0.5, at most {most} times"
        assert _fired(text, _epochs(values)) == _model_of_rises(values, count, most), text


def test_no_new_low_against_the_model() -> None:
    rng = random.Random(2)
    for _ in range(200):
        values = [rng.random() for _ in range(60)]
        count = rng.randint(1, 6)
        expected, lowest, since = [], math.inf, 0
        for index, value in enumerate(values):
            since = 0 if value < lowest else since + 1
            lowest = min(lowest, value)
            if since >= count:
                expected.append((index + 1) * 10)
                since = 0
        text = f'when val_loss has no new low for {count} epochs: note "flat"'
        assert _fired(text, _epochs(values)) == expected


@pytest.mark.parametrize(
    ("text", "values", "steps"),
    [
        ("when loss is not finite: pause, cool-down 1 step", [1, math.nan, 2, math.inf, -math.inf], [2, 4, 5]),
        ("when loss > 2: pause, cool-down 1 step", [1, 3, math.nan, 2], [2, 3]),
        ("when loss < 2: pause, cool-down 1 step", [1, 3, math.nan, -math.inf], [1, 4]),
        ("when loss >= 2 for 2 steps: pause, cool-down 1 step", [2, 2, 2, 2, 1, 2], [2, 4]),
        ("when loss > 5: lr x0.5", [9.0] * 350, [1, 101, 201, 301]),
        ("when loss > 5: lr x0.5", [9.0] * 1000, [1, 101, 201, 301, 401]),
        ("when loss > 5: lr x0.5, roll back 300 steps", [9.0] * 1000, [1, 301, 601, 901]),
        ("when loss > 5 and step > 3: pause, cool-down 2 steps", [9.0] * 8, [4, 6, 8]),
    ],
)
def test_firings_on_steps(text: str, values: list[float], steps: list[int]) -> None:
    assert _fired(text, _steps(values)) == steps


def test_a_loss_counted_in_epochs_is_the_mean_of_the_epoch() -> None:
    history: list[Measurements] = []
    for epoch, mean in enumerate([1.0, 2.0, 3.0], start=1):
        history += [Measurements("steps", 2 * epoch - 1 + k, epoch - 1, {"train_loss": 5.0 - k}) for k in range(2)]
        history.append(Measurements("epochs", 2 * epoch, epoch, {"train_loss": mean}))
    assert _fired("when loss rises 2 epochs: pause", history) == [6]
    assert _fired("when loss rises 2 steps: pause", history) == []


def test_a_finding_fires_when_it_appears() -> None:
    found = [frozenset[str](), frozenset({"OVERFIT"}), frozenset({"OVERFIT"}), frozenset[str](), frozenset({"OVERFIT"})]
    history = [Measurements("epochs", step, step, {}, findings) for step, findings in enumerate(found, start=1)]
    assert _fired("when finding OVERFIT: pause", history) == [2, 5]
    assert _fired("when finding LR_HIGH: pause", history) == []
    # With a further condition it waits until that holds too.
    assert _fired("when finding OVERFIT and epoch >= 3: pause", history) == [3, 5]


def test_the_last_resort_comes_after_the_last_time() -> None:
    rule = parse_rule("when loss > 5: roll back 10 steps, at most 2 times, cool-down 20 steps")
    firings = dry_run(rule, _steps([9.0] * 200))
    assert [(firing.step, firing.resort) for firing in firings] == [(1, ""), (21, ""), (41, "stop")]
    assert "2 firings used up" in firings[-1].evidence


def test_skips_in_a_row_end_in_the_last_resort() -> None:
    rule = parse_rule("when grad_norm is not finite: skip the step")
    good, bad = 1.0, math.nan
    apart = dry_run(rule, _steps([bad, good] * 100, "grad_norm"))
    assert len(apart) == 100
    assert not any(firing.resort for firing in apart)
    in_a_row = dry_run(rule, _steps([bad] * 100, "grad_norm"))
    assert [firing.resort for firing in in_a_row] == [""] * 10 + ["stop"]


@pytest.mark.parametrize(
    "text",
    [
        "when loss > 2 x its median of 9 steps for 2 steps: lr x0.5, cool-down 7 steps, at most 4 times",
        "when loss rises 2 steps and loss > 0.3: lr x0.5, cool-down 3 steps",
        "when loss has no new high for 6 steps: lr x0.5, at most 20 times, cool-down 1 step",
        "when loss is not finite: skip the step",
    ],
)
def test_a_state_goes_through_json_at_any_moment(text: str) -> None:
    rng = random.Random(3)
    values = [rng.choice([rng.random(), math.nan, rng.random(), 3 * rng.random()]) for _ in range(120)]
    history, rule = _steps(values), parse_rule(text)
    whole = [firing.step for firing in dry_run(rule, history)]
    assert whole
    watch, fired = Watch(rule), []
    for one in history:
        again = Watch(rule)
        again.load_state_dict(json.loads(json.dumps(watch.state_dict(), allow_nan=False)))
        watch = again
        fired += [firing.step for firing in [watch.take(one)] if firing is not None]
    assert fired == whole


def test_columns_come_in_the_order_of_a_live_run() -> None:
    columns = [
        SeriesColumn("val_loss", "epochs", [(2, 0.5), (4, 0.6)]),
        SeriesColumn("train_loss", "steps", [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]),
        SeriesColumn("train_loss", "epochs", [(2, 1.5), (4, 3.5)]),
    ]
    order = [(one.at, one.step, one.epoch, dict(one.values)) for one in measurements(columns, 2)]
    assert order == [
        ("steps", 1, 0, {"train_loss": 1.0}),
        ("steps", 2, 0, {"train_loss": 2.0}),
        ("epochs", 2, 1, {"val_loss": 0.5, "train_loss": 1.5}),
        ("steps", 3, 1, {"train_loss": 3.0}),
        ("steps", 4, 1, {"train_loss": 4.0}),
        ("epochs", 4, 2, {"val_loss": 0.6, "train_loss": 3.5}),
    ]
