"""Questions of lessons: expressions on measured numbers, right and wrong answers, and the progress file."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.support import TrainerHarness
from tui_trainer.config.preset import load
from tui_trainer.config.preset_library import preset_tables
from tui_trainer.config.teaching.measured_expression import Reference, references, value_of
from tui_trainer.config.teaching.question import LessonQuestion
from tui_trainer.errors import UserError
from tui_trainer.lecture.predictions import lookup_in, outcomes
from tui_trainer.lecture.progress import ProgressFile
from tui_trainer.state.run_state import RunState

ASKED = {
    name: lesson for name, table in preset_tables().items() if (lesson := table.get("lesson", {})).get("questions")
}


def test_an_expression_is_arithmetic_on_references() -> None:
    numbers = {"a": 6.0, "b": 2.0}

    def lookup(reference: Reference) -> float:
        return numbers[reference.run]

    assert value_of("a:loss@-1 / b:loss@2 - 1", lookup) == 2.0
    assert value_of("100 * ( a:loss@best - b:loss@s7 )", lookup) == 400.0
    assert math.isnan(value_of("1 / ( a:loss@1 - a:loss@1 )", lookup))
    assert references(":val_acc>=0.95 - a:layers#first/last") == [
        Reference("", "val_acc", sign=">=", level=0.95),
        Reference("a", "layers", number="first/last"),
    ]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("a:loss", "names no moment; write a:loss@-1"),
        ("a:loss@-1/b:loss@-1", "with spaces around each sign"),
        ("a:loss@0", "counted from 1"),
        ("1 +", "is no expression"),
        ("__import__('os')", "no number, sign or reference"),
    ],
)
def test_an_expression_that_is_none_says_what_it_lacks(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("+", r"\+")):
        references(expression)
    with pytest.raises(ValidationError):
        LessonQuestion(text="?", measure=expression)


def test_a_number_is_right_within_a_factor_and_a_choice_by_its_range() -> None:
    number = LessonQuestion(text="?", measure="a:loss@-1", unit="x", within=2)
    assert [number.is_right(said, 3.0) for said in (1.4, 1.5, 6.0, 6.1)] == [False, True, True, False]
    assert number.answer_text(10, 3.3) == "you said 10x, it was 3.3x"
    assert number.answer_text(10, math.inf) == "you said 10x, it was infinite"
    ranges = LessonQuestion(text="?", choices=("low", "high"), measure="a:loss@-1", limits=(0.5,))
    assert ranges.answer_text(0, 0.75) == "you said low, it was high (0.75)"
    assert ranges.answer_text(1, 0.75) == "you said high, and it was (0.75)"
    ranged = LessonQuestion(text="?", choices=("low", "middle", "high"), measure="a:loss@-1", limits=(1, 10))
    assert [ranged.right_choice(value) for value in (0.5, 1.0, 9.9, 10.0, math.inf)] == [0, 1, 1, 2, 2]
    assert not ranged.is_right(2, math.nan)
    assert ranged.answer_text(2, math.nan) == "you said high; this run did not measure it"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"choices": ("a", "b")},
        {"choices": ("a", "b"), "measure": "a:x@1", "limits": (1.0, 2.0)},
        {"choices": ("a", "b", "c"), "measure": "a:x@1", "limits": (2.0, 1.0)},
        {"choices": ("a", "b"), "measures": ("a:x@1", "b:x@1")},
    ],
)
def test_a_question_without_an_answer_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LessonQuestion.model_validate({"text": "?", **fields})


def test_a_mistake_in_a_preset_names_file_and_key(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = '[lesson]\nrows = ["S01"]\nshows = "x"\n[[lesson.questions]]\ntext = "?"\nmeasure = "a:loss"\n'
    path.write_text(text)
    with pytest.raises(UserError, match=r"mine\.toml: lesson\.questions\.0.*names no moment"):
        load(str(path))
    path.write_text('[lesson]\nrows = ["S01"]\nshows = "x"\ntry = ["optimizer.lr", 1]\n')
    with pytest.raises(UserError, match=r"mine\.toml: lesson\.try.*at least two values"):
        load(str(path))


@pytest.mark.parametrize("name", ASKED)
def test_the_runs_of_a_question_exist_and_its_values_can_be_tried(name: str) -> None:
    preset = load(name)
    lesson = preset.first.lesson
    assert lesson is not None
    for question in lesson.questions:
        for expression in (question.measure, *question.measures):
            assert {reference.run for reference in references(expression)} <= set(preset.runs) if expression else True
    for value in lesson.tries[1:] if lesson.tries else ():
        load(name, [f"{lesson.tries[0]}={value}"])  # type: ignore[index]


def test_at_least_twenty_lessons_ask() -> None:
    assert len(ASKED) >= 20


def _trained(name: str, variant: str) -> tuple[RunState, TrainerHarness]:
    bench = TrainerHarness(load(name).runs[variant])
    bench.finish()
    bench.state.run = f"group/{variant}"
    return bench.state, bench


def test_the_answers_are_those_of_the_runs() -> None:
    low, its_bench = _trained("too-few-epochs", "short")
    lookup = lookup_in([low])
    ends = [event for event in its_bench.events if event.type == "EpochEnded"]
    assert value_of("short:train_loss@-1", lookup) == pytest.approx(ends[-1].metrics["train_loss"])  # type: ignore[union-attr]
    assert value_of("short:val_accuracy@2", lookup) == pytest.approx(ends[1].metrics["val_accuracy"])  # type: ignore[union-attr]
    assert value_of("short:train_loss@s7", lookup) == its_bench.column("train_loss")[7]
    first = next(step for step, value in its_bench.column("train_loss").items() if value is not None and value <= 0.5)
    assert value_of("short:train_loss<=0.5", lookup) == first
    assert value_of("short:epochs", lookup) == 5
    assert value_of("short:steps", lookup) == 200
    assert math.isnan(value_of("short:val_accuracy@9", lookup))
    assert math.isnan(value_of("long:val_accuracy@1", lookup))
    assert value_of("short:val_loss@best", lookup) == min(end.metrics["val_loss"] for end in ends)  # type: ignore[union-attr]


def test_a_run_that_diverged_counts_as_beyond_every_number() -> None:
    config = load("lr-very-high").runs["ten"]
    paced = config.training.model_copy(update={"steps_per_second": 0.0})
    bench = TrainerHarness(config.model_copy(update={"training": paced}))
    bench.finish()
    bench.state.run = "group/ten"
    assert value_of("ten:train_loss@-1", lookup_in([bench.state])) == math.inf
    assert value_of("ten:steps", lookup_in([bench.state])) == bench.trainer.state.step


def test_a_question_that_was_skipped_has_no_outcome() -> None:
    lesson = load("lr-high").first.lesson
    assert lesson is not None
    (only,) = outcomes(lesson, [None, 1.0], [])
    assert only.question == lesson.questions[1].text
    assert not only.right
    assert not only.known


def test_progress_is_added_up_and_survives_what_is_wrong_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lecture.json"
    ProgressFile(path).add("a", seen=True, predicted=2, right=1)
    ProgressFile(path).add("a", seen=True, predicted=1, right=0)
    ProgressFile(path).add("b", predicted=3, right=3)
    found = ProgressFile(path).lessons()
    assert (found["a"].predicted, found["a"].right, bool(found["a"].seen)) == (2, 1, True)
    assert (found["b"].predicted, found["b"].seen) == (3, "")
    for text in ("", "[]", '{"lessons": 3}', '{"lessons": {"a": 1, "b": {"seen": 5, "right": -1}}}', "[" * 100_000):
        path.write_text(text)
        assert all(one.right == 0 for one in ProgressFile(path).lessons().values())
    path.write_text('{"version": 99, "lessons": {}}')
    ProgressFile(path).add("a", seen=True)
    assert path.read_text() == '{"version": 99, "lessons": {}}'
    assert ProgressFile(None).lessons() == {}
