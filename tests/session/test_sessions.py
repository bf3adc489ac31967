"""Sessions: the same tests for every transport."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import stat
import threading
from pathlib import Path

import pytest

from tests.session.conftest import Running, SessionClient, run_host, socket_path, spec_for
from tests.support import wait_for
from tui_trainer.components.schedulers.builtin import Cosine
from tui_trainer.host.event_bus import EventBus
from tui_trainer.host.host import Host
from tui_trainer.host.server import Server
from tui_trainer.protocol import commands as cmd
from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import decode_event
from tui_trainer.runs.catalog import read_run_info
from tui_trainer.runs.journal import read_events
from tui_trainer.runs.run_dir import RunDir
from tui_trainer.session.base import Greeting
from tui_trainer.session.finished_run import JournalSession
from tui_trainer.session.socket_session import connect
from tui_trainer.state.run_state import RunState


def test_the_first_message_is_a_greeting(running: Running):
    assert isinstance(running.watcher.messages[0], Greeting)


def test_a_command_is_answered_by_its_event_and_a_bad_one_by_its_refusal(running: Running):
    watcher = running.watcher
    changed = watcher.ask(cmd.SetLearningRate(value=0.05))
    assert isinstance(changed, ev.SettingChanged)
    assert (changed.name, changed.value) == ("lr", pytest.approx(0.05))
    assert changed.cause is not None
    assert changed.cause.by == "test"
    watcher.until(lambda: watcher.state.lr == pytest.approx(0.05))
    assert isinstance(watcher.ask(cmd.Resume()), ev.Refused)
    assert isinstance(watcher.ask(cmd.SetScheduler(scheduler=Cosine())), ev.SchedulerChanged)
    refused = watcher.ask(cmd.Pause(run="another-run"))
    assert isinstance(refused, ev.Refused)
    assert "another-run" in refused.reason


def test_two_viewers_agree_and_the_late_one_has_the_curves_from_the_first_step(running: Running):
    first = running.watcher
    first.ask(cmd.Note(text="before the second came"))
    second = running.join()
    second.until(lambda: second.state.step > 0)
    assert second.state.series["train_loss"].first_step == 1
    assert [mark.text for mark in second.state.marks] == [mark.text for mark in first.state.marks]
    second.ask(cmd.Pause())
    first.until(lambda: first.state.status == "paused")
    second.until(lambda: second.state.seq >= first.state.seq)
    first.until(lambda: first.state.seq == second.state.seq)
    volatile = {"memory", "device_memory", "cpu"}
    assert first.state.model_dump(exclude=volatile) == second.state.model_dump(exclude=volatile)
    second.session.close()
    assert isinstance(first.ask(cmd.Resume()), ev.StatusChanged)


def test_closing_a_session_does_not_stop_the_run(running: Running):
    visitor = running.join()
    visitor.until(lambda: visitor.state.step > 0)
    visitor.session.close()
    step = running.watcher.state.step
    running.watcher.until(lambda: running.watcher.state.step > step + 50)
    assert read_run_info(running.folder).status == "running"


def test_the_journal_holds_the_events_that_viewers_received(running: Running):
    watcher = running.watcher
    watcher.ask(cmd.Note(text="here"))
    watcher.ask(cmd.Stop())
    watcher.until(lambda: watcher.state.over)
    watcher.until(watcher.notices)
    written = list(read_events(running.folder / "events.jsonl"))
    assert [event.seq for event in written] == list(range(1, len(written) + 1))
    assert isinstance(written[-1], ev.RunFinished)
    steps = [
        step
        for event in written
        if isinstance(event, ev.Scalars) and "train_loss" in event.values
        for step in event.steps
    ]
    assert steps == list(range(1, watcher.state.step + 1))
    replay = SessionClient(JournalSession(running.folder))
    replay.until(lambda: replay.state.over)
    volatile = {"memory", "device_memory", "cpu"}
    assert replay.state.model_dump(exclude=volatile) == watcher.state.model_dump(exclude=volatile)


def test_a_host_that_ended_leaves_no_socket_and_no_lock(running: Running):
    watcher = running.watcher
    watcher.ask(cmd.Stop())
    watcher.until(watcher.notices)
    wait_for(lambda: not os.path.exists(running.spec.socket), what="the socket to be removed")
    wait_for(lambda: read_run_info(running.folder).status == "finished", what="the lock to be released")
    assert isinstance(watcher.ask(cmd.Pause()), ev.Refused)


def test_the_socket_is_private(running: Running):
    status = os.stat(running.spec.socket)
    assert stat.S_IMODE(status.st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(running.spec.socket)).st_mode) == 0o700


def test_a_refused_run_leaves_nothing_behind(tmp_path):
    spec = spec_for(tmp_path, training={"device": "cuda:7"})
    host, thread = run_host(spec)
    thread.join(120)
    assert host.exit_code == 2
    assert "cuda:7" in host.refusal
    assert list((tmp_path / "runs").iterdir()) == []
    assert not os.path.exists(spec.socket)


def test_a_viewer_that_stalls_receives_a_fresh_state_and_costs_bounded_memory(tmp_path, monkeypatch):
    from tui_trainer.host import server

    monkeypatch.setattr(server, "MAX_SEND_BUFFER", 50_000)
    host, thread = run_host(spec_for(tmp_path, training={"epochs": 1_000_000}))
    try:
        stalled = SessionClient(connect(host._server.path))
        active = SessionClient(connect(host._server.path))
        active.until(lambda: any(viewer.behind for viewer in host._server.viewers), "the stalled viewer to fall behind")
        queued = [viewer.queued - viewer.sent for viewer in host._server.viewers]
        assert max(queued) < 60_000 + 3_000_000  # the greeting itself may be larger than the bound
        stalled.until(lambda: sum(isinstance(m, Greeting) for m in stalled.messages) >= 2, "a fresh greeting")
        step = active.state.step
        stalled.until(lambda: stalled.state.step > step)
        assert stalled.state.series["train_loss"].first_step == 1
        stalled.session.close()
    finally:
        active.ask(cmd.Stop())
        thread.join(120)
    assert not thread.is_alive()


class CountingConnection:
    """A connection that counts its sends."""

    def __init__(self, connection):
        self._connection, self.sends = connection, 0

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def send(self, data):
        self.sends += 1
        return self._connection.send(data)


def test_nothing_is_sent_to_a_viewer_with_a_full_socket(tmp_path):
    bus = EventBus()
    bus.add_run("run")
    with selectors.DefaultSelector() as selector, socket.socket(socket.AF_UNIX) as client:
        server = Server(tmp_path / "s", bus, lambda command, viewer: None)
        server.register(selector)
        client.connect(str(tmp_path / "s"))
        client.settimeout(0.2)

        def serve():
            for key, mask in selector.select(0):
                key.data(mask)
            server.flush()

        wait_for(lambda: serve() or server.viewers, what="the viewer")
        (viewer,) = server.viewers
        texts = [f"{number} {'x' * 20_000}" for number in range(60)]
        for text in texts:
            bus.publish("run", ev.Noted(text=text))
            serve()
        assert viewer.stuck
        counting = viewer.connection = CountingConnection(viewer.connection)
        for _ in range(50):
            server.flush()
        assert counting.sends == 0
        viewer.connection = counting._connection
        read = b""

        def received_all():
            nonlocal read
            serve()
            with contextlib.suppress(TimeoutError):
                read += client.recv(1 << 16)
            return read.count(b"\n") > len(texts)

        wait_for(received_all, what="the queued lines")
        assert [decode_event(line).text for line in read.split(b"\n")[1:-1]] == texts
        server.close()


def test_random_bytes_on_the_socket_disturb_no_viewer(tmp_path):
    host, thread = run_host(spec_for(tmp_path, training={"epochs": 1_000_000}))
    good = SessionClient(connect(host._server.path))
    good.until(lambda: good.state.step > 0)
    for data in (b"\x00" * 70_000, b"{}\n" * 100, b"x" * 200_000 + b"\n", b'{"type":"Nonsense"}\n', b"half a li"):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(host._server.path))
            client.settimeout(5)
            try:
                client.sendall(data)
            except OSError:
                continue
    step = good.state.step
    good.until(lambda: good.state.step > step + 100)
    good.ask(cmd.Stop())
    thread.join(120)
    assert not thread.is_alive()


def test_stop_before_training_began_leaves_nothing(tmp_path):
    host = Host(spec_for(tmp_path), handle_signals=False)
    host.submit(cmd.Stop(by="test"))
    assert host.serve() == 0
    wait_for(lambda: all(other.name != "trainer" for other in threading.enumerate()), what="the trainer to leave")
    assert host.refusal == "stopped by test before training began"
    assert not (tmp_path / "runs" / "run").exists()


def test_a_worker_that_outlives_its_host_writes_to_no_reused_descriptor(tmp_path, monkeypatch):
    host = Host(spec_for(tmp_path), handle_signals=False)
    over, ended = threading.Event(), threading.Event()
    wake, build = host.wake, host.worker._build

    def slowly():
        assert over.wait(120)
        build()

    def late():
        wake()
        if over.is_set():
            ended.set()

    monkeypatch.setattr(host.worker, "_build", slowly)
    monkeypatch.setattr(host, "wake", late)
    host.submit(cmd.Stop())
    host.serve()
    reader, writer = os.pipe()
    writers = [writer, *(os.dup(writer) for _ in range(20))]  # under every number that the host has closed
    over.set()
    assert ended.wait(120)
    for number in writers:
        os.close(number)
    assert os.read(reader, 10) == b""
    os.close(reader)


def test_a_stop_while_the_folder_is_created_is_applied_before_the_first_step(tmp_path):
    from tui_trainer.host import worker

    host = worker.Worker(spec_for(tmp_path), EventBus(), lambda folder: host.submit(cmd.Stop(by="test")))
    host._bus.add_run("run")
    host.work()
    info = read_run_info(tmp_path / "runs" / "run", tmp_path / "runs")
    host.release()
    assert (host.exit_code, host.refusal) == (0, "")
    assert [
        event.detail for event in read_events(tmp_path / "runs/run/events.jsonl") if event.type == "RunFinished"
    ] == ["stopped by test in epoch 1"]
    assert info.step == 0


def test_a_killed_host_is_reported_and_its_run_can_be_resumed(tmp_path, monkeypatch):
    from tui_trainer.session import resume as module
    from tui_trainer.session.launch import Launched, launch

    started: list[Launched] = []
    monkeypatch.setattr(module, "launch", lambda spec: started.append(launch(spec)) or started[-1])
    spec = spec_for(tmp_path, training={"epochs": 1_000_000}, checkpoints={"every_steps": 50})
    launched = launch(spec)
    watcher = SessionClient(launched.session())
    watcher.until(lambda: "last" in watcher.state.checkpoints, "a checkpoint")
    launched.process.kill()
    watcher.until(watcher.notices, "the notice of its end")
    notice = watcher.notices()[-1]
    assert notice.fatal
    assert notice.text in ("the host was killed (SIGKILL)", "the host was killed: the machine ran out of memory")
    assert notice.folders == (spec.runs[0].path,)
    assert read_run_info(tmp_path / "runs" / "run").status == "dead"
    dead = SessionClient(JournalSession(tmp_path / "runs" / "run"))
    dead.until(lambda: any(notice.folders for notice in dead.notices()), "the notice that no host holds it")
    again = SessionClient(module.resume_session(notice.folders))
    again.until(lambda: again.state.step > watcher.state.step, "steps beyond those before")
    assert again.state.series["train_loss"].first_step == 1
    dead.until(lambda: dead.state.step > watcher.state.step, "the session that only reads to follow")
    again.ask(cmd.Stop())
    again.until(again.notices)
    started[0].process.wait(120)


def test_exit_reasons_are_distinguished(tmp_path, monkeypatch):
    from tui_trainer.session import exit_reason as module

    log = tmp_path / "host.log"
    log.write_text("Fatal Python error: Segmentation fault\n\nCurrent thread\n")
    monkeypatch.setattr(module, "memory_kills", lambda: 3)
    assert module.exit_reason(-11, 3, [log]) == "the host crashed in native code (SIGSEGV): Segmentation fault"
    assert module.exit_reason(None, 3, [log]) == "the host crashed in native code: Segmentation fault"
    assert module.exit_reason(-9, 3, [log]) == "the host was killed (SIGKILL)"
    assert module.exit_reason(-9, 2, [log]) == "the host was killed: the machine ran out of memory"
    assert module.exit_reason(-15, 3, []) == "the host was killed by SIGTERM"
    crash = log.read_text()
    for separator in ("--- taken up again at 2026 ---", "--- resumed at 2026 ---"):
        log.write_text(f"{crash}{separator}\nlast line\n")
        gone = "the host is gone: it was killed or crashed; it last printed: last line"
        assert module.exit_reason(None, 3, [log]) == gone
        assert module.exit_reason(1, 3, [log]) == "the host ended with exit code 1: last line"


def test_the_next_host_removes_the_sockets_of_killed_hosts(tmp_path):
    import socket

    spec = spec_for(tmp_path)
    stale = socket_path(tmp_path / "another")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(stale))
    stale.with_suffix(".json").write_text("{}")
    host, thread = run_host(spec)
    assert not stale.exists()
    assert not stale.with_suffix(".json").exists()
    host.submit(cmd.Stop())
    thread.join(120)
    assert not thread.is_alive()


def test_a_rerun_trains_new_runs_next_to_the_old_ones(tmp_path):
    """Rotating the valley does not slow gradient descent down, but it does slow a per-coordinate step size."""
    from tui_trainer.config.preset import load
    from tui_trainer.errors import UserError
    from tui_trainer.host.spec import host_spec
    from tui_trainer.session.rerun import rerun_spec

    old = host_spec(load("coord-scale", ["training.epochs=2"]), str(tmp_path / "runs"), "night", [])
    _, thread = run_host(old)
    thread.join(120)
    folders = {run.name: run.path for run in old.runs}
    spec = rerun_spec(folders, ["data.rotation=45"])
    assert [run.name.split("/")[1] for run in spec.runs] == ["sgd", "adagrad", "rmsprop", "adam"]
    assert {run.preset for run in spec.runs} == {"coord-scale"}
    assert spec.runs[0].name.split("/")[0] not in ("night", "")
    assert spec.command == ("tui-trainer", "run", "coord-scale", "data.rotation=45")
    assert all(run.path.startswith(str(tmp_path / "runs")) for run in spec.runs)
    _, thread = run_host(spec)
    thread.join(120)

    def value(path: str) -> float:
        state = RunState()
        for event in read_events(RunDir(Path(path)).journal):
            state.apply(event)
        assert state.started is not None
        assert state.reason == "completed"
        return state.metrics["val_loss"]

    straight, rotated = ([value(run.path) for run in runs.runs] for runs in (old, spec))
    assert rotated[0] == pytest.approx(straight[0], rel=1e-9)
    assert rotated[1] > 1000 * straight[1]
    assert load(spec.runs[1].path).first.data.rotation == 45
    with pytest.raises(UserError, match="did you mean"):
        rerun_spec(folders, ["data.rotatoin=45"])
    with pytest.raises(UserError, match="run 'gone' has no folder on this machine"):
        rerun_spec({"gone": str(tmp_path / "nowhere")}, [])
