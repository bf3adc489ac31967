"""Every row of the table of formats: what a format gets by having one, a sample of it in tests/fixtures/logs."""

from __future__ import annotations

import os
import random
from importlib.util import find_spec
from math import isnan
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from tui_trainer.readers.find_logs import find_logs, log_at
from tui_trainer.readers.follower import LogFollower
from tui_trainer.readers.formats import FORMATS, HEAD, format_of
from tui_trainer.readers.reading import Format, Unreadable
from tui_trainer.session.logs.log_session import LogSession

SAMPLES = Path(__file__).parents[1] / "fixtures" / "logs"
HANG = 60.0
"""Seconds of a reader that does not come back, at any load."""
OLD = 1_600_000_000
SIGNS = (b"\x1b]0;x\x07", b"\r\n", b"\n", b'"', b",", b"\0", b"\xff\xfe", b"1e999")


def samples(kind: Format) -> list[Path]:
    folder = SAMPLES / kind.name.lower().replace(" ", "-")
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def needed(kind: Format) -> pytest.MarkDecorator:
    """The mark of a format that needs a package."""
    missing = bool(kind.needs) and find_spec(kind.needs) is None
    return pytest.mark.skipif(missing, reason=f"the package {kind.needs} is not installed")


CASES = [
    pytest.param(kind, path, id=f"{kind.name}-{path.name}", marks=needed(kind))
    for kind in FORMATS
    for path in samples(kind)
]


def series(path: Path) -> dict[str, dict[str, list[Any]]]:
    """Every series of every run of a log, read to its end."""
    log = log_at(path)
    assert log is not None
    session = LogSession(log, {})
    session.read_all()
    return {
        state.run: {name: [*map(list, (each.steps, each.values)), each.gaps] for name, each in state.series.items()}
        for state in session.states
    }


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)
def test_a_format_has_a_sample(kind: Format) -> None:
    assert samples(kind)


@pytest.mark.parametrize(("kind", "path"), CASES)
def test_a_sample_is_recognised_alone_and_in_a_tree(kind: Format, path: Path, tmp_path: Path) -> None:
    assert format_of(path) is kind
    assert kind.is_log(path.read_bytes()[:HEAD], {})
    target = tmp_path / "deep" / "er" / path.name
    target.parent.mkdir(parents=True)
    target.write_bytes(path.read_bytes())
    assert [log.files for log in find_logs(tmp_path, {}).logs] == [[target]]


@pytest.mark.parametrize(("kind", "path"), CASES)
def test_a_file_that_grows_gives_what_the_whole_file_gives(kind: Format, path: Path, tmp_path: Path) -> None:
    whole = path.read_bytes()
    expected = series(path)
    growing = tmp_path / "growing" / path.name
    growing.parent.mkdir()
    growing.write_bytes(b"")
    log = log_at(growing) if format_of(growing) is kind else None
    if log is None:  # recognised by its content
        growing.write_bytes(whole[:HEAD])
        log = log_at(growing)
    assert log is not None
    session = LogSession(log, {})
    for end in [*range(1, len(whole), max(len(whole) // 23, 1)), len(whole)] if kind.appended else [len(whole)]:
        growing.write_bytes(whole[:end])
        session._checked_at = 0.0  # pyright: ignore[reportPrivateUsage] - look again at once
        for message in session.drain():
            session._fold(message)  # pyright: ignore[reportPrivateUsage] - as a screen does
    os.utime(growing, (OLD, OLD))
    for _ in range(3):
        session._checked_at = 0.0  # pyright: ignore[reportPrivateUsage]
        for message in session.drain():
            session._fold(message)  # pyright: ignore[reportPrivateUsage]
    got = {
        state.run: {name: [*map(list, (each.steps, each.values)), each.gaps] for name, each in state.series.items()}
        for state in session.states
    }
    for (_, mine), (_, run) in zip(sorted(got.items()), sorted(expected.items()), strict=True):
        assert {name: value for name, value in mine.items() if name in run} == run


@pytest.mark.parametrize(("kind", "path"), CASES)
def test_reading_writes_nothing(kind: Format, path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    os.utime(copy, (OLD, OLD))
    tmp_path.chmod(0o500)
    try:
        series(copy)
    finally:
        tmp_path.chmod(0o700)
    assert os.listdir(tmp_path) == [path.name]
    assert copy.read_bytes() == path.read_bytes()
    assert copy.stat().st_mtime == OLD


@pytest.mark.parametrize("mutations", [60, pytest.param(2000, marks=pytest.mark.long)])
@pytest.mark.parametrize(("kind", "path"), CASES)
def test_damaged_copies_open_or_say_why(kind: Format, path: Path, mutations: int, tmp_path: Path) -> None:
    whole = path.read_bytes()
    dice = random.Random(mutations)
    opened, said = 0, list[str]()
    count = mutations // len(samples(kind))
    for _ in range(count):
        copy = tmp_path / path.name
        copy.write_bytes(mutated(whole, dice))
        os.utime(copy, (OLD, OLD))
        begun = monotonic()
        try:
            log = log_at(copy)
            if log is not None:
                session = LogSession(log, {})
                session.read_all()
                opened += 1
                for state in session.states:
                    assert not any(ord(sign) < 32 for name in state.series for sign in name)
                    assert not any(ord(sign) < 32 for line in state.log for sign in line.text)
        except Unreadable as error:
            said.append(str(error))
        assert monotonic() - begun < HANG
    assert all(path.name in text and "\n" not in text for text in said)
    assert opened > count // 20


def mutated(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(changed) + 1)
        match dice.randrange(7):
            case 0:
                del changed[at : at + dice.randint(1, 40)]
            case 1:
                changed[at:at] = dice.randbytes(dice.randint(1, 20))
            case 2:
                changed[at : at + 1] = bytes([dice.randrange(256)])
            case 3:
                changed[at:at] = dice.choice(
                    (b"\x1b]0;x\x07", b"\r\n", b"\n", b'"', b",", b"\0", b"\xff\xfe", b"1e999")
                )
            case 4:
                del changed[at:]
            case 5:
                end = at + dice.randint(1, 200)
                changed[at:at] = changed[at:end]
            case _:
                changed[at:at] = dice.choice((b"nan", b"-inf", b"9" * 30, b"{" * 50, b"[" * 3000))
        if not changed:
            return b""
    return bytes(changed)


def test_values_that_are_not_finite_are_gaps_with_their_kinds() -> None:
    [run] = series(SAMPLES / "json-lines" / "nested.jsonl").values()
    assert run["train_loss"][2] == [(155, "nan")]
    assert not any(map(isnan, run["train_loss"][1]))


def test_a_follower_stops_where_it_has_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("step,loss\n1,2.0\n2,1.5\n")
    log = log_at(path)
    assert log is not None
    follower = LogFollower(log, {})
    assert list(follower.read().runs[0][1].columns["loss"].values) == [2.0, 1.5]
    with path.open("a") as file:
        file.write("3,1.2")
    assert not follower.read().runs or not follower.read().runs[0][1].columns
    with path.open("a") as file:
        file.write("5\n")
    assert list(follower.read().runs[0][1].columns["loss"].values) == [1.25]
