"""The rules against runs whose illness is known from elsewhere, and how often their findings change."""

from __future__ import annotations

import sys

import pytest

from tests.diagnosis.calibration import Score, configuration, record, said_of
from tui_trainer.config.preset import load
from tui_trainer.protocol import events as ev

KNOWN: dict[tuple[str, str], set[str]] = {
    ("digits", "sgd-0.001"): {"LR_LOW", "STUCK"},
    ("digits", "sgd-0.1"): set(),
    ("digits", "sgd-0.3"): set(),
    ("digits", "sgd-3"): {"NAN"},
    ("digits", "adam-0.0001"): {"LR_LOW"},
    ("digits", "adam-0.001"): set(),
    ("digits", "cosine-0.3"): set(),
    ("digits", "one-cycle-0.3"): set(),
    ("digits", "vanish: deep sigmoid"): {"VANISH", "STUCK"},
    ("digits", "vanish: tiny start"): {"DEAD", "STUCK", "VANISH"},
    ("digits", "explode: loud start"): {"EXPLODE", "STUCK"},
    ("digits", "nograd: sign"): {"NOGRAD"},
    ("digits", "nograd: zeros"): {"NOGRAD", "DEAD", "STUCK"},
    ("wine", "sgd-0.001"): {"LR_LOW"},
    ("wine", "adam-0.01"): set(),
    ("digits", "narrow"): {"UNDERFIT"},
    ("wine", "vanish: tiny start"): {"DEAD", "STUCK", "VANISH"},
    ("moons", "sgd-0.01"): {"LR_LOW"},
    ("moons", "wide-adam"): set(),
}
"""The labels of some recorded runs (`calibration.labels`), by data and configuration."""
FALSE = {"STUCK": 1, "LR_HIGH": 1, "LR_LOW": 1}
"""Findings of these runs that their labels do not name; a bad start also looks like a rate that is too high."""
MOST_CHANGES = 6
"""Changes of findings in a run of digits-mlp, at any rate."""


def changes(rate: float, epochs: int) -> list[tuple[str, bool]]:
    """Return what the diagnosis of digits-mlp at a rate says: (finding, whether it is there), in order."""
    settings = [f"optimizer.lr={rate}", f"training.epochs={epochs}"]
    (config,) = load("digits-mlp", settings).runs.values()
    return [(said.finding, said.active) for said in said_of(record(config, only_loss=True).events)]


@pytest.mark.long
def test_labelled_runs_are_found_and_healthy_ones_are_left_alone() -> None:
    score = Score()
    for (data, name), wrong in KNOWN.items():
        score.add(wrong, said_of(record(configuration(name, data, 0), only_loss=True).events))
    print(*score.lines(), sep="\n", file=sys.stderr)
    assert score.healthy[0] == 0
    assert score.sick[0] == score.sick[1]
    for name, (right, false, missed) in score.counts.items():
        most_false, most_missed = FALSE.get(name, 0), 0
        assert (false <= most_false, missed <= most_missed) == (True, True), (name, right, false, missed)


@pytest.mark.long
@pytest.mark.parametrize("rate", [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0])
def test_findings_of_digits_mlp_change_at_most_six_times(rate: float) -> None:
    assert len(changes(rate, 150)) <= MOST_CHANGES


@pytest.mark.parametrize("rate", [3e-4, 3e-2, 1.0])
def test_findings_of_a_short_digits_mlp_change_at_most_six_times(rate: float) -> None:
    """Fewer epochs leave less time between changes."""
    found = changes(rate, 8)
    assert len(found) <= MOST_CHANGES
    assert (rate < 1e-3) or found, "a rate a hundred times too high is noticed"


def rule_flickers(period: int, epochs: int) -> list[ev.AnyEvent]:
    """Return a run whose units die and come back, and whose loss blows up and falls, every `period` epochs."""
    events: list[ev.AnyEvent] = [
        ev.RunStarted(chance=2.303, guessing=2.303, steps_per_epoch=10, epochs=epochs, task="classification")
    ]
    for number in range(1, epochs + 1):
        bad = number // period % 2 == 1
        steps = list(range(10 * number - 9, 10 * number + 1))
        loss = 40.0 if bad else 0.9
        layer = ev.Layer(grad_norm=1.0, weight_norm=2.0, activation_std=1.0, dead=0.7 if bad else 0.1)
        events += [
            ev.Scalars(steps=steps, seconds=[0.0] * 10, values={"train_loss": [loss] * 10, "lr": [0.1] * 10}),
            ev.LayersMeasured(step=10 * number, layers={"hidden": layer}),
            ev.EpochEnded(epoch=number, step=10 * number, seconds=0.0, lr=0.1, metrics={"train_loss": loss}),
        ]
    return events


@pytest.mark.parametrize("period", [1, 2, 3, 5, 8, 13, 21])
def test_a_run_that_flickers_between_two_states_does_not_flicker_on_the_screen(period: int) -> None:
    found = said_of(rule_flickers(period, 150))
    for name in {said.finding for said in found}:
        own = [said.active for said in found if said.finding == name]
        assert len(own) <= MOST_CHANGES
        assert own == [at % 2 == 0 for at in range(len(own))], "it comes and goes in turn"
