"""The frame of the checks, and one quick real check of each part of the lecture."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from tui_trainer.cli.main import main
from tui_trainer.cli.open_lecture import open_lecture
from tui_trainer.config.preset import load, preset_names
from tui_trainer.errors import UserError
from tui_trainer.lecture import registry
from tui_trainer.lecture.claims import Measured, above, collect, exactly
from tui_trainer.lecture.measuring import parallel, runner
from tui_trainer.lecture.outline import GROUPS, ROWS, presets_by_row, wanted
from tui_trainer.lecture.registry import Check, checks
from tui_trainer.lecture.report import as_page
from tui_trainer.lecture.training_cache import TrainingCache

QUICK = {
    "design choices": "S11", "algorithms": "S17", "learning rates": "S27", "adaptive methods": "S35",
    "diagnosis": "S40", "initialisation": "S43",
}  # fmt: skip


def test_the_contents_are_the_49_rows_of_the_slides_and_eight_beside_them_in_their_parts() -> None:
    assert sorted(ROWS) == [*(f"S{number:02}" for number in range(1, 50)), *(f"X{number:02}" for number in range(1, 9))]
    assert list(dict.fromkeys(row.group for row in ROWS.values())) == list(GROUPS)


def test_every_check_is_of_a_row_and_its_presets_name_that_row() -> None:
    shown = presets_by_row()
    for number, check in checks().items():
        assert number in ROWS
        assert check.row == number
        assert check.presets
        assert set(check.presets) <= set(shown[number])


def test_every_preset_of_the_lecture_is_trained_by_a_check() -> None:
    lessons = {name for name in preset_names() if load(name).first.lesson is not None}
    assert lessons == {preset for check in checks().values() for preset in check.presets}


def test_a_row_cannot_be_measured_twice() -> None:
    checks()
    with pytest.raises(ValueError, match="twice"):
        registry.row("S17", "sampling")(lambda school: [])


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=part, marks=() if row in ("S17", "S27") else pytest.mark.long)
        for part, row in QUICK.items()
    ],
)
def test_a_quick_row_of_each_part_holds(row: str) -> None:
    verdicts = runner.check([checks()[row]], [0])
    assert verdicts
    assert [f"{one.claim}: {one.measured}, not {one.threshold}" for one in verdicts if not one.holds] == []


def test_stopping_puts_the_best_weights_back() -> None:
    """The last part, shortened: the real check trains for 80 epochs."""
    configs = load("early-stop", ["training.epochs=6", "early_stopping.patience=1"]).runs
    school = TrainingCache(0)
    restored, left = (school.train(configs[name], name) for name in ("restore", "no-restore"))
    assert restored.ending.reason == left.ending.reason == "early-stopped"
    assert restored.column("train_loss") == left.column("train_loss")
    weights = [run.setup.model.state_dict()["output.weight"] for run in (restored, left)]
    assert not weights[0].equal(weights[1])


def test_a_run_is_trained_once_for_a_seed_and_rows_share_it() -> None:
    told: list[str] = []
    school = TrainingCache(3, told.append)
    first = school.runs("softmax", "training.epochs=1")
    assert school.runs("softmax", "training.epochs=1") is first
    assert told == []
    assert first["in-the-loss"] is first["in-the-loss"]
    assert told == ["softmax in-the-loss"]
    assert list(first) == ["in-the-loss", "in-the-head"]
    assert all(run.config.training.seed == 3 for run in first.values())
    assert school.runs("softmax", "training.epochs=1", weights_at=(1,)) is not first


def test_a_trained_run_answers_from_its_own_events() -> None:
    school = TrainingCache(0)
    run = school.runs("sampling", "training.epochs=2", weights_at=(1, 2))["shuffle"]
    assert len(run.batch_losses(1)) == len(run.batch_losses(2)) == run.per_epoch == 40
    assert run.column("train_loss") == run.batch_losses(1) + run.batch_losses(2)
    assert run.at(-1, "val_accuracy") == run.at(2, "val_accuracy") == run.epochs[1].metrics["val_accuracy"]
    assert run.at(1, "nothing") == math.inf
    assert run.best("val_loss") == min(run.at(1, "val_loss"), run.at(2, "val_loss"))
    assert run.first_epoch("val_accuracy", 2.0) == math.inf
    assert sorted(run.weights) == [0, 1, 2]
    final = run.setup.model.state_dict()["output.weight"]
    assert run.weights[2]["output.weight"].equal(final)
    assert not run.weights[1]["output.weight"].equal(final)


def test_rows_that_are_not_there_are_refused_with_the_nearest() -> None:
    assert wanted([], ["S02", "S01"]) == ["S01", "S02"]
    assert wanted(["s40", "S02", "S40"], ROWS) == ["S02", "S40"]
    with pytest.raises(UserError, match="no row 'S400' in the lecture; did you mean 'S40'"):
        wanted(["S400"], ROWS)
    with pytest.raises(UserError, match="no row 'zzz' in the lecture; known: S01") as refused:
        open_lecture(["zzz"])
    names = str(refused.value).partition("known: ")[2].split(", ")
    assert len(names) == len(set(names)) > len(ROWS)


def _two(school: TrainingCache) -> Iterator[Measured]:
    yield Measured("the seed", school.seed, above(1), key="seed")
    yield Measured("a number that is none", math.inf, exactly(0), key="none", kind="exact")


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> None:
    """One row with two claims, the second of which fails."""
    monkeypatch.setattr(parallel, "usable_processes", lambda: 1)
    monkeypatch.setattr(registry, "checks", lambda: {"S17": Check("S17", ("sampling",), _two)})


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["lecture", *words])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.usefixtures("two")
def test_the_table_of_verdicts(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, "--check", "--seeds", "1", "3", "S17")
    assert code == 1
    lines = out.splitlines()
    assert lines[0].split() == ["row", "claim", "measured", "threshold", "kind", "verdict"]
    assert lines[1].split() == ["S17", "the", "seed", "2", "[1,", "3]", "≥", "1", "measured", "holds"]
    assert lines[2].endswith("FAILS")
    assert "1 of 2 claims do not hold: S17" in err
    assert "seed 3: S17 measured" in err


@pytest.mark.usefixtures("two")
def test_verdicts_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "--check", "--seeds", "1", "2", "--json")
    first, second = json.loads(out)
    assert code == 1
    assert first == {
        "row": "S17",
        "group": "algorithms",
        "title": ROWS["S17"].title,
        "presets": ["sampling"],
        "claim": "the seed",
        "key": "seed",
        "kind": "measured",
        "measured": {"mean": 1.5, "min": 1, "max": 2, "values": [1, 2]},
        "seeds": [1, 2],
        "threshold": {"min": 1, "max": None, "of": "each", "text": "≥ 1"},
        "holds": True,
    }
    assert second["measured"] == {"mean": None, "min": None, "max": None, "values": [None, None]}
    assert second["threshold"]["min"] == second["threshold"]["max"] == 0
    assert second["holds"] is False


def test_a_check_that_holds_exits_with_0_and_writes_its_page(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    page = tmp_path / "lecture.md"
    (tmp_path / "lecture").mkdir()
    for row in ("S17", "S49"):
        (tmp_path / "lecture" / f"{row}.svg").write_text("<svg/>")
    code, out, _ = _run(capsys, "--check", "S17", "--seeds", "0", "--markdown", str(page))
    assert code == 0
    assert out.count("holds") == 2
    text = page.read_text()
    assert "### S17." in text
    assert "| share of the samples that an epoch sees, shuffle | 1 | = 1 | by construction | holds |" in text
    assert "`tui-trainer run sampling`" in text
    assert "2 of 2 claims of 1 rows hold" in text
    assert text.endswith("![The screen of S17](lecture/S17.svg)\n")
    assert "S49" not in text


@pytest.mark.usefixtures("two")
def test_measured_values_are_written_and_other_rows_keep_theirs(
    capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    file = tmp_path / "values.json"
    before = {"S29": {"power": {"mean": 2.7, "least": 2.6, "most": 2.9}}, "S17": {"gone": {}}}
    file.write_text(json.dumps(before))
    code, _, err = _run(capsys, "--check", "--seeds", "1", "3", "--measured", str(file))
    assert code == 2
    assert "exists" in err
    assert json.loads(file.read_text()) == before
    assert _run(capsys, "--check", "--seeds", "1", "3", "--measured", str(file), "--force")[0] == 1
    assert json.loads(file.read_text()) == {
        "S17": {"seed": {"mean": 2, "least": 1, "most": 3}, "none": {"mean": None, "least": None, "most": None}},
        "S29": before["S29"],
    }
    file.write_text('{"name": "another"}')
    code, _, err = _run(capsys, "--check", "--measured", str(file), "--force")
    assert code == 2
    assert "holds other values than those of the lecture" in err
    assert "training" not in err
    assert json.loads(file.read_text()) == {"name": "another"}


def test_kinds_of_claims_are_on_the_page() -> None:
    kinds = ("measured", "exact", "exact", "by construction")
    verdicts = collect("S29", [[Measured(str(k), 1.0, exactly(1), kind=kind) for k, kind in enumerate(kinds)]])
    page = as_page(verdicts, {"S29": ["second-order"]}, {}, [0], "torch", {})
    assert "1 are measured" in page
    assert "2 exact" in page
    assert "1 hold by construction" in page
    assert "| 3 | 1 | = 1 | by construction | holds |" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--check", "S177"], "no row 'S177' in the lecture; did you mean 'S17'?"),
        (["--check", "12"], "12 is not a row; write seeds after --seeds"),
        (["--check", "--seeds", "-1"], "must be a whole number of at least 0"),
        (["--seeds", "1"], "--seeds, --markdown and --measured need --check"),
        (["--check", "--list"], "only one of"),
        (["--json"], "--json needs --check, --list or --progress"),
        (["--check", "--markdown", "no/such/folder/page.md"], "does not exist"),
    ],
)
def test_bad_words_are_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = _run(capsys, *words)
    assert code == 2
    assert message in err
    assert out == ""


def test_the_list_of_rows(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = _run(capsys, "--list", "--json")
    rows = json.loads(out)
    assert code == 0
    assert [row["row"] for row in rows] == list(ROWS)
    assert next(row for row in rows if row["row"] == "S17") == {
        "row": "S17", "group": "algorithms", "title": ROWS["S17"].title, "presets": ["sampling"],
    }  # fmt: skip
    assert "S43  initialisation" in _run(capsys, "--list")[1]


def test_a_trained_run_keeps_its_pictures_and_what_was_found() -> None:
    school = TrainingCache(0)
    run = school.runs("sampling", "training.epochs=3")["replacement"]
    taken = run.pictures["coverage"]
    assert [event.epoch for event in taken] == [1, 2, 3]
    assert run.read("coverage", "seen_share") == taken[-1].numbers["seen_share"]
    assert run.read("coverage", "seen_share", epoch=1) == taken[0].numbers["seen_share"]
    sign = school.runs("act-sign", "training.epochs=3")["sgd"]
    assert sign.reads("layers", "movement")["hidden1"] == 0 < sign.reads("layers", "movement")["output"]
    assert sign.first_finding("NOGRAD") == 2, "it has to hold for two epochs"
    assert sign.first_finding("ADAGRAD") == math.inf


def test_without_a_terminal_it_says_what_the_lecture_can_do_there(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = _run(capsys, "S30")
    assert code == 2
    assert "use --list to print the rows or --check to check their claims" in err
    assert "headless" not in err
