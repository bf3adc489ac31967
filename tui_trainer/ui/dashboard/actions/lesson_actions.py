"""Actions of a lesson: its remarks appear and set the charts; keys page through them and lead to other lessons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import monotonic

from tui_trainer.ui.actions import BY_ID, Keymap, shown_key
from tui_trainer.ui.dashboard.actions.quit_actions import QuitActions
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.lecture import remark_view
from tui_trainer.ui.lecture.again import LessonAgain, Reruns
from tui_trainer.ui.lecture.asking import Asking
from tui_trainer.ui.lecture.guide import Guide
from tui_trainer.ui.lecture.narrator import lesson_of
from tui_trainer.ui.lecture.tour import Tour
from tui_trainer.ui.screens.lesson import LessonPage

GUIDED_KEYS = frozenset(
    ("pause", "earlier_remark", "later_remark", "lesson", "play", "play_again", "sliders", "help", "redraw")
)
"""Actions that do not end the guiding of a run that was not opened from the lecture."""


class LessonActions:
    """Follows the selected run with the remarks of its lesson.

    In the lecture the training is guided: it waits at each remark until the reader goes on, and the remark chooses run,
    chart, axis and range. A run that was not opened from the lecture trains on by itself, and a key begins the guiding.

    Args:
        context: the dashboard.
        tour: the way through the lecture that the run was opened from, if any.
        rest: seconds between the last remark and the next lesson in autoplay.
        quit_actions: leave the dashboard for another lesson.
        reruns: trains the runs of the lesson again.
    """

    def __init__(
        self, context: DashboardContext, tour: Tour | None, rest: float, quit_actions: QuitActions, reruns: Reruns
    ) -> None:
        self._context = context
        self._state = context.view_state
        self._tour = tour
        self._rest = rest
        self._quit_actions = quit_actions
        self._from_the_start = False
        """Whether this screen has seen the run from its first step on."""
        self._known: tuple[str, int, str] = ("", 0, "")
        """The run and start event that the lesson was read from."""
        self.asking = Asking(context, tour)
        self._again = LessonAgain(context, reruns, self.restarted, lambda: self.guide.active)
        self.guide = Guide(active=tour is not None and self._can_steer)

    @property
    def _can_steer(self) -> bool:
        return self._state.store.session.can_steer and not self._state.read_only

    def handlers(self) -> dict[str, Callable[[], None]]:
        """Return the handler of each action by its id."""
        return {
            "earlier_remark": self.previous_remark,
            "later_remark": self.next_remark,
            "lesson": self.show_page,
            "next_lesson": lambda: self.go_to_lesson(1),
            "previous_lesson": lambda: self.go_to_lesson(-1),
            "play": self.play,
            "sliders": self.show_sliders,
            **self._again.handlers(),
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
        if self.guide.active:
            shown = narrator.follow(view_state.lesson, state, store.over, now) and self._guided(now)
        else:
            late = not (self._from_the_start or self.playing)
            remarks = narrator.update(view_state.lesson, state, store.over, now, late=late)
            # Only the remarks from before this screen was opened appear all at once; later ones have their reading
            # time.
            self._from_the_start |= late and not store.over
            shown = bool(remarks)
        steps = narrator.remark_steps(state)
        if steps != view_state.view.told:
            view_state.view = replace(view_state.view, told=steps)
        if self.playing and narrator.told and narrator.finished(store.over, now, self._rest):
            self.go_to_lesson(1)
        return shown

    def _guided(self, now: float) -> bool:
        """Show the next remark where the training waits at it, or let the training go on to it."""
        guide, narrator, store = self.guide, self._state.narrator, self._state.store
        lesson, states = narrator.lesson, list(store.states.values())
        assert lesson is not None
        if self.asking.waits(lesson, states):
            return False
        if self.playing and not guide.going and not narrator.told and narrator.was_read(now):
            guide.go_on()
        remaining = narrator.remaining
        index = guide.next(lesson, remaining, states)
        if index is None:
            guide.train(lesson, remaining[0] if remaining else None, states, store.send_for_lesson)
            return False
        remark_view.apply(narrator.show(index, now), self._state)
        if narrator.told:
            self.asking.judge(lesson, states)
        if index >= guide.until:
            guide.wait()
        return True

    def go_on(self) -> bool:
        """Go on from the remark on the screen. Returns whether a lesson was waiting for that."""
        guide, narrator = self.guide, self._state.narrator
        if not guide.active or narrator.lesson is None:
            return False
        if guide.going and not any(state.status == "paused" for state in self._state.store.states.values()):
            return False  # the key pauses the training
        if narrator.page < len(narrator.shown) - 1:
            self._to_newest()
        elif narrator.told:
            self.show_page()
        else:
            guide.go_on()
            self._context.redraw()
        return True

    def _to_newest(self) -> None:
        narrator = self._state.narrator
        narrator.page = len(narrator.shown) - 1
        self._turn()

    def _turn(self) -> None:
        """Show what the remark on the screen speaks of, where the lesson guides."""
        narrator = self._state.narrator
        if narrator.lesson is not None and narrator.shown and self.guide.active:
            remarks = [narrator.lesson.remarks[index] for index in narrator.shown]
            remark_view.turn_to(remarks, narrator.page, self._state)
        self._context.relayout()

    def release(self) -> None:
        """Let runs train on that this screen leaves while they wait for a reader."""
        if self.guide.active and self._state.narrator.lesson is not None:
            self.guide.release(list(self._state.store.states.values()), self._state.store.send_for_lesson)

    def restarted(self, until: int = -1) -> None:
        """Follow new runs of the same lesson; nothing waits before the remark `until`."""
        self.guide.reset()
        self.guide.until = until
        self.asking.reset()

    def previous_remark(self) -> None:
        """Show the previous remark, and what it speaks of."""
        if not self._state.narrator.previous_remark():
            self._context.flash("this is the first remark")
        self._turn()

    def next_remark(self) -> None:
        """Show the next remark; one that waits appears now."""
        narrator = self._state.narrator
        if self.guide.active and narrator.page >= len(narrator.shown) - 1:
            if not self.go_on():
                self._context.flash("the training is on its way to the next remark")
            return
        found = narrator.next_remark(monotonic())
        if not found:
            over = self._state.store.over
            self._context.flash("this is the last remark" if over else "no later remark is due yet")
        if found is True:
            self._turn()
        else:
            self._context.relayout()

    def show_page(self) -> None:
        """Open the page with the full text of the lesson."""
        state = self._state.selected_run
        if state is not None and self._state.lesson is not None:
            self._context.ask(LessonPage(state, self._state.narrator, self.asking.outcomes), lambda _: None)

    def show_sliders(self) -> None:
        """Open the interactive picture of the lesson."""
        from tui_trainer.ui.lecture.bowl_page import BowlPage

        self._context.ask(BowlPage(), lambda _: None)

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
        """Switch autoplay on; for a run that was not opened from the lecture, begin to guide."""
        if self._tour is not None:
            self._tour.playing = True
            self._context.flash("autoplay on; press any key to stop it")
            self._context.redraw()
        elif not self.guide.active:
            if not self._can_steer:
                self._context.flash("this screen cannot let the training wait: ( and ) page through the remarks")
                return
            self.guide.reset()
            self.guide.active = True
            self._state.narrator.waiting = []
            self._context.flash("guided: the training waits at each remark; any other key ends that")
            self._turn()

    def stop_autoplay(self, action: str = "") -> bool:
        """Stop autoplay on user input. Returns whether autoplay was on."""
        tour = self._tour
        if tour is None:
            if self.guide.active and action not in GUIDED_KEYS:
                self.release()
                self.guide.active = False
                self._context.flash(f"no longer guided; {shown_key(BY_ID['play'], {})} guides again")
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
        guided: list[tuple[tuple[str, ...], str]] = []
        if self.guide.active and not self.guide.going:
            guided = [(("pause",), "in truth" if self._state.narrator.told else "go on")]
        elif not self.guide.active and self._tour is None and self._can_steer and not self._state.store.over:
            guided = [(("play",), "guide me")]
        return [
            f"{' '.join(shown_key(BY_ID[name], keymap) for name in ids)} {label}"
            for ids, label in [*guided, *lecture, *names]
        ]
