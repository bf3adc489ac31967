"""Title, bell and notification: what is sent to the terminal, when, and that nothing foreign gets into it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from textual import events

from tests.ui.fake_session import FakeSession, app_over, finished, running, settle, show, started, trained
from tui_trainer.protocol import events as ev
from tui_trainer.state.run_state import RunState
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.attention.teller import AWAY_SECONDS, BELL_SECONDS, TITLE_SECONDS, Teller
from tui_trainer.ui.attention.watch import STAYS
from tui_trainer.ui.icons import FANCY
from tui_trainer.ui.run_store import RunStore
from tui_trainer.ui.settings import Settings
from tui_trainer.ui.terminal.sequences import notification_sequence, title_sequence

XTERM = {"TERM": "xterm-256color"}
ALARM = ev.Diagnosed(finding="DIVERGING", severity="alarm", title="the loss diverges")


@dataclass
class Screen:
    """A screen as the teller knows it: the runs of a session, with a clock of its own."""

    session: FakeSession
    settings: Settings = field(default_factory=Settings)
    environ: dict[str, str] = field(default_factory=lambda: XTERM)

    def __post_init__(self) -> None:
        self.now = 1000.0
        self.titles: list[str] = []
        self.sent: list[str] = []
        self.store = RunStore(self.session)
        self.muted: dict[str, frozenset[str]] = {}
        self.selected_index = 0
        self.teller = Teller(self.settings, self.environ, self.titles.append, self.sent.append, self.now)

    @property
    def states(self) -> list[RunState]:
        return [self.store.shown(state) for state in self.store.states.values()]

    def wait(self, seconds: float = 0.0) -> Screen:
        self.now += seconds
        self.store.poll()
        self.teller.tick(self.now, self, FANCY)  # type: ignore[arg-type]
        return self

    def play(self, *played: ev.AnyEvent, run: str = "") -> Screen:
        self.session.play(*played, run=run)
        return self.wait()

    def away(self) -> Screen:
        self.teller.focus(False)
        return self


class TestTitle:
    def test_it_has_name_progress_and_validation_loss(self):
        screen = Screen(running(steps=200)).wait()
        series = screen.states[0].series["val_loss"]
        assert screen.titles == [f"digits 40 % · val {series.last:.2g}"]

    def test_it_changes_once_in_some_seconds_and_only_when_its_text_does(self):
        screen = Screen(running(steps=50)).wait()
        for first in range(51, 451, 50):
            screen.play(*trained(50, first))
        assert len(screen.titles) == 1
        screen.wait(TITLE_SECONDS)
        assert screen.titles[1:] == [f"digits 90 % · val {screen.states[0].series['val_loss'].last:.2g}"]
        for _ in range(50):
            screen.wait(TITLE_SECONDS)
        assert len(screen.titles) == 2

    @pytest.mark.parametrize(
        ("event", "title"),
        [
            (ev.StatusChanged(status="paused"), "digits paused 40 %"),
            (finished(), "digits finished"),
            (finished("stopped"), "digits stopped"),
            (finished("failed", "out of memory", 1), "digits failed"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_it_says_the_condition_of_a_run_that_does_not_train(self, event, title):
        screen = Screen(running(steps=200)).play(event)
        assert screen.titles[0].partition(" · ")[0] == title

    def test_a_set_has_one_title(self):
        screen = Screen(running("lr/a", "lr/b", steps=200)).wait()
        assert screen.titles[0].startswith("lr 40 % · val ")
        screen.play(finished(), run="lr/a").play(finished(), run="lr/b").wait(TITLE_SECONDS)
        assert screen.titles[-1].startswith("lr 2 runs over · val ")

    @pytest.mark.parametrize("settings", [Settings(title=False), Settings()])
    def test_it_can_be_switched_off_and_a_console_has_none(self, settings):
        environ = XTERM if not settings.title else {"TERM": "linux"}
        screen = Screen(running(), settings, environ).wait(TITLE_SECONDS)
        assert screen.titles == []

    def test_no_control_character_gets_through(self):
        sequence = title_sequence("a\x07b\x1b]52;c;x\x1b\\\x9c\u202e" + "x" * 500)
        body = sequence.removeprefix("\x1b]2;").removesuffix("\x07")
        assert body.isprintable()
        assert len(body) == 120


class TestNews:
    def test_the_end_of_a_run_rings_and_notifies_once(self):
        screen = Screen(running()).wait().away().play(finished())
        value = screen.states[0].series["val_loss"].last
        assert screen.sent == [f"\x07\x1b]9;digits: completed, val {value:.2g}\x07"]
        screen.wait(BELL_SECONDS).wait(BELL_SECONDS)
        assert len(screen.sent) == 1

    def test_nothing_is_sent_to_a_window_with_the_focus_then_or_later(self):
        screen = Screen(running()).wait()
        screen.teller.focus(True)
        screen.play(finished()).away().wait(BELL_SECONDS)
        assert screen.sent == []

    def test_without_a_word_about_the_focus_a_key_of_the_last_minute_counts(self):
        screen = Screen(running("a", "b")).wait()
        screen.play(finished("failed", "out of memory", 1), run="a")
        assert screen.sent == []
        screen.wait(AWAY_SECONDS).play(finished("failed", "bad data", 1), run="b")
        assert screen.sent == ["\x07\x1b]9;b: failed: bad data\x07"]
        other = Screen(running()).wait(AWAY_SECONDS - 1)
        other.teller.used(other.now)
        assert other.play(finished()).wait(10).sent == []

    def test_of_a_set_failures_are_told_at_once_and_the_end_at_the_last_run(self):
        screen = Screen(running("g/a", "g/b", "g/c")).wait().away()
        screen.play(finished(), run="g/a")
        assert screen.sent == []
        screen.play(finished("failed", "bad data", 1), run="g/b")
        assert screen.sent == ["\x07\x1b]9;g/b: failed: bad data\x07"]
        screen.play(finished(), run="g/c").wait(BELL_SECONDS)
        assert len(screen.sent) == 2
        assert "g/c: completed" in screen.sent[1]

    def test_what_was_over_before_the_screen_opened_is_no_news(self):
        session = running()
        session.play(ALARM, finished("failed", "bad data", 1))
        screen = Screen(session).away().wait().wait(STAYS + BELL_SECONDS)
        assert screen.sent == []

    def test_a_lost_host_is_told(self):
        screen = Screen(running()).wait().away()
        screen.session.say("the host was killed (signal 9)", fatal=True)
        assert screen.wait().sent == ["\x07\x1b]9;digits: the host was killed (signal 9)\x07"]

    def test_a_serious_finding_is_told_once_it_has_stayed(self):
        screen = Screen(running()).wait().away()
        screen.play(ALARM).wait(STAYS - 0.1)
        assert screen.sent == []
        assert screen.wait(0.2).sent == ["\x07\x1b]9;digits: the loss diverges\x07"]
        screen.play(ALARM.model_copy(update={"again": True})).wait(STAYS)
        assert len(screen.sent) == 1

    @pytest.mark.parametrize("change", [{"severity": "warning"}, {"active": False}, {"muted": True}], ids=str)
    def test_other_findings_are_not(self, change: dict[str, Any]):
        screen = Screen(running()).wait().away().play(ALARM)
        if change.pop("muted", False):
            screen.muted["digits"] = frozenset({"DIVERGING"})
        else:
            screen.play(ALARM.model_copy(update=change))
        assert screen.wait(STAYS + 1).sent == []

    def test_much_news_is_one_notification(self):
        screen = Screen(running("a", "b", "c")).wait().away()
        for run in "abc":
            screen.session.play(finished("failed", "bad data", 1), run=run)
        assert screen.wait().sent == ["\x07\x1b]9;a: failed: bad data (and 2 more)\x07"]

    @pytest.mark.parametrize(
        ("settings", "sent"),
        [
            (Settings(bell=False), "\x1b]9;digits: failed: x\x07"),
            (Settings(notify="off"), "\x07"),
            (Settings(notify="osc777"), "\x07\x1b]777;notify;digits;failed: x\x07"),
            (Settings(bell=False, notify="off"), None),
        ],
        ids=["no bell", "no notification", "osc 777", "neither"],
    )
    def test_each_has_a_switch(self, settings, sent):
        screen = Screen(running(), settings).wait().away().play(finished("failed", "x", 1))
        assert screen.sent == ([sent] if sent else [])


@pytest.mark.parametrize(
    ("environ", "beginning"),
    [
        (XTERM, "\x1b]9;"),
        ({"TERM": "foot"}, "\x1b]777;notify;"),
        ({**XTERM, "VTE_VERSION": "7600"}, "\x1b]777;notify;"),
        ({"TERM": "tmux-256color", "TMUX": "/tmp/x"}, "\x1bPtmux;\x1b\x1b]9;"),
        ({"TERM": "screen", "STY": "1.x"}, ""),
        ({"TERM": "linux"}, ""),
    ],
)
def test_the_terminal_decides_the_sequence(environ, beginning):
    sequence = notification_sequence("4;50", "\x1b[2Jx;y\x07", "auto", environ)
    assert sequence.startswith(beginning)
    assert bool(sequence) == bool(beginning)
    payload = sequence.removeprefix(beginning)
    assert "4,50" in payload or not sequence
    assert "\x1b[2J" not in payload


class Terminal:
    """The sequences that the app asks its terminal for."""

    def __init__(self, app: TrainerApp) -> None:
        self.sent: list[str] = []
        app._teller._send = self.sent.append


async def test_the_app_follows_the_focus_that_the_terminal_reports():
    session = running()
    app = app_over(session)
    terminal = Terminal(app)
    async with show(app) as pilot:
        app.post_message(events.AppBlur())
        await pilot.pause()
        session.play(started(), finished("failed", "bad data", 1))
        await settle(pilot)
        assert terminal.sent == ["\x07\x1b]9;digits: failed: bad data\x07"]
    session = running()
    app = app_over(session)
    terminal = Terminal(app)
    async with show(app) as pilot:
        app.post_message(events.AppBlur())
        app.post_message(events.AppFocus())
        await pilot.pause()
        session.play(started(), finished("failed", "bad data", 1))
        await settle(pilot)
        assert terminal.sent == []
