"""Asking a host for one thing in words: what it answers, and what it costs to ask."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.session.conftest import Running, run_host, spec_for
from tui_trainer.errors import UserError
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.session.request import ANSWER, ASK, GREETING, Hello, Response, request


def words(running: Running, command: str, *values: str, run: str = "*", timeout: float = 30) -> Response:
    hello, *answers = request(Path(running.spec.socket), command, values, by="tester", run=run, timeout=timeout)
    assert hello == Hello(frozenset({"run"}))
    (answer,) = answers
    assert isinstance(answer, Response)
    return answer


@pytest.mark.parametrize("running", ["socket"], indirect=True)
class TestLive:
    def test_what_is_done_is_answered_in_words_and_with_its_event(self, running):
        answer = words(running, "set-lr", "value=0.5")
        assert answer.code == 0
        assert answer.text.startswith("learning rate 0.5, was ")
        assert answer.text.endswith(" (tester)")
        assert answer.event is not None
        assert answer.event["type"] == "SettingChanged"
        assert answer.event["cause"]["type"] == "SetLearningRate"
        running.watcher.until(lambda: "learning rate 0.5" in str(running.watcher.state.log), "the same on a screen")

    def test_a_refusal_is_no_error_of_the_asker(self, running):
        answer = words(running, "resume")
        assert (answer.code, answer.text) == (1, "refused: not paused")
        assert answer.event is not None

    @pytest.mark.parametrize(
        ("command", "values", "said"),
        [
            ("set-lrr", ["value=1"], "send: no command 'set-lrr'; did you mean 'set-lr'?"),
            ("set-lr", ["vlue=1"], "send set-lr: vlue: unknown key; did you mean 'value'?"),
            ("set-lr", ["1"], "send set-lr: '1': write KEY=VALUE"),
            ("pause", ["by=me"], "send pause: by: not yours to set"),
            ("set-scheduler", ["kind=cosin"], "send set-scheduler: scheduler.kind: 'cosin' is not one; did you mean"),
        ],
    )
    def test_nonsense_is_explained_and_changes_nothing(self, running, command, values, said):
        before = running.watcher.state.seq
        answer = words(running, command, *values)
        assert answer.code == 2
        assert answer.event is None
        assert answer.text.startswith(said)
        kinds = {message.type for message in running.watcher.messages if getattr(message, "seq", 0) > before}
        assert not kinds & {"SettingChanged", "SchedulerChanged", "Refused"}

    def test_a_run_that_is_not_there_is_refused(self, running):
        assert words(running, "pause", run="other").code == 1

    def test_too_many_words_are_not_sent(self, running):
        with pytest.raises(UserError, match="bytes are more than"):
            words(running, "note", "text=" + "x" * 70_000)

    def test_half_a_wish_counts_as_foolish_and_disturbs_nobody(self, running):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(running.spec.socket))
            client.sendall(ASK + b"}\n" + ASK + b',"id":7}\n' + ASK + b"\n")
            client.settimeout(30)
            heard = b""
            while heard.count(b"not understood: not a wish") < 3:
                data = client.recv(1 << 16)
                assert data, "the host hung up"
                heard += data
        assert words(running, "note", "text=still here").code == 0


def answering(path: Path, *lines: bytes) -> threading.Thread:
    """Somebody who answers with these lines, whatever was asked."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(1)

    def serve():
        connection, _ = listener.accept()
        with listener, connection:
            connection.recv(1 << 16)
            for line in lines:
                connection.sendall(line)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


HELLO = GREETING + b',"protocol":1,"version":"0","states":[]}\n'


def test_a_host_that_goes_away_is_named(tmp_path):
    answering(tmp_path / "s", HELLO, ANSWER + b',"id":"another","code":0,"text":"","event":null}\n')
    with pytest.raises(UserError, match="went away before it answered"):
        list(request(tmp_path / "s", "pause", [], by="", run="*", timeout=20))


def test_a_host_of_another_protocol_is_named(tmp_path):
    answering(tmp_path / "s", HELLO.replace(b'"protocol":1', b'"protocol":2'))
    with pytest.raises(UserError, match=r"speaks protocol 2 \(version 0\), this is 1"):
        list(request(tmp_path / "s", "pause", [], by="", run="*", timeout=20))


def test_no_answer_is_an_error_after_the_time(tmp_path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen(1)
    with listener, pytest.raises(UserError, match="no answer within"):
        list(request(tmp_path / "s", "pause", [], by="", run="*", timeout=0.05))


def test_what_is_not_saved_is_told_to_who_asks(tmp_path):
    host, thread = run_host(spec_for(tmp_path, training={"epochs": 1_000_000}))
    try:
        failed = ev.SavingFailed(what="events.jsonl", error="No space left on device")
        host.hub.publish(host.spec.runs[0].name, failed)
        hello = next(request(Path(host.spec.socket), "note", ["text=x"], by="", run="*", timeout=60))
        assert hello == Hello(frozenset({"run"}), ("events.jsonl: No space left on device",))
    finally:
        host.obey(cmd.Stop())
        thread.join(120)


def loaded(code: str) -> set[str]:
    """The packages that are imported when this code has run."""
    end = "\nimport sys, json\nprint(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code + end], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import tui_trainer.cli.commands.send, tui_trainer.session.request, tui_trainer.session.connect",
        "import tui_trainer.cli.commands.run, tui_trainer.cli.open_screen, tui_trainer.session.launch;"
        "import tui_trainer.ui.app;"
        "import tui_trainer.ui.screens.splash, tui_trainer.ui.settings as s; s.load_settings()",
        "import tui_trainer.cli.commands.attach, tui_trainer.session.connect, tui_trainer.ui.app;"
        "import tui_trainer.ui.screens.home",
    ],
    ids=["send", "run", "home"],
)
def test_a_first_frame_and_a_wish_do_not_wait_for_models(code, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert not loaded(code) & {"pydantic", "torch", "numpy", "plotext"}
