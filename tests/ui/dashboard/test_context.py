"""The action classes without a screen: they need nothing but a `DashboardContext`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual.screen import ModalScreen

from tests.ui.fake_session import FakeSession, finished, running
from tui_trainer.components.schedulers.plan import LrPlan
from tui_trainer.protocol import commands as cmd
from tui_trainer.state.run_state import LogLine, RunState
from tui_trainer.ui.actions import Keymap
from tui_trainer.ui.app_result import AppResult
from tui_trainer.ui.charts.palette import Palette, palette
from tui_trainer.ui.charts.registry import ChartData, ChartKind, chart_data
from tui_trainer.ui.dashboard.actions.quit_actions import QuitActions
from tui_trainer.ui.dashboard.actions.training_actions import TrainingActions
from tui_trainer.ui.dashboard.actions.view_actions import ViewActions
from tui_trainer.ui.dashboard.context import DashboardContext
from tui_trainer.ui.dashboard.view_state import ViewState
from tui_trainer.ui.icons import FANCY, Icons
from tui_trainer.ui.run_store import RunStore
from tui_trainer.ui.screens.dialogs.confirm import Confirm
from tui_trainer.ui.screens.dialogs.prompt import Prompt
from tui_trainer.ui.settings import Settings


class RecordingContext:
    """Remembers the calls of the actions, and accepts dialogs with a given answer."""

    icons: Icons = FANCY
    palette: Palette = palette(True)
    chart_width = 60

    def __init__(self, session: FakeSession, answer: Any = None) -> None:
        self.view_state = ViewState(RunStore(session))
        self.view_state.store.poll()
        self.answer = answer
        self.dialogs: list[ModalScreen[Any]] = []
        self.calls: list[str] = []
        self.messages: list[str] = []
        self.results: list[AppResult] = []

    keymap: Keymap = {}
    settings = Settings()

    @property
    def selected_run(self) -> RunState:
        return self.view_state.selected_run or RunState()

    def perform(self, name: str, value: str = "") -> None:
        self.calls.append(name)

    def reveal(self, line: LogLine) -> None:
        self.calls.append(f"reveal {line.text}")

    def send(self, command: cmd.AnyCommand, description: str, run: str | None = None) -> None:
        self.view_state.store.send(command, self.view_state.target if run is None else run, description)

    def ask(
        self,
        dialog: ModalScreen[Any],
        accepted: Callable[[Any], None],
        cancelled: Callable[[], None] = lambda: None,
    ) -> None:
        self.dialogs.append(dialog)
        if self.answer is None:
            cancelled()
        else:
            accepted(self.answer)

    def flash(self, text: str, *, error: bool = False, seconds: float = 5.0) -> None:
        self.messages.append(text)

    def redraw(self) -> None:
        self.calls.append("redraw")

    def request_redraw(self) -> None:
        self.calls.append("request_redraw")

    def relayout(self) -> None:
        self.calls.append("relayout")

    def learning_rate_chart(self, plan: LrPlan | None, width: int, height: int) -> ChartData:
        state = self.view_state
        return chart_data(ChartKind.RATE, state.states, 0, state.view, width, height, preview=plan)

    def leave(self, result: AppResult) -> None:
        self.results.append(result)


def test_a_dialog_leads_to_a_command() -> None:
    session = running()
    context = RecordingContext(session, answer=cmd.SetLearningRate(factor=0.5))
    actions: DashboardContext = context

    TrainingActions(actions).handlers()["rate"]()

    assert isinstance(context.dialogs[0], Prompt)
    assert session.last(cmd.SetLearningRate).factor == 0.5
    assert [pending.description for pending in context.view_state.store.pending.values()] == ["rate"]


def test_a_cancelled_dialog_sends_nothing() -> None:
    session = running()

    TrainingActions(RecordingContext(session)).handlers()["clip"]()

    assert session.sent == []


def test_steering_all_sends_to_every_run() -> None:
    session = running("set/a", "set/b")
    context = RecordingContext(session)
    context.view_state.steer_all = True

    TrainingActions(context).handlers()["pause"]()

    assert session.last(cmd.Pause).run == "*"


def test_a_view_action_asks_for_a_redraw_and_sends_nothing() -> None:
    session = running()
    context = RecordingContext(session)

    ViewActions(context).handlers()["axis"]()

    assert context.view_state.view.axis == "epoch"
    assert context.calls == ["request_redraw"]
    assert session.sent == []


def test_maximizing_needs_a_layout() -> None:
    context = RecordingContext(running())
    handlers = ViewActions(context).handlers()

    handlers["chart_3"]()
    assert context.view_state.maximized is ChartKind.NORM
    assert not context.view_state.alone
    handlers["chart_3"]()
    assert context.view_state.alone
    handlers["chart_3"]()
    assert context.view_state.maximized is None

    assert context.calls == ["relayout"] * 3


def test_past_the_last_intervention_nothing_happens() -> None:
    session = running()
    context = RecordingContext(session)
    context.view_state.lecture = True

    ViewActions(context).handlers()["next_mark"]()

    assert context.messages == ["no later intervention"]
    assert session.sent == []


def test_quitting_asks_while_something_trains_and_leaves_when_it_has_ended() -> None:
    session = running()
    context = RecordingContext(session, answer="stop")
    actions = QuitActions(context)

    actions.quit()
    assert isinstance(context.dialogs[0], Confirm)
    assert session.last(cmd.Stop).run == "*"
    assert context.results == []
    session.play(finished("stopped"))
    context.view_state.store.poll()
    actions.check()

    assert [result.exit_code for result in context.results] == [0]
