"""What leads through a lesson: remarks that come up and turn the charts, and the keys to read and to go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic
from typing import TYPE_CHECKING

from tui_trainer.config.lesson import Remark
from tui_trainer.ui.actions import BY_ID, Keymap, shown_key
from tui_trainer.ui.charts.registry import pane_named
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.lecture.narrator import lesson_of
from tui_trainer.ui.lecture.tour import Tour
from tui_trainer.ui.screens.lesson import LessonPage

if TYPE_CHECKING:
    from tui_trainer.ui.dashboard.screen import Dashboard

ALL = "all"
"""What a remark shows to go back to all charts."""


class LessonActions:
    """Follows the run in front with its lesson.

    A remark turns the axis, the chart in full and the logarithm once, when it comes up. What a person has set by hand
    since is theirs: no later remark touches it, until they let the lecture play again.
    """

    def __init__(self, dashboard: Dashboard, watch: ViewState, tour: Tour | None, rest: float) -> None:
        self._dashboard = dashboard
        self._watch = watch
        self._tour = tour
        self._rest = rest
        self._from_the_start = False
        self._known: tuple[str, int] = ("", 0)
        self._expect()

    def doings(self) -> dict[str, Callable[[], None]]:
        """What each action does, by its id."""
        return {
            "earlier_remark": self.earlier,
            "later_remark": self.later,
            "lesson": self.read,
            "next_lesson": lambda: self.go(1),
            "previous_lesson": lambda: self.go(-1),
            "play": self.play,
        }

    @property
    def playing(self) -> bool:
        """Whether the lecture goes on by itself."""
        return self._tour is not None and self._tour.playing

    # What comes up.

    def tick(self, now: float) -> bool:
        """Listen to the runs; whether there is something new to be seen."""
        watch, feed = self._watch, self._watch.feed
        state = watch.chosen
        if state is None:
            return False
        self._from_the_start |= state.step == 0 and not state.over
        if state.started is None:
            return False
        narrator = watch.narrator
        known = (state.run, state.started.seq)
        if known != self._known:
            self._known, watch.lesson = known, lesson_of(state)
        late = not (self._from_the_start or self.playing)
        told = narrator.listen(watch.lesson, state, feed.over, now, late=late)
        # What had come up before this screen looked is past; what comes from here on has its time.
        self._from_the_start |= late and not feed.over
        for remark in told:
            self._turn_to(remark)
        marks = narrator.marks(state)
        if marks != watch.view.told:
            watch.view = replace(watch.view, told=marks)
        if self.playing and narrator.done(feed.over, now, self._rest):
            self.go(1)
        return bool(told)

    def _turn_to(self, remark: Remark) -> None:
        watch = self._watch
        axis, log_y, whole = self._expected
        if remark.axis is not None and watch.view.axis == axis:
            watch.view, axis = replace(watch.view, axis=remark.axis), remark.axis
        if remark.log_y is not None and watch.view.log_y is log_y:
            watch.view, log_y = replace(watch.view, log_y=remark.log_y), remark.log_y
        if remark.show and watch.whole == whole and not watch.layers:
            named = pane_named(remark.show, watch.states, watch.front)
            if named is not None or remark.show == ALL:
                watch.whole = whole = named
        self._expected = axis, log_y, whole

    def _expect(self) -> None:
        """Take the look as it is for one that remarks may turn from here on."""
        watch = self._watch
        self._expected = (watch.view.axis, watch.view.log_y, watch.whole)

    # What a person does.

    def earlier(self) -> None:
        """Read the remark before."""
        if not self._watch.narrator.earlier():
            self._dashboard.say("this is the first remark")
        self._dashboard.looked()

    def later(self) -> None:
        """Read the remark after; one that waits comes up."""
        found = self._watch.narrator.later(monotonic())
        if isinstance(found, Remark):
            self._turn_to(found)
        elif not found:
            self._dashboard.say("no later remark has come up yet" if not self._watch.feed.over else "that was all")
        self._dashboard.rearrange()

    def read(self) -> None:
        """Open everything that is told here."""
        state = self._watch.chosen
        if state is not None and self._watch.lesson is not None:
            self._dashboard.ask(LessonPage(state, self._watch.narrator), lambda _: None)

    def go(self, by: int) -> None:
        """To another lesson; what is training here is stopped and saved before."""
        tour = self._tour
        if tour is None:
            return
        if tour.neighbour(by) is None and not tour.playing:
            self._dashboard.say("this is the last lesson" if by > 0 else "this is the first lesson")
            return
        tour.turn = by
        self._dashboard.leaving.turn_away()

    def play(self) -> None:
        """Let the lecture go on by itself from here."""
        if self._tour is not None:
            self._tour.playing = True
            self._expect()
            self._dashboard.say("the lecture plays by itself: any key takes over")
            self._dashboard.looked()

    def take_over(self, action: str = "") -> bool:
        """A person did something: what played by itself waits for them. Whether it did play."""
        tour = self._tour
        if tour is None:
            return False
        if action in ("quit", "detach"):
            tour.turn = 0
        if not tour.playing:
            return False
        tour.playing = False
        self._dashboard.say(f"the wheel is yours; {shown_key(BY_ID['play'], {})} lets it play on")
        self._dashboard.looked()
        return True

    def hints(self, keymap: Keymap) -> list[str]:
        """The keys that lead on, the most important first; while the lecture plays, how it is stopped."""
        if self.playing:
            return ["any key takes over"]
        names = [(("earlier_remark", "later_remark"), "remarks"), (("lesson",), "all")]
        lecture = [(("next_lesson",), "next"), (("play",), "play")] if self._tour is not None else []
        return [
            f"{' '.join(shown_key(BY_ID[name], keymap) for name in ids)} {words}" for ids, words in [*lecture, *names]
        ]
