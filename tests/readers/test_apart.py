"""Logs that are read in a process of their own."""

from __future__ import annotations

import json
import math
import os
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.readers import event_writer as w
from tests.support import wait_for
from tui_trainer.readers.apart.frames import FrameReader, encode
from tui_trainer.readers.apart.process import STILL
from tui_trainer.readers.apart.remote_follower import ReadingProcess, RemoteFollower, followers
from tui_trainer.readers.find_logs import Log, log_at
from tui_trainer.readers.follower import LogNews
from tui_trainer.readers.reading import LogColumn, Medium, Rows
from tui_trainer.session.base import Greeting, Message, Notice
from tui_trainer.session.logs.log_session import LogSession
from tui_trainer.state.run_state import RunState


def table(path: Path, first: int = 1, last: int = 500) -> Path:
    with path.open("a") as file:
        if first == 1:
            file.write("step,loss,val_loss,lr\n")
        for step in range(first, last + 1):
            file.write(f"{step},{math.exp(-step / 100)!r},{'' if step % 10 else 1 / step},0.1\n")
    return path


def found(path: Path) -> Log:
    log = log_at(path)
    assert log is not None
    return log


@contextmanager
def apart(*paths: Path) -> Iterator[list[LogSession]]:
    logs = [found(path) for path in paths]
    process = ReadingProcess(logs, {})
    sessions = [LogSession(log, {}, 1.0, RemoteFollower(process, at, log, {})) for at, log in enumerate(logs)]
    try:
        yield sessions
    finally:
        process.close()


def drained(session: LogSession) -> list[Message]:
    """Return the messages up to the one that greets with all that was read, or the last notice."""
    messages: list[Message] = []

    def is_over() -> bool:
        messages.extend(session.drain())
        last = messages[-1] if messages else None
        return (isinstance(last, Greeting) and last.read == 1) or (isinstance(last, Notice) and last.fatal)

    assert wait_for(is_over)
    return messages


def read_here(path: Path) -> RunState:
    session = LogSession(found(path), {})
    session.read_all()
    return session.states[0]


def curves(state: RunState) -> dict[str, object]:
    return {name: (series.spans(), series.gaps, series.count) for name, series in state.series.items()}


def of_process(session: LogSession) -> ReadingProcess:
    return session._follower._process  # type: ignore[union-attr]


def test_columns_survive_the_pipe_in_pieces_of_any_size() -> None:
    steps, values = array("q", [1, 2, 1 << 61]), array("d", [0.1, math.inf, -0.0])
    media = [
        Medium("image", "é", 1, b"\x00\xff"),
        Medium("text", "t", 2, "a\nb"),
        Medium("histogram", "h", 3, ((0.0, 1.0, 2.5),)),
    ]
    rows = Rows({"a": LogColumn(steps, values), "b": LogColumn(steps, steps_as := array("d", [1, 2, 3]))})
    rows.epochs, rows.settings, rows.media = LogColumn(steps, steps_as), {"lr": 0.1, "n": None}, media
    data = encode({"log": 4}, LogNews([("", rows), ("x", Rows())], ["note"], at_end=False))
    for size in (1, 7, len(data)):
        frames = FrameReader()
        [(header, news)] = [one for at in range(0, len(data), size) for one in frames.add(data[at : at + size])]
        assert header["log"] == 4
        assert news.runs == [("", rows), ("x", Rows())]
        assert (news.notes, news.at_end, news.begun_again) == (["note"], False, False)
        read = news.runs[0][1]
        assert read.columns["a"].steps is read.columns["b"].steps


def test_a_log_read_apart_is_the_log_read_here(tmp_path: Path) -> None:
    events = tmp_path / "tb" / "events.out.tfevents.1"
    events.parent.mkdir()
    events.write_bytes(b"".join(w.scalar(1e9 + s, s, tag, 1 / s) for s in range(1, 900) for tag in ("loss", "lr")))
    paths = table(tmp_path / "a.csv"), events
    with apart(*paths) as sessions:
        for path, session in zip(paths, sessions, strict=True):
            greeting = drained(session)[-1]
            assert isinstance(greeting, Greeting)
            own = read_here(path)
            assert curves(greeting.states[0]) == curves(own)


def test_rows_that_are_added_arrive(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv")
    with apart(path) as [session]:
        state = next(iter(drained(session)[-1].states))  # type: ignore[union-attr]
        table(path, 501, 520)
        seen: list[int] = []

        def grown() -> bool:
            seen.extend(step for message in session.drain() for step in getattr(message, "steps", ()))
            return 520 in seen

        assert wait_for(grown)
        assert seen[0] == 501
        assert state.series["train_loss"].last_step == 500


def test_a_log_is_read_here_where_its_process_has_died(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv")
    with apart(path) as [session]:
        of_process(session)._process.kill()
        greeting = drained(session)[-1]
        assert isinstance(greeting, Greeting)
        assert curves(greeting.states[0]) == curves(read_here(path))


def test_a_log_that_is_over_keeps_no_process_and_is_read_again_when_it_grows(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv")
    long_ago = path.stat().st_mtime - 2 * STILL
    os.utime(path, (long_ago, long_ago))
    with apart(path) as [session]:
        drained(session)
        assert wait_for(lambda: session.drain() == [] and of_process(session).ended)
        table(path, 501, 520)
        greeting = drained(session)[-1]
        assert isinstance(greeting, Greeting)
        assert greeting.states[0].series["train_loss"].last_step == 520


def test_a_log_that_cannot_be_read_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.csv", table(tmp_path / "good.csv")
    bad.write_text("a,b\n1,2\n")
    with apart(bad, good) as [one, other]:
        notice = drained(one)[-1]
        assert isinstance(notice, Notice)
        assert "no column is named step or epoch" in notice.text
        assert isinstance(drained(other)[-1], Greeting)


def test_the_process_ends_with_the_screen(tmp_path: Path) -> None:
    with apart(table(tmp_path / "a.csv")) as [session]:
        drained(session)
        process = of_process(session)._process
        of_process(session)._stdin.close()  # as the end of this process would
        assert process.wait(60) == 0


def test_short_logs_get_no_process(tmp_path: Path) -> None:
    assert followers([found(table(tmp_path / "a.csv"))], {}) is None


def test_names_that_are_no_text_reach_the_process(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.csv"))
    try:
        table(path)
    except OSError:
        pytest.skip("the file system takes no such name")
    with apart(path) as [session]:
        assert isinstance(drained(session)[-1], Greeting)


def test_settings_that_are_no_json_are_sent_as_text() -> None:
    data = encode({}, LogNews([("", Rows(settings={"path": Path("/x")}))]))
    [(_, news)] = FrameReader().add(data)
    assert json.dumps(news.runs[0][1].settings) == '{"path": "/x"}'


def test_modules_that_lie_beside_a_log_are_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table(tmp_path / "a.csv")
    for name in ("json", "csv", "queue", "numpy"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'run')!r}, 'w')\nraise SystemExit\n")
    monkeypatch.chdir(tmp_path)
    with apart(path) as [session]:
        assert isinstance(drained(session)[-1], Greeting)
        assert of_process(session).ended is False
    assert not (tmp_path / "run").exists()


def test_a_log_that_is_cut_is_read_again_and_one_that_is_deleted_is_named(tmp_path: Path) -> None:
    path = table(tmp_path / "a.csv")
    with apart(path) as [session]:
        drained(session)
        path.unlink()
        table(path, 1, 30)
        greeting = drained(session)[-1]
        assert isinstance(greeting, Greeting)
        assert greeting.states[0].series["train_loss"].last_step == 30
        path.unlink()
        notice = drained(session)[-1]
        assert isinstance(notice, Notice)
        assert "No such file" in notice.text
