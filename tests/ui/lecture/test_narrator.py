"""The narrator: when remarks appear, how long they stay, and how the narration is cut to fit."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult

from tests.ui.fake_session import STEPS, started, trained
from tui_trainer.config.lesson import Lesson, Remark
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.dashboard.layout import LayoutRequest, arrange
from tui_trainer.ui.lecture.narration import MORE, Narration, narration
from tui_trainer.ui.lecture.narrator import SHORTEST, Narrator, lesson_of

LESSON = Lesson(
    rows=("S18", "S19"),
    shows="Per iteration one wins, per epoch the other.",
    says="GD is faster per iteration.",
    truth="By 1.5 to 3 after five of them; the seconds decide.",
    remarks=(
        Remark(at="start", text="It begins."),
        Remark(step=STEPS // 2, text="Half an epoch."),
        Remark(epoch=2, text="Two epochs have ended."),
        Remark(at="end", text="That was all of it."),
    ),
)


def state(steps: int = 0) -> RunState:
    found = RunState(run="a")
    for event in [started(config={"lesson": LESSON.model_dump(mode="json")}), *trained(steps)]:
        found.apply(event)
    return found


def update(narrator: Narrator, steps: int, now: float, *, over: bool = False, late: bool = False) -> list[str]:
    return [remark.text for remark in narrator.update(LESSON, state(steps), over, now, late=late)]


def test_each_remark_appears_when_it_is_due() -> None:
    narrator = Narrator()
    assert update(narrator, 0, 0) == []
    assert narrator.text == LESSON.shows
    assert update(narrator, 1, 100) == ["It begins."]
    assert update(narrator, STEPS // 2 - 1, 200) == []
    assert update(narrator, STEPS // 2, 300) == ["Half an epoch."]
    assert update(narrator, 2 * STEPS - 1, 400) == []
    assert update(narrator, 2 * STEPS, 500) == ["Two epochs have ended."]
    assert update(narrator, 3 * STEPS, 600) == []
    assert update(narrator, 3 * STEPS, 700, over=True) == ["That was all of it."]


def test_a_remark_stays_until_it_has_been_read() -> None:
    narrator = Narrator(words_per_minute=60)  # two words: two seconds
    assert update(narrator, 2 * STEPS, 10) == ["It begins."]
    assert narrator.waiting == [1, 2]
    assert update(narrator, 2 * STEPS, 11.9) == []
    assert update(narrator, 2 * STEPS, 12) == ["Half an epoch."]
    assert update(narrator, 2 * STEPS, 14.9) == []
    assert update(narrator, 2 * STEPS, 15) == ["Two epochs have ended."]
    assert Narrator().reading_seconds("one") == SHORTEST


def test_a_lesson_can_finish_without_remarks_that_were_never_due() -> None:
    narrator = Narrator(words_per_minute=6000)
    assert [text for now in range(0, 40, 10) for text in update(narrator, 3, now, over=True)] == [
        "It begins.",
        "That was all of it.",
    ]
    assert narrator.finished(True, 40, 3)
    assert not narrator.finished(False, 40, 3)


def test_a_lesson_finishes_after_reading_time_and_rest() -> None:
    narrator = Narrator(words_per_minute=60)
    for now in (0, 10, 20, 30):
        update(narrator, 2 * STEPS, now, over=True)
    words = len(f"That was all of it. {LESSON.says} {LESSON.truth}".split())
    assert not narrator.finished(True, 30 + words + 2.9, 3)
    assert narrator.finished(True, 30 + words + 3, 3)


def test_a_late_viewer_gets_all_due_remarks_at_once() -> None:
    narrator = Narrator()
    assert update(narrator, 2 * STEPS, 0, late=True) == ["It begins.", "Half an epoch.", "Two epochs have ended."]
    assert narrator.remark == LESSON.remarks[2]


def test_new_remarks_do_not_interrupt_an_earlier_page() -> None:
    narrator = Narrator(words_per_minute=6000)
    update(narrator, STEPS, 0)
    update(narrator, STEPS, 10)
    assert narrator.page == 1
    assert narrator.previous_remark()
    assert not narrator.previous_remark()
    update(narrator, 2 * STEPS, 20)
    assert narrator.text == "It begins."
    assert narrator.next_remark(21) is True
    assert narrator.next_remark(21) is True
    assert narrator.text == "Two epochs have ended."
    assert narrator.next_remark(21) is False


def test_a_waiting_remark_can_be_shown_early() -> None:
    narrator = Narrator()
    update(narrator, STEPS, 0)
    assert narrator.next_remark(0.1) == LESSON.remarks[1]
    assert narrator.text == "Half an epoch."


def test_remark_steps() -> None:
    narrator = Narrator()
    update(narrator, 2 * STEPS, 0, late=True)
    assert narrator.remark_steps(state()) == (STEPS // 2, 2 * STEPS)


def test_the_lesson_is_read_from_the_configuration() -> None:
    assert lesson_of(state()) == LESSON
    assert lesson_of(None) is None
    assert lesson_of(RunState()) is None
    odd = RunState()
    odd.apply(started(config={"lesson": {"rows": ["of another version"]}}))
    assert lesson_of(odd) is None


@pytest.mark.parametrize("width", [10, 38, 78, 130])
@pytest.mark.parametrize("height", [1, 2, 3, 6, 8])
@pytest.mark.parametrize("over", [False, True])
def test_the_narration_fits_and_marks_a_remark_that_is_cut(width: int, height: int, over: bool) -> None:
    long = " ".join(["Half an epoch has gone by."] * 36)
    narrator = Narrator()
    lesson = LESSON.model_copy(update={"remarks": (Remark(at="start", text=long),)})
    narrator.update(lesson, state(STEPS), over, 0, late=True)
    lines = narration(narrator, width, height, ["( ) remarks", "t all"]).plain.splitlines()
    assert len(lines) <= height
    assert all(len(line) <= width for line in lines)
    assert lines[-1].endswith(MORE)


@pytest.mark.parametrize("truth", ["By 1.5 to 3 after five.", "It is more complicated than that. " * 12])
@pytest.mark.parametrize("width", [78, 98])
def test_the_truth_is_shown_at_the_end_in_full_or_not_at_all(truth: str, width: int) -> None:
    lesson = LESSON.model_copy(update={"truth": truth})
    narrator = Narrator(words_per_minute=6000)
    for now, steps in enumerate((1, STEPS, 2 * STEPS)):
        narrator.update(lesson, state(steps), False, 10 * now, late=False)
        text = narration(narrator, width, 6).plain
        assert "lecture: GD is faster per iteration." in text
        assert "in truth" not in text
    narrator.update(lesson, state(2 * STEPS), True, 60, late=True)
    text = " ".join(narration(narrator, width, 6).plain.split())
    assert ("in truth:" in text) is (len(truth) < 100)
    assert ("in truth:" in text) is (" ".join(truth.split()) in text)


@pytest.mark.parametrize(
    ("size", "charts", "narration", "log"),
    [((200, 60), 5, 8, 3), ((140, 40), 4, 7, 3), ((80, 24), 1, 6, 0), ((40, 12), 1, 1, 0), ((20, 5), 0, 0, 0)],
    ids=["200x60", "140x40", "80x24", "40x12", "20x5"],
)
def test_the_narration_leaves_room_for_the_charts(size: tuple[int, int], charts: int, narration: int, log: int) -> None:
    found = arrange(*size, LayoutRequest(charts=5, lesson=True))
    assert (found.charts, found.narration, found.log) == (charts, narration, log)
    assert found.charts == arrange(*size, LayoutRequest(charts=5)).charts


async def test_a_remark_that_came_while_the_narration_was_hidden_is_drawn_once_it_is_shown():
    class Host(App[None]):
        def compose(self) -> ComposeResult:
            yield Narration()

    remarks = (Remark(at="start", text="It lies."),)
    narrator = Narrator(lesson=Lesson(rows=("S30",), shows="Scales help.", remarks=remarks))
    async with Host().run_test(size=(60, 10)) as pilot:
        panel = pilot.app.query_one(Narration)
        panel.styles.height = 5
        panel.draw(narrator, ())
        panel.display = False
        await pilot.pause()
        narrator.shown = [0]
        panel.draw(narrator, ())
        assert "It lies." not in str(panel.render())
        panel.display = True
        await pilot.pause()
        assert "It lies." in str(panel.render())
