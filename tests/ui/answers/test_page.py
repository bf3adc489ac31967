"""The page of the answers, the question that is typed, and the keys that lead there."""

from __future__ import annotations

from typing import Any

import pytest
from textual.containers import VerticalScroll
from textual.content import Content

from tests.ui.fake_session import (
    FakeSession,
    app_over,
    finished,
    press,
    running,
    screen_text,
    settle,
    show,
    started,
    trained,
)
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.pictures import (
    ANSWERS,
    Answers,
    ClassScore,
    Counts,
    Heat,
    Histogram,
    Points,
    Sample,
    Spots,
    Written,
    taken,
)
from tui_trainer.state.branching.branches import UndoneBranch
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.answers.images import image_lines
from tui_trainer.ui.answers.page import AnswersPage
from tui_trainer.ui.answers.question import parse_question
from tui_trainer.ui.charts.palette import palette
from tui_trainer.ui.charts.pictures.registry import picture_panes
from tui_trainer.ui.dashboard.screen import Dashboard
from tui_trainer.ui.icons import FANCY, PLAIN
from tui_trainer.ui.panels.panel import Panel

SIX = Sample(index=7, true="6", guess="5", sure=0.71, wrong=1.9, image=((0.0, 1.0), (1.0, 0.0)))
IMAGES = Answers(
    task="classification",
    measure="-ln p",
    count=40,
    worst=(SIX, SIX.model_copy(update={"index": 9, "guess": "6"})),
    classes=(ClassScore(name="5", precision=0.5, recall=1.0, count=20), ClassScore(name="6", recall=0.25, count=20)),
    table=Heat(columns=("5", "6"), rows=("5", "6"), values=((20, 0), (15, 5)), low=0),
)
TABLE = Answers(
    task="regression",
    measure="|residual|",
    count=3,
    names=("age", "bmi"),
    worst=(Sample(index=2, target=100.0, answer=140.5, wrong=40.5, values=(31.0, 22.5)),),
    points=Points(title="predicted over true", spots=(Spots(x=(1.0, 2.0), y=(1.5, 1.0)),), diagonal=True),
    residuals=Histogram(groups=(Counts(name="residuals", low=-1.0, high=1.0, counts=(1.0, 4.0)),)),
)
TEXT = Answers(
    task="language",
    measure="nats per character",
    count=2,
    worst=(Sample(index=1, wrong=3.5, text="a\nb\x1b[31m"),),
    written=(Written(prompt="Once ", text="upon a time\nthere was"),),
)


def answered(drawing: Answers, step: int = 10, **numbers: float) -> ev.PictureTaken:
    return taken(ANSWERS, drawing, dict(numbers), step=step, epoch=1)


def lines(drawing: Answers, width: int = 40, **numbers: float) -> list[str]:
    state = RunState(run="digits", pictures={ANSWERS: answered(drawing, **numbers)}, step=10)
    text = AnswersPage().text(state, width, FANCY, {}, palette())
    rows = [row.plain for row in text.split("\n")]
    assert all(row.cell_length <= width for row in text.split("\n")), rows
    assert not any(ord(sign) < 32 for row in rows for sign in row)
    return rows


@pytest.mark.parametrize("width", [24, 40, 46, 90])
def test_images_stand_side_by_side_with_truth_and_answer(width):
    rows = lines(IMAGES, width, accuracy=0.625)
    assert "step 10, epoch 1; o a asks again" in " ".join(rows[:3])
    text = "\n".join(rows)
    assert "accuracy 0.625" in text
    assert "worst of 40" in text
    truth = next(row for row in rows if "#7 is 6" in row)
    assert ("#9 is 6" in truth) == (width > 27)
    assert "says 5 71%" in text
    assert "▀" in text


def test_precision_and_recall_and_the_matrix_are_on_the_page():
    rows = lines(IMAGES, 46)
    five = next(row for row in rows if row.startswith("5 ")).split()
    six = next(row for row in rows if row.startswith("6 ")).split()
    assert five[1] == "0.500"
    assert "1.000" in five
    assert six[1] == "-"
    assert "0.250" in six
    assert (five[-1], six[-1]) == ("20", "20")
    assert any("15" in row and "6┤" in row for row in rows)


def test_predictions_and_residuals_of_a_regression():
    rows = lines(TABLE, rmse=3.0)
    assert any("#2  says 140.5  true 100  off +40.5" in row for row in rows)
    assert any("age 31  bmi 22.5" in row for row in rows)
    assert any("predicted over true" in row for row in rows)
    assert [row.split()[-1] for row in rows[-2:]] == ["1", "4"]
    assert rows[-1].count("━") > rows[-2].count("━")


def test_text_is_shown_without_control_characters():
    rows = lines(TEXT)
    assert any("Once upon a time↵there was" in row for row in rows)
    assert any("a↵b␛[31m" in row for row in rows)


def test_nothing_asked_and_nothing_recorded_say_what_to_do():
    state = RunState(run="digits")
    page = AnswersPage()
    assert "o a asks the model" in page.text(state, 60, FANCY, {}, palette()).plain
    state.undone = [UndoneBranch(id="x", step=5, pictures={ANSWERS: answered(IMAGES)})]
    assert "The answers came after the step" in page.text(state, 90, FANCY, {}, palette()).plain
    state.status = "finished"
    assert 'pictures = ["answers"]' in page.text(state, 60, FANCY, {}, palette()).plain.replace("\n", " ")


def test_answers_of_another_version_are_named_as_such():
    state = RunState(run="digits", pictures={ANSWERS: ev.PictureTaken(name=ANSWERS, kind="hologram", step=1)})
    assert "another version" in AnswersPage().text(state, 60, FANCY, {}, palette()).plain


def test_the_page_is_made_once_for_each_answer(monkeypatch):
    made: list[int] = []
    monkeypatch.setattr("tui_trainer.ui.answers.page._body", lambda *arguments: made.append(1) or [Content("body")])
    page, state = AnswersPage(), RunState(run="digits", pictures={ANSWERS: answered(IMAGES)})
    for _ in range(3):
        page.text(state, 40, FANCY, {}, palette())
    assert len(made) == 1
    state.pictures = {ANSWERS: answered(IMAGES, step=20)}
    page.text(state, 40, FANCY, {}, palette())
    page.text(state, 41, FANCY, {}, palette())
    assert len(made) == 3


class TestImages:
    def test_a_cell_has_the_pixel_above_as_its_character_and_the_one_below_behind_it(self):
        (line,) = image_lines(SIX, 1, FANCY, colors=True)
        assert line.plain == "▀▀"
        assert [str(span.style) for span in line.spans] == ["#000000 on #ffffff", "#ffffff on #000000"]

    def test_three_channels_are_red_green_and_blue(self):
        sample = Sample(image=((1.0, 0.5, 0.0),), channels=3)
        (line,) = image_lines(sample, 1, FANCY, colors=True)
        assert [str(span.style) for span in line.spans] == ["#ff8000 on #000000"]

    def test_without_colors_shades_stand_for_two_pixels(self):
        tall = Sample(image=((0.0, 1.0), (0.0, 1.0), (1.0, 0.5)))
        assert [line.plain for line in image_lines(tall, 1, FANCY, colors=False)] == [" █", "▒░"]
        assert [line.plain for line in image_lines(tall, 2, PLAIN, colors=True)] == ["  @@", "  @@", "@@=="]


class TestQuestions:
    def test_indices_and_ranges(self):
        assert parse_question("5, 20-22 #7 5", "classification", 40).samples == (5, 20, 21, 22, 7)
        assert parse_question("", "regression", 40) == cmd.ShowAnswers()

    def test_a_row(self):
        assert parse_question("row 5.1 -3, 1e2", "regression", 40).row == (5.1, -3.0, 100.0)

    def test_a_prompt_keeps_its_spaces(self):
        assert parse_question("5 is ", "language", 40).prompt == "5 is "

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("40", "there are 40 validation samples, 0 to 39"),
            ("5.1", "row 5.1"),
            ("seven", "'seven' is no number of a sample"),
            ("9-3", "must not be the larger"),
            ("0-39", "at most 24"),
            ("row 1 x", "'x' is no number"),
            ("row nan", "not finite"),
            ("-3", "no number of a sample"),
        ],
    )
    def test_anything_else_says_what_is_allowed(self, text: str, words: str):
        with pytest.raises(ValueError, match=words):
            parse_question(text, "classification", 40)


def answer(command: cmd.AnyCommand) -> ev.AnyEvent | None:
    """Answer a question with an event that it caused."""
    if isinstance(command, cmd.ShowAnswers):
        return answered(IMAGES, step=500, accuracy=0.625).model_copy(update={"cause": command})
    return None


@pytest.mark.parametrize(
    ("size", "beside"), [((120, 34), True), ((100, 24), True), ((80, 24), False), ((40, 12), False)]
)
async def test_a_question_is_sent_and_its_answer_appears_on_the_page(size: Any, beside: bool):
    session = running()
    session.reply = answer
    app = app_over(session)
    async with show(app, size) as pilot:
        await press(pilot, "o", "a")
        assert "Ask the model" in screen_text(app)
        await press(pilot, "1", "space", "2", "enter")
        assert session.last(cmd.ShowAnswers).samples == (1, 2)
        await settle(pilot)
        rows = screen_text(app).splitlines()
        title = next(row for row in rows if " answers ──" in row or row.startswith("answers ──"))
        assert (title.index("answers") > 50) == beside
        assert any("step 500, epoch 1" in row for row in rows)
        await press(pilot, "Q")
        assert "asks again" not in screen_text(app)


async def test_the_page_opens_without_a_command_and_no_chart_is_added():
    session = running()
    session.play(answered(IMAGES, step=500, accuracy=0.625))
    app = app_over(session)
    async with show(app, (120, 40)) as pilot:
        await press(pilot, "Q")
        assert session.sent == []
        assert "accuracy 0.625" in screen_text(app)
        dashboard = app.screen
        assert isinstance(dashboard, Dashboard)
        assert picture_panes(dashboard.view_state.states, 0) == ()


async def test_a_page_that_scrolls_is_not_cut_by_its_scroll_bar():
    session = running()
    samples = tuple(
        Sample(index=index, target=1.0, answer=2.0, values=tuple(float(100 + index + k) for k in range(12)))
        for index in range(20)
    )
    session.play(answered(TABLE.model_copy(update={"worst": samples}), 200), finished())
    app = app_over(session)
    async with show(app, (140, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "Q")
        await settle(pilot)
        assert app.dashboard is not None
        scroll = app.dashboard.query_one("#rail-page", VerticalScroll)
        assert scroll.show_vertical_scrollbar
        shown = app.dashboard.query_one("#rail-text", Panel).render()
        assert isinstance(shown, Content)
        assert max(line.cell_length for line in shown.split("\n")) <= scroll.scrollable_content_region.width


async def test_a_run_without_samples_is_not_asked():
    session = FakeSession("bowl")
    session.play(started(task="minimise"), ev.StatusChanged(status="running"), *trained(200))
    app = app_over(session)
    async with show(app, (120, 40)) as pilot:
        await settle(pilot)
        await press(pilot, "Q")
        assert "This run minimises a function" in screen_text(app)
        await press(pilot, "o", "a")
        await settle(pilot)
        assert isinstance(app.screen, Dashboard)
        assert "no samples to answer for" in screen_text(app).splitlines()[-2]
        assert session.sent == []
