"""Logs that no program should have written: opened, or named in one line."""

from __future__ import annotations

import json
import math
import os
import struct
from pathlib import Path

import pytest

from tests.readers import event_writer as w
from tui_trainer.readers.find_logs import find_logs, log_at
from tui_trainer.readers.follower import LogFollower
from tui_trainer.readers.reading import MAX_COLUMNS, Unreadable
from tui_trainer.readers.tensorboard.records import crc32c
from tui_trainer.session.logs.log_run import LogRun
from tui_trainer.session.logs.log_session import LogSession
from tui_trainer.state.run_state import RunState

OLD = 1_600_000_000


def opened(path: Path) -> RunState:
    os.utime(path, (OLD, OLD))
    log = log_at(path)
    assert log is not None
    session = LogSession(log, {})
    session.read_all()
    return session.states[0]


def test_a_hundred_thousand_tags_open_with_the_first_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(w, "crc32c", crc32c)  # bit by bit it would take a minute
    path = tmp_path / "events.out.tfevents.1"
    records = [w.scalar(1e9, 1, f"tag/{tag}", 1.0) for tag in range(100_000)]
    loss = w.scalar(1e9, 1, "train/loss", 0.5)  # the charts know it: it is read, however many tags come before it
    path.write_bytes(b"".join([*records, w.scalar(1e9, 2, "tag/7", 1.0), loss]))
    state = opened(path)
    assert MAX_COLUMNS - 10 <= len(state.series) <= MAX_COLUMNS + 10
    assert list(state.series["tag/7"].steps) == [1, 2]
    assert state.series["train_loss"].last == 0.5
    assert sum(f"tags beyond the first {MAX_COLUMNS:,}" in line.text for line in state.log) == 1


def test_a_hundred_thousand_keys_of_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    line = json.dumps({"step": 1, **{f"key {index}": index for index in range(100_000)}})
    path.write_text(f"{line}\n" * 2)
    state = opened(path)
    assert MAX_COLUMNS - 10 <= len(state.series) <= MAX_COLUMNS + 10


def test_a_hundred_thousand_columns_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("step," + ",".join(f"c{index}" for index in range(100_000)) + "\n1" + ",1" * 100_000 + "\n")
    with pytest.raises(Unreadable, match="100,001 columns") as caught:
        opened(path)
    assert len(str(caught.value)) < 300


HOSTILE = "\x1b]0;x\x07\u202e\x00\x9b31m/loss\n"


@pytest.mark.parametrize("kind", ["events.out.tfevents.1", "a.jsonl"])
def test_names_with_hostile_signs_are_shown_as_signs(kind: str, tmp_path: Path) -> None:
    path = tmp_path / kind
    if kind.endswith("jsonl"):
        path.write_text("".join(json.dumps({"step": s, HOSTILE: s}) + "\n" for s in range(1, 4)))
    else:
        path.write_bytes(b"".join(w.scalar(1e9, s, HOSTILE, float(s)) for s in range(1, 4)))
    [name] = [each for each in opened(path).series if "loss" in each]
    assert "31m/loss" in name
    assert all(sign.isprintable() for sign in name)


def test_a_file_and_a_folder_with_hostile_names(tmp_path: Path) -> None:
    folder = os.path.join(os.fsencode(tmp_path), b"\xff\x1b[31m dir")
    os.mkdir(folder)
    with open(os.path.join(folder, b"\x9b \xfe.csv"), "wb") as file:
        file.write(b"step,loss\n1,2\n2,1\n")
    [log] = find_logs(tmp_path, {}).logs
    session = LogSession(log, {})
    session.read_all()
    [state] = session.states
    texts = [state.run, *(line.text for line in state.log), state.started.title if state.started else ""]
    for text in texts:
        text.encode()
        assert all(sign.isprintable() for sign in text)


@pytest.mark.parametrize("times", [[5e8, 1.7e9, 9.0, math.nan, math.inf, -math.inf, 1.8e9], [1e300, 1.0], [-1e18, 2.0]])
def test_times_that_jump_never_run_backwards(times: list[float], tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(b"".join(w.scalar(wall, step, "loss", 1.0) for step, wall in enumerate(times, 1)))
    state = opened(path)
    seconds = list(state.series["seconds"].values)
    assert seconds == sorted(seconds)
    assert all(map(math.isfinite, seconds))
    assert list(state.series["train_loss"].steps) == list(range(1, len(times) + 1))


def test_steps_of_any_size_and_sign(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    steps = [0, 1, (1 << 62) - 1, 1 << 62, (1 << 64) - 1]
    value = w.field(5, w.field(1, w.field(1, b"loss") + w.single(2, 1.0)))
    records = [
        w.record(b"\x09" + struct.pack("<d", 1e9) + (b"\x10" + w.varint(step) if step else b"") + value)
        for step in steps
    ]
    path.write_bytes(b"".join(records))
    assert list(opened(path).series["train_loss"].steps) == [0, 1, (1 << 62) - 1]


def test_steps_that_restart_after_a_resume_leave_both_branches(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1"
    first = [w.scalar(1e9 + s, s, tag, float(s)) for s in range(1, 301) for tag in ("loss", "lr")]
    later = [w.scalar(2e9 + s, s, tag, 1000.0 + s) for s in range(201, 401) for tag in ("loss", "lr")]
    path.write_bytes(b"".join(first + later))
    state = opened(path)
    losses = state.series["train_loss"]
    expected = [(s, float(s) if s <= 200 else 1000.0 + s) for s in range(1, 401)]
    assert list(zip(losses.steps, losses.values, strict=True)) == expected
    [branch] = state.branches
    assert (branch.curves["train_loss"].steps[-1], branch.curves["train_loss"].values[-1]) == (300, 300.0)


@pytest.mark.parametrize("name", ["events.out.tfevents.1", "a.csv", "a.jsonl", "trainer_state.json", "a.db", "a.wandb"])
def test_an_empty_file_is_named_alone_and_left_out_of_a_tree(name: str, tmp_path: Path) -> None:
    (tmp_path / name).touch()
    (tmp_path / "good.csv").write_text("step,loss\n1,2\n")
    found = find_logs(tmp_path, {})
    assert not found.problems
    for log in found.logs:
        os.utime(log.files[0], (OLD, OLD))
        session = LogSession(log, {})
        if log.name == "good":
            session.read_all()
            continue
        with pytest.raises(Unreadable, match=name):
            session.read_all()


def test_a_folder_without_rights_is_named_and_the_rest_opens() -> None:
    """Asked in a child without rights of its own: the tests may run as root."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        root.chmod(0o755)
        (root / "shut").mkdir()
        (root / "shut" / "b.csv").write_text("step,loss\n1,2\n")
        (root / "a.csv").write_text("step,loss\n1,2\n")
        (root / "c.csv").write_text("step,loss\n1,2\n")
        for path, mode in ((root / "shut", 0o000), (root / "c.csv", 0o000), (root / "a.csv", 0o644)):
            path.chmod(mode)
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                if os.getuid() == 0:
                    os.setgroups([])
                    os.setgid(65534)
                    os.setuid(65534)
                found = find_logs(root, {})
                told = {"logs": [log.name for log in found.logs], "problems": found.problems}
                os.write(writing, json.dumps(told).encode())
            finally:
                os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        with open(reading, "rb") as file:
            told = json.loads(file.read())
        (root / "shut").chmod(0o755)
        assert [name.rpartition("/")[2] for name in told["logs"]] == ["a"]
        assert sorted(told["problems"]) == [
            f"{root / 'c.csv'}: Permission denied",
            f"{root / 'shut'}: Permission denied",
        ]


def test_a_link_to_itself_and_a_pipe_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "loop.csv").symlink_to(tmp_path / "loop.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "a.csv").write_text("step,loss\n1,2\n")
    found = find_logs(tmp_path, {})
    assert [log.files for log in found.logs] == [[tmp_path / "a.csv"]]
    assert not found.problems


@pytest.mark.parametrize(
    ("name", "torn", "rest"),
    [
        ("a.csv", "step,loss\n1,0.5\n2,0.", "25\n3,0.125\n"),
        ("a.csv", "step,lo", "ss\n1,0.5\n2,0.25\n3,0.125\n"),
        ("a.csv", "step,loss\n1,0.5\n2,0.25", "\n3,0.125\n"),
        ("a.jsonl", '{"step": 1, "loss": 0.5}\n{"step": 2, "lo', 'ss": 0.25}\n{"step": 3, "loss": 0.125}\n'),
    ],
)
def test_a_last_line_that_was_torn_is_read_again_once_it_is_whole(
    name: str, torn: str, rest: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_text(torn)
    os.utime(path, (OLD, OLD))  # long without a change: the last line counts as whole
    log = log_at(path)
    assert log is not None
    follower, run = LogFollower(log, {}), LogRun("a", "a", {})
    for more in ("", rest):
        with path.open("a") as file:
            file.write(more)
        for _, rows in follower.read().runs:
            run.take(rows)
    series = run.state.series["train_loss"]
    assert list(zip(series.steps, series.values, strict=True)) == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert not run.state.branches
