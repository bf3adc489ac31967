"""`send`: the responses of a host to a request, and the cost of a request."""

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
from tui_trainer.protocol.requests import encode_request
from tui_trainer.protocol.wire_format import GREETING, REQUEST, RESPONSE
from tui_trainer.session.request import HostStatus, Response, request


def send(running: Running, command: str, *values: str, run: str = "*", timeout: float = 120) -> Response:
    status, *answers = request(Path(running.spec.socket), command, values, by="tester", run=run, timeout=timeout)
    assert status == HostStatus(frozenset({"run"}))
    (answer,) = answers
    assert isinstance(answer, Response)
    return answer


@pytest.mark.parametrize("running", ["socket"], indirect=True)
class TestLive:
    def test_a_command_is_answered_in_words_and_with_its_event(self, running):
        answer = send(running, "set-lr", "value=0.5")
        assert answer.code == 0
        assert answer.text.startswith("learning rate 0.5, was ")
        assert answer.text.endswith(" (tester)")
        assert answer.event is not None
        assert answer.event["type"] == "SettingChanged"
        assert answer.event["cause"]["type"] == "SetLearningRate"
        running.watcher.until(lambda: "learning rate 0.5" in str(running.watcher.state.log), "the same on a screen")

    def test_a_refusal_has_exit_code_1(self, running):
        answer = send(running, "resume")
        assert (answer.code, answer.text) == (1, "refused: not paused")
        assert answer.event is not None

    @pytest.mark.parametrize(
        ("command", "values", "message"),
        [
            ("set-lrr", ["value=1"], "send: no command 'set-lrr'; did you mean 'set-lr'?"),
            ("set-lr", ["vlue=1"], "send set-lr: vlue: unknown key; did you mean 'value'?"),
            ("set-lr", ["1"], "send set-lr: '1' is not KEY=VALUE"),
            ("pause", ["by=me"], "send pause: reserved field: by"),
            ("set-scheduler", ["kind=cosin"], "send set-scheduler: scheduler.kind: unknown kind 'cosin'; did you mean"),
        ],
    )
    def test_an_invalid_request_is_explained_and_changes_nothing(self, running, command, values, message):
        before = running.watcher.state.seq
        answer = send(running, command, *values)
        assert answer.code == 2
        assert answer.event is None
        assert answer.text.startswith(message)
        kinds = {message.type for message in running.watcher.messages if getattr(message, "seq", 0) > before}
        assert not kinds & {"SettingChanged", "SchedulerChanged", "Refused"}

    def test_a_viewer_is_answered_by_the_event_alone(self, running):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(running.spec.socket))
            client.settimeout(120)
            client.sendall(encode_request(cmd.Note(text="here", id="viewer")))
            client.sendall(cmd.Note(text="earlier", id="earlier-viewer").model_dump_json().encode() + b"\n")
            received = b""
            while b'"id":"earlier-viewer"' not in received:
                received += client.recv(1 << 16)
        assert b'"id":"viewer"' in received
        assert RESPONSE not in received

    def test_a_run_that_is_not_there_is_refused(self, running):
        assert send(running, "pause", run="other").code == 1

    def test_a_request_that_is_too_long_is_not_sent(self, running):
        with pytest.raises(UserError, match="the limit is 65,536"):
            send(running, "note", "text=" + "x" * 70_000)

    def test_a_torn_request_is_refused_and_disturbs_no_other_client(self, running):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(running.spec.socket))
            client.sendall(REQUEST + b"}\n" + REQUEST + b',"id":7}\n' + REQUEST + b"\n")
            client.settimeout(120)
            received = b""
            while received.count(b"not understood: invalid request") < 3:
                data = client.recv(1 << 16)
                assert data, "the host hung up"
                received += data
        assert send(running, "note", "text=still here").code == 0


def answering(path: Path, *lines: bytes) -> threading.Thread:
    """A host that answers any request with these lines."""
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


GREETING_LINE = GREETING + b',"protocol":1,"version":"0","states":[]}\n'


def test_a_host_that_closes_the_connection_is_an_error(tmp_path):
    answering(tmp_path / "s", GREETING_LINE, RESPONSE + b',"id":"another","code":0,"text":"","event":null}\n')
    with pytest.raises(UserError, match="closed the connection before it answered"):
        list(request(tmp_path / "s", "pause", [], by="", run="*", timeout=120))


def test_a_host_of_another_protocol_is_an_error(tmp_path):
    answering(tmp_path / "s", GREETING_LINE.replace(b'"protocol":1', b'"protocol":2'))
    with pytest.raises(UserError, match=r"uses protocol 2 \(version 0\), this program 1"):
        list(request(tmp_path / "s", "pause", [], by="", run="*", timeout=120))


def test_no_answer_is_an_error_after_the_timeout(tmp_path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    listener.listen(1)
    with listener, pytest.raises(UserError, match="no answer within"):
        list(request(tmp_path / "s", "pause", [], by="", run="*", timeout=0.05))


def test_the_status_names_what_could_not_be_saved(tmp_path):
    host, thread = run_host(spec_for(tmp_path, training={"epochs": 1_000_000}))
    try:
        failed = ev.SavingFailed(what="events.jsonl", error="No space left on device")
        host.bus.publish(host.spec.runs[0].name, failed)
        status = next(request(Path(host.spec.socket), "note", ["text=x"], by="", run="*", timeout=120))
        assert status == HostStatus(frozenset({"run"}), ("events.jsonl: No space left on device",))
    finally:
        host.submit(cmd.Stop())
        thread.join(120)


def loaded(code: str) -> set[str]:
    """The packages that this code imports, in a new process."""
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
def test_a_first_frame_and_a_request_import_no_models(code, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert not loaded(code) & {"pydantic", "torch", "numpy", "plotext"}
