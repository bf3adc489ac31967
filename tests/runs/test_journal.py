"""The journal survives torn lines, full disks and removed directories."""

from __future__ import annotations

import errno
import json
import os
import shutil

import pytest

from tui_trainer.protocol import events as ev
from tui_trainer.protocol.codec import encode_event
from tui_trainer.runs import journal as journals
from tui_trainer.runs.journal import Follower, Journal, complete_length, newest_lines, read_events


def line(number: int) -> bytes:
    return encode_event(ev.Noted(seq=number, run="r", at="2026-01-01T00:00:00.000Z", text=f"note {number}" * 3))


def write(path, count: int) -> list[bytes]:
    journal = Journal(path)
    lines = [line(number) for number in range(1, count + 1)]
    for one in lines:
        journal.append(one)
    journal.close()
    return lines


def numbers(path) -> list[int]:
    return [event.seq for event in read_events(path)]


def test_each_line_is_a_json_object(tmp_path):
    path = tmp_path / "events.jsonl"
    write(path, 3)
    objects = [json.loads(text) for text in path.read_text().splitlines()]
    assert [(o["seq"], o["run"], o["type"]) for o in objects] == [(n, "r", "Noted") for n in (1, 2, 3)]
    assert all(list(o)[-1] == "crc" for o in objects)


def test_torn_at_any_byte_complete_lines_are_read_and_the_next_writer_starts_a_new_line(tmp_path):
    path = tmp_path / "events.jsonl"
    whole = b"".join(write(path, 3))
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        kept = whole[:end].count(b"\n")
        assert numbers(path) == list(range(1, kept + 1))
        journal = Journal(path)
        journal.append(line(9))
        journal.close()
        assert numbers(path) == [*range(1, kept + 1), 9]
        assert path.read_bytes().count(b"\n") == kept + 1


def test_an_altered_line_is_skipped_and_counted_and_the_others_are_read(tmp_path):
    path = tmp_path / "events.jsonl"
    lines = write(path, 5)
    data = bytearray(b"".join(lines))
    data[len(lines[0]) + 30] ^= 4
    path.write_bytes(data)
    follower = Follower(path)
    assert [event.seq for event in follower.read()] == [1, 3, 4, 5]
    assert follower.skipped == 1


def test_a_follower_never_returns_a_partial_line(tmp_path):
    path = tmp_path / "events.jsonl"
    path.touch()
    follower = Follower(path)
    seen: list[int] = []
    for number in range(1, 30):
        data = line(number)
        for part in (data[:7], data[7:-1], data[-1:]):
            with open(path, "ab") as file:
                file.write(part)
            seen += [event.seq for event in follower.read(limit=50)]
    while not follower.at_end():
        seen += [event.seq for event in follower.read()]
    assert seen == list(range(1, 30))
    assert follower.skipped == 0


def test_the_newest_lines_come_first_and_torn_ones_are_left_out(tmp_path):
    path = tmp_path / "events.jsonl"
    lines = write(path, 500)
    with open(path, "ab") as file:
        file.write(lines[0][:20])
    assert list(newest_lines(path)) == [one.rstrip(b"\n") for one in reversed(lines)]
    assert len(list(newest_lines(path, limit=2000))) < 20


def test_lines_that_cannot_be_written_are_written_later_in_order(tmp_path, monkeypatch):
    path = tmp_path / "events.jsonl"
    journal = Journal(path)
    journal.append(line(1))
    real, full = os.write, True

    def short(descriptor, data):
        if full:
            real(descriptor, bytes(data)[:5])
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data)

    monkeypatch.setattr("tui_trainer.runs.atomic_write.os.write", short)
    for number in (2, 3):
        journal.append(line(number))
    assert "No space left" in journal.error
    assert numbers(path) == [1]
    assert path.stat().st_size == complete_length(path)
    full = False
    journal.append(line(4))
    assert journal.error == ""
    assert numbers(path) == [1, 2, 3, 4]
    journal.close()


def test_the_retry_buffer_is_bounded_and_dropped_lines_are_counted(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "events.jsonl")
    monkeypatch.setattr(journals, "MAX_RETRY_BUFFER", 1000)
    monkeypatch.setattr(journal, "_write", lambda data: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    for number in range(100):
        journal.append(line(number))
    assert journal.lost > 80
    assert journal._retry_buffer_bytes <= 1000


def test_a_folder_that_was_moved_away_and_back_is_written_again(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir()
    journal = Journal(folder / "events.jsonl")
    journal.append(line(1))
    journal.check()
    assert journal.error == ""
    folder.rename(tmp_path / "away")
    journal.check()
    assert "was removed" in journal.error
    journal.append(line(2))
    assert journal.error
    (tmp_path / "away").rename(folder)
    journal.check()
    assert journal.error == ""
    journal.append(line(3))
    journal.close()
    assert numbers(folder / "events.jsonl") == [1, 2, 3]


def test_a_folder_that_was_deleted_and_created_again_gets_every_line(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    path = folder / "events.jsonl"
    allowed = False

    def claim() -> None:
        if not allowed:
            raise OSError(errno.EBUSY, "not ours")

    journal = Journal(path, claim=claim)
    journal.append(line(1))
    shutil.rmtree(folder)
    journal.append(line(2))
    journal.check()
    journal.append(line(3))
    assert journal.error == journals.REMOVED
    with pytest.raises(OSError, match="was removed"):
        journal.sync()
    folder.mkdir()
    journal.check()
    assert journal.error
    assert not path.exists()
    allowed = True
    journal.check()
    assert journal.error == ""
    journal.append(line(4))
    journal.sync()
    assert numbers(path) == [1, 2, 3, 4]
    assert journal.size == path.stat().st_size
    assert [found.name for found in folder.iterdir()] == ["events.jsonl"]
    journal.close()


def test_a_folder_that_is_back_only_at_the_end_gets_every_line(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    journal = Journal(folder / "events.jsonl")
    journal.append(line(1))
    shutil.rmtree(folder)
    journal.append(line(2))
    folder.mkdir()
    journal.close()
    assert numbers(folder / "events.jsonl") == [1, 2]


def test_a_copy_that_fails_leaves_nothing_and_is_tried_again(tmp_path, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir()
    path = folder / "events.jsonl"
    journal = Journal(path)
    journal.append(line(1))
    path.unlink()

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("tui_trainer.runs.journal.os.fsync", full)
        journal.check()
        assert journal.error == journals.REMOVED
        assert list(folder.iterdir()) == []
    journal.check()
    assert journal.error == ""
    assert numbers(path) == [1]
    journal.close()


def test_a_partial_line_that_cannot_be_removed_at_once_is_removed_before_the_next(tmp_path, monkeypatch):
    path = tmp_path / "events.jsonl"
    journal = Journal(path)
    journal.append(line(1))
    write, truncate = os.write, os.ftruncate
    broken = True

    def torn(descriptor, data):
        if broken:
            write(descriptor, bytes(data)[:5])
            raise OSError(errno.EIO, "Input/output error")
        return write(descriptor, data)

    def stuck(descriptor, length):
        if broken:
            raise OSError(errno.EIO, "Input/output error")
        truncate(descriptor, length)

    monkeypatch.setattr("tui_trainer.runs.atomic_write.os.write", torn)
    monkeypatch.setattr("tui_trainer.runs.journal.os.ftruncate", stuck)
    journal.append(line(2))
    assert path.stat().st_size > journal.size
    broken = False
    journal.append(line(3))
    journal.close()
    assert numbers(path) == [1, 2, 3]
    assert path.stat().st_size == complete_length(path)


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_the_complete_length_of_files_of_any_size(tmp_path, size):
    path = tmp_path / "x"
    path.write_bytes(b"a" * size)
    assert complete_length(path) == 0
    path.write_bytes(b"ab\n" + b"a" * size)
    assert complete_length(path) == 3


@pytest.mark.parametrize("grown", [0, 3, 40])
def test_a_follower_notices_that_its_journal_was_cut_and_grew_again(tmp_path, grown):
    path = tmp_path / "events.jsonl"
    journal = Journal(path)
    lines = [encode_event(ev.Noted(seq=number, text=f"first {number}")) for number in range(1, 9)]
    for line in lines:
        journal.append(line)
    journal.close()
    follower = Follower(path)
    assert len(follower.read()) == 8
    again = Journal(path, length=sum(map(len, lines[:4])))
    for number in range(grown):
        again.append(encode_event(ev.Noted(seq=5 + number, text=f"second {number}")))
    again.close()
    assert follower.read() == []
    assert follower.cut
    assert len(list(read_events(path))) == 4 + grown
