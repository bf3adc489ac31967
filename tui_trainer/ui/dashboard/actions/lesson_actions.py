"""Actions of a lesson: its remarks appear and set the charts; keys page through them and lead to other lessons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from tui_trainer.config.lesson import Remark
from tui_trainer.ui.actions import BY_ID, Keymap, shown_key
from tui_trainer.ui.charts.registry import pane_named
from tui_trainer.ui.dashboard.actions.quit_actions import QuitActions
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.lecture.narrator import lesson_of
from tui_trainer.ui.lecture.tour import Tour
from tui_trainer.ui.screens.lesson import LessonPage

ALL = "all"
"""Value of a remark's `show` for all charts."""


class LessonActions:
    """Follows the selected run with the remarks of its lesson.

    A remark sets the axis, its range, the maximized chart and the logarithmic y axis once, when it appears. Later
    remarks leave alone what the user has changed since, until autoplay is switched on again.

    Args:
        context: the dashboard.
        tour: the way through the lecture that the run was opened from, if any.
        rest: seconds between the last remark and the next lesson in autoplay.
        quit_actions: leave the dashboard for another lesson.
    """

    def __init__(self, context: DashboardContext, tour: Tour | None, rest: float, quit_actions: QuitActions) -> None:
        self._context = context
        self._state = context.view_state
        self._tour = tour
        self._rest = rest
        self._quit_actions = quit_actions
        self._from_the_start = False
        """Whether this screen has seen the run from its first step on."""
        self._known: tuple[str, int, str] = ("", 0, "")
        """The run and start event that the lesson was read from."""
        self._remember_view()

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {
            "earlier_remark": self.previous_remark,
            "later_remark": self.next_remark,
            "lesson": self.show_page,
            "next_lesson": lambda: self.go_to_lesson(1),
            "previous_lesson": lambda: self.go_to_lesson(-1),
            "play": self.play,
        }

    @property
    def playing(self) -> bool:
        """Whether autoplay is on."""
        return self._tour is not None and self._tour.playing

    def tick(self, now: float) -> bool:
        """Show the remarks that are due. Returns whether there was one."""
        view_state, store = self._state, self._state.store
        state = view_state.selected_run
        if state is None:
            return False
        self._from_the_start |= state.step == 0 and not state.over
        if state.started is None:
            return False
        narrator = view_state.narrator
        named = state.drill.named if state.drill is not None else ""  # the task of a drill changes with the answer
        known = (state.run, state.started.seq, named)
        if known != self._known:
            self._known, view_state.lesson = known, lesson_of(state)
        late = not (self._from_the_start or self.playing)
        remarks = narrator.update(view_state.lesson, state, store.over, now, late=late)
        # Only the remarks from before this screen was opened appear all at once; later ones have their reading time.
        self._from_the_start |= late and not store.over
        for remark in remarks:
            self._apply(remark)
        steps = narrator.remark_steps(state)
        if steps != view_state.view.told:
            view_state.view = replace(view_state.view, told=steps)
        if self.playing and narrator.finished(store.over, now, self._rest):
            self.go_to_lesson(1)
        return bool(remarks)

    def _apply(self, remark: Remark) -> None:
        state = self._state
        axis, log_y, maximized, span = self._expected
        if remark.axis is not None and state.view.axis == axis:
            state.view, axis = replace(state.view, axis=remark.axis), remark.axis
        if remark.log_y is not None and state.view.log_y is log_y:
            state.view, log_y = replace(state.view, log_y=remark.log_y), remark.log_y
        if (remark.x is not None or remark.axis is not None) and state.view.span == span:
            state.view, span = replace(state.view, span=remark.x), remark.x
        if remark.show and state.maximized == maximized and not state.alone:
            pane = pane_named(remark.show, state.states, state.selected_index)
            if pane is not None or remark.show == ALL:
                state.maximized = maximized = pane
        self._expected = axis, log_y, maximized, span

    def _remember_view(self) -> None:
        """Let remarks change the present view: a difference to it is a change that the user made."""
        state = self._state
        self._expected = (state.view.axis, state.view.log_y, state.maximized, state.view.span)

    def previous_remark(self) -> None:
        """Show the previous remark."""
        if not self._state.narrator.previous_remark():
            self._context.flash("this is the first remark")
        self._context.redraw()

    def next_remark(self) -> None:
        """Show the next remark; one that waits appears now."""
        remark = self._state.narrator.next_remark(monotonic())
        if isinstance(remark, Remark):
            self._apply(remark)
        elif not remark:
            over = self._state.store.over
            self._context.flash("this is the last remark" if over else "no later remark is due yet")
        self._context.relayout()

    def show_page(self) -> None:
        """Open the page with the full text of the lesson."""
        state = self._state.selected_run
        if state is not None and self._state.lesson is not None:
            self._context.ask(LessonPage(state, self._state.narrator), lambda _: None)

    def go_to_lesson(self, offset: int) -> None:
        """Leave for another lesson; asks first while something trains, but in autoplay."""
        tour = self._tour
        if tour is None:
            return
        if tour.neighbour(offset) is None and not tour.playing:
            self._context.flash("this is the last lesson" if offset > 0 else "this is the first lesson")
            return

        def stay() -> None:
            tour.turn = 0

        tour.turn = offset
        self._quit_actions.leave_for_lesson(stay, ask=not tour.playing)

    def play(self) -> None:
        """Switch autoplay on."""
        if self._tour is not None:
            self._tour.playing = True
            self._remember_view()
            self._context.flash("autoplay on; press any key to stop it")
            self._context.redraw()

    def stop_autoplay(self, action: str = "") -> bool:
        """Stop autoplay on user input. Returns whether autoplay was on."""
        tour = self._tour
        if tour is None:
            return False
        if action in ("quit", "detach"):
            tour.turn = 0
        if not tour.playing:
            return False
        tour.playing = False
        self._context.flash(f"autoplay off; press {shown_key(BY_ID['play'], {})} to continue")
        self._context.redraw()
        return True

    def hints(self, keymap: Keymap) -> list[str]:
        """Return the keys to show beside the remark, the most important first; during autoplay, how to stop it."""
        if self.playing:
            return ["any key stops autoplay"]
        names = [(("earlier_remark", "later_remark"), "remarks"), (("lesson",), "full text")]
        lecture = [(("next_lesson",), "next"), (("play",), "autoplay")] if self._tour is not None else []
        return [
            f"{' '.join(shown_key(BY_ID[name], keymap) for name in ids)} {label}" for ids, label in [*lecture, *names]
        ]
