"""The line of a guard: parsed, printed, and refused with what is allowed."""

from __future__ import annotations

import random

import pytest

from tui_trainer.errors import UserError
from tui_trainer.guards.grammar import parse_conditions, parse_rule
from tui_trainer.guards.rule import (
    Compared,
    FindingAppears,
    GoBack,
    GuardRule,
    NoNew,
    NoteAction,
    NotFinite,
    Setting,
    Simple,
    SkipAction,
    Trend,
)
from tui_trainer.guards.vocabulary import FINDINGS
from tui_trainer.protocol.finding_titles import TITLES


def test_the_findings_are_those_of_the_diagnosis() -> None:
    assert set(FINDINGS) == set(TITLES)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (
            "when val_loss rises 3 epochs: lr x0.5, at most 2 times",
            GuardRule((Trend("val_loss", "rises", 3, "epochs"),), (Setting("lr", 0.5, factor=True),), 2),
        ),
        ("when grad_norm is not finite: skip the step", GuardRule((NotFinite("grad_norm"),), (SkipAction(),))),
        (
            "when loss > 3 x its median of 200 steps: roll back 100 steps, lr x0.5, cool-down 500 steps",
            GuardRule(
                (Compared("loss", ">", 3.0, "median", 200, 1, "steps"),),
                (GoBack(100), Setting("lr", 0.5, factor=True)),
                rest=500,
            ),
        ),
        ("when finding LR_HIGH: pause", GuardRule((FindingAppears("LR_HIGH"),), (Simple("pause"),))),
        (
            "when val_loss has no new low for 5 epochs and epoch >= 10: lr = 0.001, save, at most 1 time, then stop",
            GuardRule(
                (NoNew("val_loss", "low", 5, "epochs"), Compared("epoch", ">=", 10.0)),
                (Setting("lr", 0.001), Simple("save")),
                1,
                "stop",
            ),
        ),
        (
            'when loss > 2 for 3 epochs: note "a, b: c", weight_decay x2, amp = on, cool-down 2 epochs',
            GuardRule(
                (Compared("loss", ">", 2.0, "", 0, 3, "epochs"),),
                (NoteAction("a, b: c"), Setting("weight_decay", 2.0, factor=True), Setting("amp", True)),
                rest=2,
                rest_clock="epochs",
            ),
        ),
    ],
)
def test_a_line_and_its_rule(text: str, rule: GuardRule) -> None:
    assert parse_rule(text) == rule
    assert str(rule) == text


def test_other_ways_to_write_the_same() -> None:
    plain = parse_rule("when loss > 3 x its mean of 50 steps: lr x0.5, cool-down 10 steps")
    assert parse_rule("when loss>3x its mean of 50 steps : set lr /2 , cool down 10 steps") == plain
    assert parse_rule("when loss > 3 x its mean of 50 steps: lr x 0.5, cooldown 10 steps") == plain
    with_resort = parse_rule("when loss > 3: pause, at most 2 times then pause")
    assert with_resort.then == "pause"
    assert with_resort.times == 2


def _random_rule(rng: random.Random) -> GuardRule:
    def condition() -> NotFinite | Compared | Trend | NoNew | FindingAppears:
        steps = rng.random() < 0.5
        metric = rng.choice(["loss", "grad_norm", "my/own value", "lr"] if steps else ["val_loss", "train_accuracy"])
        clock = "steps" if steps else "epochs"
        match rng.randrange(5):
            case 0:
                return NotFinite(metric)
            case 1:
                return Trend(metric, rng.choice(["rises", "falls"]), rng.randint(1, 9), clock)
            case 2:
                return NoNew(metric, rng.choice(["low", "high"]), rng.randint(1, 9), clock)
            case 3:
                return FindingAppears(rng.choice(FINDINGS))
            case _:
                summary = rng.choice(["", "median", "mean", "lowest", "highest"])
                of, count = (rng.randint(1, 300) if summary else 0), rng.choice([1, 1, 4])
                known = clock if summary or count > 1 else None
                return Compared(
                    metric, rng.choice([">", "<", ">=", "<="]), rng.choice([-0.5, 1e-9, 3.0]), summary, of, count, known
                )

    actions = [
        rng.choice([
            Simple("pause"), Simple("stop"), Simple("save"), GoBack(rng.randint(0, 500)), NoteAction("look here: now"),
            Setting("lr", 0.5, factor=True), Setting("lr", 1e-4), Setting("my knob", 3.0), Setting("mode", "slow"),
        ])
    ]  # fmt: skip
    return GuardRule(
        tuple(condition() for _ in range(rng.randint(1, 3))),
        tuple(actions),
        rng.choice([None, 1, 7]),
        rng.choice(["", "stop", "pause", "nothing"]),
        rng.choice([None, 1, 500]),
        "steps",
    )


def test_a_printed_rule_is_read_as_the_same_rule() -> None:
    rng = random.Random(0)
    for _ in range(500):
        rule = _random_rule(rng)
        assert parse_rule(str(rule)) == rule, str(rule)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "write when CONDITION: ACTION"),
        ("val_loss rises 3 epochs: pause", "write when CONDITION: ACTION"),
        ("when val_loss rises 3 epochs", "write when CONDITION: ACTION"),
        ("when val_los rises 3 epochs: pause", "no metric 'val_los'; did you mean 'val_loss'?"),
        ("when val_loss rises three epochs: pause", "a whole number from 1 to 10,000 is needed, not 'three'"),
        ("when val_loss rises 3 steps: pause", "val_loss is measured once an epoch; count epochs"),
        ("when grad_norm rises 3 epochs: pause", "grad_norm is measured at steps; count steps"),
        ("when val_loss rises 3: pause", "steps or epochs are counted"),
        ("when val_loss explodes: pause", "'val_loss explodes' is no condition; one of"),
        ("when finding LR_HIHG: pause", "no finding 'LR_HIHG'; did you mean 'LR_HIGH'?"),
        ("when loss > high: pause", "a number is needed after >, not 'high'"),
        ("when loss > 3 x: pause", "3 x what?"),
        ("when loss > 3 x its medium of 200 steps: pause", "no summary 'medium'; did you mean 'median'?"),
        ("when loss > 3: puase", "'puase' is no action; did you mean 'pause'?"),
        ("when loss > 3: at most 2 times", "no action"),
        ("when loss > 3: lr = -1", "lr = NUMBER above 0"),
        ("when loss > 3: lr x0", "is no action"),
        ("when loss > 3: pause, then explode", "then 'explode'"),
        ("when val_loss > 3: skip the step", "by numbers of its own batch"),
        ("when finding NAN: skip the step", "a finding comes after an epoch"),
        ("when loss > 3: skip the step, roll back 10 steps", "choose one"),
        ("when loss > 3: roll back 10 steps, roll back to best", "one roll-back is enough"),
        ("when loss > 3: roll back 10 epochs", "a roll-back counts steps"),
        ('when loss > 3: note "open', "a quotation mark is missing"),
        ("when loss > 3: pause now", "'now' is left over"),
        ("when loss > nan: pause", "a number is needed"),
        ("when loss > 3: note \x1b[31m", "printable characters only"),
        ("when loss > 3: note " + "x" * 400, "at most 300 characters"),
    ],
)
def test_what_is_refused_and_why(text: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        parse_rule(text, {"train_loss", "val_loss", "grad_norm", "lr"})
    assert said in str(error.value)
    assert "\x1b" not in str(error.value)


def test_any_garbage_is_refused_without_a_traceback() -> None:
    rng = random.Random(1)
    words = [
        "when",
        "loss",
        ":",
        ",",
        ">",
        "3",
        "x",
        "its",
        "median",
        "of",
        "steps",
        "lr",
        "=",
        "and",
        "rises",
        '"',
        "at",
    ]
    for _ in range(3000):
        text = " ".join(rng.choices(words, k=rng.randint(0, 12)))
        try:
            rule = parse_rule(text)
        except UserError:
            continue
        assert parse_rule(str(rule)) == rule


def test_conditions_alone() -> None:
    assert parse_conditions("val_loss < 0.1 and epoch >= 3") == (
        Compared("val_loss", "<", 0.1),
        Compared("epoch", ">=", 3.0),
    )
    assert parse_conditions("when finding OVERFIT") == (FindingAppears("OVERFIT"),)
