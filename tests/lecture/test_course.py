"""A course is a folder: ours, a second tiny one, and folders with mistakes."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tui_trainer.cli.main import main
from tui_trainer.config.preset_library import preset_names
from tui_trainer.config.teaching.course import bundled_course, course_folder, read_course
from tui_trainer.errors import UserError
from tui_trainer.lecture.toml_claims import checks_of
from tui_trainer.session.connect import RunDirectory, list_lessons
from tui_trainer.ui.lecture.course_heading import heading

TINY = Path(__file__).parents[1] / "fixtures" / "course"
CREDIT = "Prof. Ju Sun, CSCI 8980, University of Minnesota, Fall 2020"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the tiny course, to be damaged."""
    return Path(shutil.copytree(TINY, tmp_path / "course"))


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_ours_is_the_first_course_with_its_credit_and_routes() -> None:
    course = bundled_course()
    assert course.byline == CREDIT
    assert [route.minutes for route in course.table.routes] == [45, 90]
    assert set(course.route(45)) < set(course.rows)
    assert "course" not in preset_names()
    page = (Path(__file__).parents[2] / "docs" / "lecture.md").read_text()
    assert CREDIT in page
    assert f"| 45 minutes | {' '.join(course.route(45))} |" in page


def test_the_lessons_stand_in_the_order_of_the_course() -> None:
    assert [lesson.name for lesson in list_lessons(read_course(TINY))] == ["rates", "zeros"]
    assert [lesson.group for lesson in list_lessons(read_course(TINY))] == ["rates", "weights"]
    ours = list_lessons()
    groups = list(dict.fromkeys(lesson.group for lesson in ours))
    assert groups == list(bundled_course().groups)


@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.long)])
def test_a_course_is_checked_by_the_same_command(capsys: pytest.CaptureFixture[str], jobs: str) -> None:
    assert main(["lecture", str(TINY), "--check", "--seeds", "0", "1", "--json", "--jobs", jobs]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["row"], one["presets"]) for one in found] == [
        ("rate-1", ["rates"]),
        ("rate-2", ["rates"]),
        ("W1", ["zeros"]),
    ]
    behind, faster, still = found
    assert behind["key"] == "behind"
    assert behind["threshold"]["min"] == 1.05
    assert all(value > 1.05 for value in behind["measured"]["values"])
    assert all(value > 0.02 for value in faster["measured"]["values"])
    assert still["measured"]["values"] == [0.5, 0.5]


def test_a_claim_that_does_not_hold_ends_with_1(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(folder / "zeros.toml", "at_most = 0.6", "at_least = 0.6")
    assert main(["lecture", str(folder), "--check", "w1", "--seeds", "0"]) == 1
    assert "FAILS" in capsys.readouterr().out


def test_a_course_is_listed_whole_or_by_a_route(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lecture", str(TINY), "--list", "--json"]) == 0
    assert [row["row"] for row in json.loads(capsys.readouterr().out)] == ["rate-1", "rate-2", "W1"]
    assert main(["lecture", str(TINY), "--route", "45", "--list", "--json"]) == 0
    assert [row["row"] for row in json.loads(capsys.readouterr().out)] == ["rate-1", "W1"]
    assert main(["lecture", str(TINY), "--route", "44", "--list"]) == 2
    assert "routes of 45, 90 minutes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("course.toml", 'title = "Two ideas"', "", "course.toml: title: missing"),
        ("course.toml", "minutes = 45", "minutes = 0", "course.toml: routes.0.minutes"),
        ("course.toml", '"W1"]', '"W2"]', "routes.0.rows: no row 'W2' in the parts; known: W1"),
        ("course.toml", "W1 =", "RATE-1 =", "the row 'RATE-1' is listed twice"),
        ("course.toml", "author =", "autor =", "course.toml: autor: unknown key; did you mean 'author'"),
        (
            "rates.toml",
            '"rate-2"]',
            '"rate-3"]',
            "rates.toml: lesson.rows: no row 'rate-3' in course.toml; did you mean",
        ),
        (
            "rates.toml",
            "slow.train_loss@-1",
            "slw.train_loss@-1",
            "rates.toml: claims.0.left: 'slw.train_loss@-1': no run",
        ),
        (
            "rates.toml",
            "slow.train_loss@-1",
            "train_loss@-1",
            "claims.0.left: 'train_loss@-1': name the run: fast, slow",
        ),
        ("rates.toml", "slow.train_loss@-1", "slow.train_loss", "rates.toml: claims.0.left"),
        (
            "rates.toml",
            "slow.train_loss@-1",
            "slow.train_los@-1",
            "'train_los' was not measured; did you mean 'train_loss'",
        ),
        ("rates.toml", "at_least = 1.05", "", "rates.toml: claims.0: a claim needs a bound"),
        ("rates.toml", "at_least = 1.05", "at_lest = 1.05", "claims.0.at_lest: unknown key; did you mean 'at_least'"),
        ("rates.toml", 'row = "rate-2"', 'row = "rate-9"', "claims.1.row: no row 'rate-9'; did you mean"),
        ("rates.toml", "lr = 0.3", 'lr = "fast"', "rates.toml"),
    ],
)
def test_a_mistake_names_file_key_and_what_is_allowed(
    folder: Path, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str, words: str
) -> None:
    edit(folder / file, old, new)
    assert main(["lecture", str(folder), "--check", "--seeds", "0", "--jobs", "1"]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("shows =", "show =", "lesson.show: unknown key; did you mean 'shows'?"),
        (
            "[[claims]]",
            'run = "fats"\n\n[[claims]]',
            "lesson.remarks.0.run: no run 'fats'; did you mean 'fast'?",
        ),
        (
            "[[lesson.remarks]]",
            '[[lesson.questions]]\ntext = "?"\nmeasure = "slw:train_loss@-1"\n\n[[lesson.remarks]]',
            "rates.toml: lesson.questions.0.measure: no run 'slw'; did you mean 'slow'?",
        ),
        ("slow.train_loss@-1", "slw.train_loss@-1", "rates.toml: claims.0.left: 'slw.train_loss@-1': no run"),
        ('"rate-2"]', "]", "course.toml: parts: no lesson shows 'rate-2'; write a preset with [lesson] and rows"),
        ("shows =", 'try = ["optimizer.l", 1, 2]\nshows =', "optimizer.l: unknown key; did you mean 'lr'?"),
    ],
)
def test_a_mistake_in_a_lesson_is_told_before_the_contents(
    folder: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, words: str
) -> None:
    edit(folder / "rates.toml", old, new)
    assert main(["lecture", str(folder), "--list"]) == 2
    told = capsys.readouterr()
    assert words in told.err
    assert told.out == ""
    assert len(told.err.splitlines()) == 1


def test_the_course_of_the_page_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs" / "course.md").read_text()
    course, rates, *_ = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "course.toml").write_text(course)
    (tmp_path / "rates.toml").write_text(rates)
    shutil.copy(TINY / "zeros.toml", tmp_path)
    assert main(["lecture", str(tmp_path), "--check", "rate-1", "--seeds", "0", "1"]) == 0
    assert "≥ 1.3" in capsys.readouterr().out


def test_code_by_import_path_needs_trust(folder: Path) -> None:
    edit(folder / "zeros.toml", 'kind = "moons"\nsamples = 200', 'kind = "import"\npath = "evil:run"')
    with pytest.raises(UserError, match=r"zeros.toml would import and run code: data.path = 'evil:run'.*--trust"):
        checks_of(read_course(folder))
    with pytest.raises(UserError, match="would import and run code"):
        RunDirectory(str(folder), course=read_course(folder)).start("zeros")


def test_what_is_no_course_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert course_folder("S18") is None
    assert course_folder(str(TINY / "course.toml")) == TINY
    assert main(["lecture", str(tmp_path), "--list"]) == 2
    assert "it has no course.toml" in capsys.readouterr().err
    assert main(["lecture", "no/where", "--list"]) == 2
    assert "it is no folder" in capsys.readouterr().err
    (tmp_path / "course.toml").write_text((TINY / "course.toml").read_text())
    assert main(["lecture", str(tmp_path), "--check"]) == 2
    assert "no lesson shows 'rate-1', 'rate-2', 'W1'" in capsys.readouterr().err


@pytest.mark.parametrize(("width", "whole"), [(140, True), (78, True), (38, False)])
def test_the_credit_is_cut_last(width: int, whole: bool) -> None:
    line = heading(bundled_course(), "the lecture", width).plain
    assert len(line) <= width
    assert (CREDIT in line) is whole
    assert line.startswith("tui-trainer" if width == 140 else "the lecture")
