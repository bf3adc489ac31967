"""Each rule at its threshold: what is just beyond fires, what is just short of it does not."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import pytest

from tests.diagnosis.sample_histories import LN10, epochs, history, layers, probes
from tui_trainer.components.schedulers.builtin import Constant, Cosine, LinearDecay, OneCycle, WarmupStableDecay
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.diagnosis.findings import HEADLINES, KEYS, NO_FINDING, ORDER, Finding
from tui_trainer.diagnosis.generalization import stopped_too_soon
from tui_trainer.diagnosis.history import Broken, History, LayerSeen
from tui_trainer.diagnosis.rules import RULES, holding
from tui_trainer.ui.actions import BY_ID
from tui_trainer.ui.terminal.key_names import key_sign

FLAT = [1.0] * 5 + [0.995] * 6
"""Eleven epochs of a run of thirty: the last five are no 1 % better than the six before."""


def overfitting(
    ratio: float, *, last: float = 0.05, errors: tuple[float, float] = (0.10, 0.20), past: int = 6
) -> History:
    """Best in epoch 4, then worse by `ratio` for `past` epochs."""
    val = [0.9, 0.5, 0.4, 0.4, 0.4] + [0.4 * ratio] * (past + 2)
    train = [1.0, 0.6, 0.3, 0.2, 0.15] + [last] * (past + 2)
    error = [errors[0]] * 5 + [errors[1]] * (past + 2)
    return history(epochs=epochs(train, val_loss=val, val_error=error, lr=0.1))


CASES: dict[str, tuple[History, History]] = {
    "NAN": (history(broken=Broken(7, "nan")), history()),
    "DIVERGE: beyond the start": (history([5.21]), history([5.19])),
    "DIVERGE: beyond the best": (history([1.0, 3.46]), history([1.2, 3.45])),
    "DIVERGE: not on its way back": (history([20.0, 10.1]), history([20.0, 9.9])),
    "DIVERGE: beyond chance": (history([0.5, 1.5 * LN10 + 0.01]), history([0.5, 1.5 * LN10 - 0.01])),
    "DIVERGE: broken after growth": (
        history(broken=Broken(7, "inf"), last_losses=(3.0, 5.3)),
        history(broken=Broken(7, "inf"), last_losses=(3.0, 5.1)),
    ),
    "EXPLODE: the first loss": (history(first_loss=10.1 * LN10, epochs=epochs([2.0])), history(first_loss=9.9 * LN10)),
    "EXPLODE: the activations": (
        history([2.0], layers=layers((1, 5), (1, 5), spreads=(1.0, 30.1))),
        history([2.0], layers=layers((1, 5), (1, 5), spreads=(1.0, 29.9))),
    ),
    "EXPLODE: in the first epochs": (
        history([2.0] * 3, layers=layers((1, 5), (1, 5), spreads=(1.0, 40.0))),
        history([2.0] * 4, layers=layers((1, 5), (1, 5), spreads=(1.0, 40.0))),
    ),
    "NOGRAD": (
        history([0.31 * LN10], layers=layers((0.0, 5.0), (1.0, 5.0))),
        history([0.31 * LN10], layers=layers((1e-30, 5.0), (1.0, 5.0))),
    ),
    "NOGRAD: a loss worth the word": (
        history([0.31 * LN10], layers=layers((0.0, 5.0), (1.0, 5.0))),
        history([0.29 * LN10], layers=layers((0.0, 5.0), (1.0, 5.0))),
    ),
    "DEAD": (history([1.0], layers=layers((1, 5), silent=0.26)), history([1.0], layers=layers((1, 5), silent=0.25))),
    "DEAD: a loss worth the word": (
        history([0.11 * LN10], layers=layers((1, 5), silent=0.6)),
        history([0.09 * LN10], layers=layers((1, 5), silent=0.6)),
    ),
    "VANISH: gradients": (
        history(layers=layers((0.0099, 1), (0.5, 1), (1, 1))),
        history(layers=layers((0.0101, 1), (0.5, 1), (1, 1))),
    ),
    "VANISH: three layers": (
        history(layers=layers((0.001, 1), (0.5, 1), (1, 1))),
        history(layers=layers((0.001, 1), (1, 1))),
    ),
    "VANISH: activations": (
        history(layers=layers((1, 1), (1, 1), spreads=(1.0, 9e-4))),
        history(layers=layers((1, 1), (1, 1), spreads=(1.0, 1.1e-3))),
    ),
    "STUCK": (history([2.2, 2.2, 0.94 * LN10]), history([2.2, 2.2, 0.92 * LN10])),
    "STUCK: three epochs": (history([2.3, 2.3, 2.3]), history([2.3, 2.3])),
    "STUCK: the frequencies, not all classes alike": (
        history([1.5] * 3, guessing=1.5),
        history([1.5] * 3, guessing=LN10),
    ),
    "STUCK: the loss of a script may be anything": (history([2.3] * 3), history([2.3] * 3, task="script")),
    "LR_HIGH": (
        history([1.0, 1.0, 0.98], probes=probes(0.44)),
        history([1.0, 1.0, 0.98], probes=probes(0.46)),
    ),
    "LR_HIGH: the loss": (
        history([0.24, 0.24, 0.11 * LN10], probes=probes(0.4)),
        history([0.24, 0.24, 0.09 * LN10], probes=probes(0.4)),
    ),
    "LR_HIGH: steps that do not agree": (
        history(epochs=epochs([2.0, 1.5, 1.0], deviation=0.26, lr=1.0), probes=probes(0.44, 5.1e-3, 0.29)),
        history(epochs=epochs([2.0, 1.5, 1.0], deviation=0.24, lr=1.0), probes=probes(0.44, 5.1e-3, 0.29)),
    ),
    "LR_HIGH: a spike": (
        history(epochs=epochs([2.0, 1.5, 1.0], highest=5.1 * LN10, lr=1.0), probes=probes(0.44)),
        history(epochs=epochs([2.0, 1.5, 1.0], highest=4.9 * LN10, lr=1.0), probes=probes(0.44)),
    ),
    "LR_HIGH: diverging counts twice": (
        history([1.0, 4.0], probes=probes(0.84)),
        history([1.0, 4.0], probes=probes(0.86)),
    ),
    "PLATEAU": (history(FLAT), history([1.0] * 6 + [0.98] * 5)),
    "PLATEAU: longer than its patience": (history([1.0] * 6), history([1.0] * 5)),
    "PLATEAU: above the floor": (history([0.051 * LN10] * 11), history([0.049 * LN10] * 11)),
    "PLATEAU_NOISE": (history(FLAT, probes=probes(0.89, 1.1e-3)), history(FLAT, probes=probes(0.91, 1.1e-3))),
    "PLATEAU_NOISE: steps of a size": (
        history(FLAT, probes=probes(0.89, 1.1e-3)),
        history(FLAT, probes=probes(0.89, 9e-4)),
    ),
    "ADAGRAD: the step of epoch 1": (
        history(optimizer="adagrad", rate=0.0249, first_rate=0.1),
        history(optimizer="adagrad", rate=0.0251, first_rate=0.1),
    ),
    "ADAGRAD: tiny steps": (
        history(optimizer="adagrad", probes=probes(0.91, 4.9e-4)),
        history(optimizer="adagrad", probes=probes(0.91, 5.1e-4)),
    ),
    "ADAGRAD: no other": (
        history(optimizer="adagrad", rate=0.01, first_rate=0.1),
        history(optimizer="rmsprop", rate=0.01, first_rate=0.1),
    ),
    "LR_LOW": (history(probes=probes(0.986, 1.9e-3)), history(probes=probes(0.984, 1.9e-3))),
    "LR_LOW: small steps": (history(probes=probes(0.99, 1.9e-3)), history(probes=probes(0.99, 2.1e-3))),
    "LR_LOW: falling": (
        history([1.0, 0.99, 0.985, 0.98, 0.979], probes=probes(0.99)),
        history([1.0, 1.0, 0.999, 0.998, 0.99], probes=probes(0.99)),
    ),
    "LR_LOW: or gradients that agree": (
        history([1.0] * 5, probes=probes(0.99, 1e-3, 0.21)),
        history([1.0] * 5, probes=probes(0.99, 1e-3, 0.19)),
    ),
    "OVERFIT": (overfitting(1.16), overfitting(1.14)),
    "OVERFIT: past its best": (overfitting(1.5, past=5), overfitting(1.5, past=1)),
    "OVERFIT: the training loss went on": (overfitting(1.5, last=0.17), overfitting(1.5, last=0.29)),
    "UNDERFIT": (
        history([1.0] * 26 + [0.99] * 4, planned=60),
        history([1.0] * 15 + [0.9 - 0.02 * place for place in range(15)], planned=60),
    ),
    "UNDERFIT: eight epochs": (history([1.0] * 8, planned=9), history([1.0] * 7, planned=9)),
    "UNDERFIT: half of the run": (history([1.0] * 30, planned=60), history([1.0] * 29, planned=60)),
    "UNDERFIT: far from zero": (history([0.26 * LN10] * 8, planned=16), history([0.24 * LN10] * 8, planned=16)),
    "UNDERFIT: no other cause": (
        history([1.0] * 8, planned=16),
        history([1.0] * 8, planned=16, layers=layers((1, 5), silent=0.6)),
    ),
    "STOPPED_TOO_SOON": (
        history(reason="completed", epochs=epochs([1.0, 0.9, 0.8, 0.7, 0.6], val_loss=[0.9, 0.8, 0.7, 0.6, 0.5])),
        history(reason="", epochs=epochs([1.0, 0.9, 0.8, 0.7, 0.6], val_loss=[0.9, 0.8, 0.7, 0.6, 0.5])),
    ),
    "RANK_DATA": (
        history(ranks={"step": 50.0, "input": 1.0, "input_worst": 11.1}),
        history(ranks={"step": 50.0, "input": 1.0, "input_worst": 10.9}),
    ),
    "RANK_SLOW": (
        history(ranks={"step": 50.0, "busy": 20.0, "busy_worst": 30.1}),
        history(ranks={"step": 50.0, "busy": 20.0, "busy_worst": 29.9}),
    ),
    "STOPPED_TOO_SOON: one percent": (
        history(reason="completed", epochs=epochs([1.0, 0.98, 0.96], val_loss=[0.9, 0.8, 0.7])),
        history(reason="completed", epochs=epochs([1.0, 0.995, 0.99], val_loss=[0.9, 0.8, 0.7])),
    ),
    "STOPPED_TOO_SOON: the best is new": (
        history(reason="completed", epochs=epochs([1.0, 0.9, 0.8, 0.7], val_loss=[0.9, 0.5, 0.7, 0.6])),
        history(reason="completed", epochs=epochs([1.0, 0.9, 0.8, 0.7], val_loss=[0.5, 0.8, 0.7, 0.6])),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_fires_beyond_its_threshold_and_not_short_of_it(case: str) -> None:
    name = case.split(":")[0]
    beyond, short = CASES[case]
    assert name in holding(beyond)
    assert name not in holding(short)


def test_every_rule_has_a_threshold_that_is_tested() -> None:
    assert {case.split(":")[0] for case in CASES} == set(RULES) == set(ORDER)


def test_a_run_that_learns_shows_nothing_and_is_not_called_healthy() -> None:
    assert holding(history()) == {}
    assert holding(History()) == {}
    assert "healthy" not in (NO_FINDING + "".join(HEADLINES.values())).lower()


def test_the_order_of_decision() -> None:
    assert ORDER == (
        "NAN", "DIVERGE", "EXPLODE", "NOGRAD", "DEAD", "VANISH", "STUCK", "LR_HIGH", "PLATEAU_NOISE", "ADAGRAD",
        "LR_LOW", "OVERFIT", "UNDERFIT", "PLATEAU", "RANK_DATA", "RANK_SLOW", "STOPPED_TOO_SOON",
    )  # fmt: skip
    assert [RULES[name].__name__ for name in RULES][:3] == ["nan", "diverge", "explode"]


IDENTIFIERS = re.compile(r"\b(" + "|".join(ORDER).replace("NAN|", "") + r")\b")


def _ids(found: Finding) -> list[str]:
    return [action.action for action in found.actions]


def _of(name: str, run: History) -> Finding:
    return holding(run)[name]  # type: ignore[index]


def test_without_growth_a_lost_loss_never_blames_the_rate() -> None:
    run = history(broken=Broken(123, "nan", layer="hidden1"), last_losses=(0.51, 0.5, 0.49, 0.5, 0.52))
    found = _of("NAN", run)
    assert "step 123" in found.evidence
    assert "layer hidden1" in found.evidence
    assert "0.51, 0.5, 0.49, 0.5, 0.52" in found.evidence
    assert "did not grow before: check the batch" in found.advice
    assert _ids(found) == [""]
    assert found.actions[0].reason
    assert "DIVERGE" not in holding(run)


def test_with_growth_it_proposes_a_tenth_of_the_rate_and_data_that_are_broken_are_named_first() -> None:
    grown = history(broken=Broken(9, "inf"), last_losses=(3.0, 9.0, 80.0), lr=0.5)
    assert [(action.action, action.value) for action in _of("NAN", grown).actions] == [("anew", "optimizer.lr=0.05")]
    spoilt = replace(grown, broken=Broken(9, "nan", data=True))
    assert _ids(_of("NAN", spoilt)) == [""]
    assert "data" in _of("NAN", spoilt).advice


def test_an_initial_explosion_never_asks_for_a_lower_rate_first() -> None:
    run = history([30.0, 80.0], first_loss=30.0)
    assert _ids(_of("EXPLODE", run)) == ["anew", "anew"], "only a new run has another start"
    assert "initialisation" in _of("EXPLODE", run).advice
    assert "standardised" in _of("EXPLODE", run).advice
    assert _of("DIVERGE", run).advice.startswith("the loss was far above chance before the first step")


def test_flatness_alone_never_blames_the_rate() -> None:
    for quality in (None, 0.95):
        found = holding(history(FLAT, probes=probes(quality)))
        assert "LR_HIGH" not in found
        assert "PLATEAU_NOISE" not in found
        assert "too large" not in found["PLATEAU"].evidence + found["PLATEAU"].advice
        assert found["PLATEAU"].evidence.startswith("no gain of 1 % for ")
        assert "Cause: " in found["PLATEAU"].evidence


@pytest.mark.parametrize(
    ("changes", "cause", "action"),
    [
        ({"probes": probes(0.99, 4e-4)}, "possibly too small steps", "rate"),
        ({"probes": probes(0.95, 4e-4)}, "not found", "layers"),
    ],
)
def test_a_flat_curve_is_explained_by_its_steps(changes: dict, cause: str, action: str) -> None:
    found = _of("PLATEAU", history(FLAT, **changes))
    assert f"Cause: {cause}" in found.evidence
    assert _ids(found) == [action]


def test_a_flat_curve_that_another_finding_explains_is_not_named() -> None:
    found = holding(history(FLAT, layers=layers((0.0, 5.0), (1.0, 5.0))))
    assert "NOGRAD" in found
    assert "PLATEAU" not in found


def _late(scheduler: Any, losses: list[float], **changes: Any) -> History:
    """A run of as many epochs as there are losses, under a schedule that ends with its last step."""
    steps = 40 * len(losses)
    plan = LrPlan.begin(scheduler, 0.1, step=0, end=steps, steps_per_epoch=40)
    return history(losses, planned=len(losses), plan=plan, step=steps - 10, **changes)


@pytest.mark.parametrize("scheduler", [OneCycle(), Cosine(), LinearDecay(), WarmupStableDecay()])
def test_what_the_plan_brings_about_is_no_finding(scheduler: Any) -> None:
    losses = [1.0] * 10 + [0.995] * 10
    flat = _late(scheduler, losses, probes=probes(0.95, 4e-4))
    assert holding(flat) == {}, "flat at the end of a decay"
    assert "PLATEAU" in holding(_late(Constant(), losses, probes=probes(0.95, 4e-4)))
    coarse = _late(scheduler, losses, probes=probes(0.88, 2e-3))
    assert "PLATEAU_NOISE" not in holding(coarse)
    assert "PLATEAU_NOISE" not in holding(replace(coarse, step=360)), "the plan is about to lower the rate itself"
    assert "PLATEAU_NOISE" in holding(_late(Constant(), losses, probes=probes(0.88, 2e-3)))


def test_a_low_rate_in_a_warm_up_or_after_a_decay_is_as_planned() -> None:
    losses = [1.0, 0.9, 0.8, 0.7, 0.6]
    tiny = {"probes": probes(0.99)}
    warm = _late(Cosine(warmup=0.9), losses, **tiny)
    assert "LR_LOW" not in holding(replace(warm, step=60))
    assert "LR_LOW" not in holding(_late(Cosine(), losses, **tiny))
    assert "LR_LOW" in holding(replace(_late(Cosine(), losses, **tiny), step=20)), "near the highest rate of the plan"
    dropped = epochs(losses, lr=[1.0, 0.8, 0.6, 0.5, 0.4])
    assert "LR_LOW" not in holding(history(epochs=dropped, **tiny)), "a journal without a plan"
    assert "LR_LOW" in holding(_late(Constant(), losses, **tiny))


def test_little_is_left_to_find_where_nearly_all_samples_are_right() -> None:
    solved = epochs([1.0, 0.9, 0.8], val_error=[0.3, 0.1, 0.02], lr=0.1)
    for run in (
        history(epochs=solved, layers=layers((1, 5), silent=0.3)),
        history(epochs=solved, layers=layers((0.001, 1), (0.5, 1), (1, 1))),
        history(epochs=solved, layers=layers((0.0, 5.0), (1.0, 5.0))),
    ):
        assert holding(run) == {}
        assert holding(replace(run, epochs=epochs([1.0, 0.9, 0.8], val_error=[0.3, 0.1, 0.1], lr=0.1)))


def test_dead_units_explain_missing_gradients_before_them() -> None:
    def silent(net: tuple[LayerSeen, ...], *shares: float | None) -> tuple[LayerSeen, ...]:
        return tuple(replace(layer, silent=share) for layer, share in zip(net, shares, strict=True))

    dead = silent(layers((0, 5), (0, 5), (1, 5)), 0.0, 1.0, None)
    assert set(holding(history([2.0], layers=dead))) == {"DEAD"}
    zeros = tuple(replace(layer, weights=(0.0,) * 3) for layer in dead)
    assert {"NOGRAD", "DEAD"} <= set(holding(history([2.0], layers=zeros))), "weights of zero are no work of dead units"
    fading = silent(layers((1e-4, 1), (3e-3, 1), (0.1, 1), (1, 1)), 0.0, 0.0, 0.9, None)
    assert {"VANISH", "DEAD"} <= set(holding(history([2.0], layers=fading))), "it fades before the dead layer, too"


def test_the_advice_against_a_high_rate_names_the_staircase() -> None:
    found = _of("LR_HIGH", history([1.0, 1.0, 0.98], probes=probes(0.3)))
    assert "staircase" in found.advice
    assert "StepLR" in found.advice
    assert [(action.action, action.value) for action in found.actions] == [("rate", "/10"), ("schedule", "staircase")]


def test_a_low_rate_projects_the_epochs_to_half_the_loss() -> None:
    found = _of("LR_LOW", history([1.0, 0.95, 0.95**2, 0.95**3, 0.95**4], probes=probes(0.99)))
    assert found.numbers["epochs to half"] == pytest.approx(math.log(0.5) / math.log(0.95))
    assert "14 more epochs to half the loss" in found.evidence
    assert [(action.action, action.value) for action in found.actions] == [("rate", "x3")]


def test_overfitting_is_of_confidence_where_the_error_did_not_rise() -> None:
    rising = _of("OVERFIT", overfitting(1.5))
    assert rising.evidence.startswith("overfit; ")
    assert _ids(rising) == ["stop_early", "anew"]
    same = _of("OVERFIT", overfitting(1.5, errors=(0.10, 0.10)))
    assert same.evidence.startswith("overconfidence")
    assert "10.0% -> 10.0%" in same.evidence
    assert _of("OVERFIT", overfitting(1.5, errors=(0.10, 0.102))).evidence.startswith("overconfidence")


def test_small_validation_splits_need_a_larger_rise() -> None:
    assert "OVERFIT" in holding(overfitting(1.3))
    assert "OVERFIT" not in holding(replace(overfitting(1.3), validation_samples=36))


def test_underfitting_leaves_open_whether_capacity_or_labels() -> None:
    assert "too little capacity or label noise" in _of("UNDERFIT", history([1.0] * 8, planned=16)).advice


def test_what_ended_too_soon_projects_its_gain() -> None:
    losses = [2.0 * 0.9**place for place in range(8)]
    run = history(reason="completed", epochs=epochs(losses, val_loss=losses))
    found = _of("STOPPED_TOO_SOON", run)
    assert found.numbers["projected"] == pytest.approx(losses[-1] * 0.9**4)
    assert "--epochs 12" in found.advice
    assert [(action.action, action.value) for action in found.actions] == [("epochs", "12")]


@pytest.mark.parametrize(
    ("monitor", "wrong", "asks"),
    [
        ("val_loss", [0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1], True),
        ("val_accuracy", [0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1], False),
        ("val_error", [0.5, 0.4, 0.3, 0.3, 0.3, 0.3, 0.2, 0.1], True),
        ("train_loss", [0.1] * 8, False),
    ],
)
def test_early_stopping_that_waited_as_asked_has_not_ended_too_soon(
    monitor: str, wrong: list[float], asks: bool
) -> None:
    """Where only the loss went on falling while the watched error stood still, the run ended as it was asked to."""
    losses = [2.0 * 0.9**place for place in range(8)]
    seen = epochs(losses, val_loss=losses, val_error=wrong)
    run = history(reason="early-stopped", monitor=monitor, epochs=seen)
    found = stopped_too_soon(run, {})
    assert (found is not None) is asks
    assert stopped_too_soon(replace(run, reason="completed"), {}) is not None
    if found is not None:
        assert "--patience" in found.advice
        assert _ids(found) == ["patience"]


def test_every_action_is_one_of_the_screen_and_none_is_left_without_a_word() -> None:
    for name, (run, _) in CASES.items():
        for found in holding(run).values():
            assert 1 <= len(found.actions) <= 2, name
            for action in found.actions:
                assert action.label
                assert (action.action in BY_ID and action.action in KEYS) or (not action.action and action.reason)
            assert not re.search(r"\(\S(?=[):,])", found.advice), "keys stand beside the actions"
            assert not IDENTIFIERS.search(found.evidence + found.advice), name


def test_the_usual_keys_of_actions_are_keys_of_the_screen() -> None:
    assert set(KEYS.values()) <= {key_sign(key) for action in BY_ID.values() for key in action.keys}


def test_a_quarter_of_silent_units_is_a_note_at_the_end_of_the_order() -> None:
    mild, grave = (_of("DEAD", history([1.0], layers=layers((1, 5), silent=share))) for share in (0.3, 0.6))
    assert (mild.severity, grave.severity) == ("note", "alarm")
    assert mild.place > ORDER.index("UNDERFIT")
    assert grave.place == ORDER.index("DEAD")


def test_what_is_only_a_note_hides_no_other_finding() -> None:
    mild = holding(history(probes=probes(0.99), layers=layers((1, 5), silent=0.3)))
    assert set(mild) == {"DEAD", "LR_LOW"}
    assert set(holding(history(probes=probes(0.99), layers=layers((1, 5), silent=0.6)))) == {"DEAD"}
