"""Work in a copy of this process: its result, and what becomes of its failures."""

from __future__ import annotations

import os

import pytest

from tests.support import wait_for
from tui_trainer.cli.forked_call import ForkedCall
from tui_trainer.errors import UserError


def test_the_call_is_made_in_another_process_and_its_result_comes_back():
    beside = ForkedCall(lambda: str(os.getpid()).encode() + b"\n" + b"x" * 200_000)
    assert wait_for(lambda: beside.ended)
    pid, rest = beside.result().split(b"\n")
    assert int(pid) != os.getpid()
    assert len(rest) == 200_000


def test_what_fails_there_is_called_again_here(capfd):
    called = []

    def call() -> bytes:
        called.append(os.getpid())
        raise UserError("no such preset")

    beside = ForkedCall(call)
    with pytest.raises(UserError, match="no such preset"):
        beside.result()
    assert called == [os.getpid()]
    assert capfd.readouterr() == ("", "")


def test_where_no_copy_can_be_made_the_call_is_made_here(monkeypatch):
    def refuse() -> int:
        raise BlockingIOError("no more processes")

    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    monkeypatch.setattr(os, "fork", refuse)
    beside = ForkedCall(lambda: str(os.getpid()).encode())
    assert beside.ended
    assert beside.result() == str(os.getpid()).encode()
    assert not before or len(os.listdir("/proc/self/fd")) == before
