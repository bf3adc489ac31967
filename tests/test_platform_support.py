"""Calls that differ between Linux and macOS: both ways are tested on either."""

from __future__ import annotations

import builtins
import fcntl
import io
import os
import socket

import pytest

from tui_trainer import platform_support


@pytest.mark.parametrize("missing", [[], ["pipe2"]], ids=["as-here", "without-pipe2"])
def test_a_wake_pipe_never_blocks_and_is_not_inherited(monkeypatch, missing):
    for name in missing:
        monkeypatch.delattr(os, name, raising=False)
    reader, writer = platform_support.wake_pipe()
    try:
        for descriptor in (reader, writer):
            assert not os.get_inheritable(descriptor)
            assert not os.get_blocking(descriptor)
        os.write(writer, b"x")
        assert os.read(reader, 10) == b"x"
    finally:
        os.close(reader)
        os.close(writer)


def test_the_peer_of_a_socket_of_this_process_is_this_user():
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        assert platform_support.peer_user(one) == os.getuid()


class TestMacOsPeer:
    """A socket that answers as one of macOS does."""

    @pytest.fixture(autouse=True)
    def no_ucred(self, monkeypatch):
        monkeypatch.delattr(socket, "SO_PEERCRED", raising=False)

    def connection(self, answer: bytes | OSError):
        class Connection:
            def getsockopt(self, level, option, size):
                assert (level, option, size) == (0, 1, 76)
                if isinstance(answer, OSError):
                    raise answer
                return answer

        return Connection()

    def test_the_user_is_read_from_its_xucred(self):
        answer = platform_support.XUCRED.pack(0, 501, 2, 20, 12, *[0] * 14)
        assert platform_support.peer_user(self.connection(answer)) == 501

    @pytest.mark.parametrize(
        "answer",
        [b"", b"\0" * 20, platform_support.XUCRED.pack(7, 501, 0, *[0] * 16), OSError(42, "Protocol not available")],
        ids=["empty", "short", "other-version", "error"],
    )
    def test_an_answer_that_cannot_be_read_names_no_user(self, answer):
        assert platform_support.peer_user(self.connection(answer)) is None


@pytest.mark.parametrize(
    ("content", "count"),
    [("nr_free_pages 5\noom_kill 3\n", 3), ("nr_free_pages 5\n", 0), ("odd line here\n", 0), (None, 0)],
)
def test_memory_kills_are_counted_where_the_system_counts_them(monkeypatch, content, count):
    def opened(path, *args, **options):
        assert path == "/proc/vmstat"
        if content is None:
            raise FileNotFoundError(path)
        return io.StringIO(content)

    monkeypatch.setattr(builtins, "open", opened)
    assert platform_support.memory_kills() == count


class TestSyncFile:
    @pytest.fixture
    def calls(self, monkeypatch) -> list[str]:
        calls: list[str] = []
        monkeypatch.setattr(os, "fsync", lambda descriptor: calls.append("fsync"))
        return calls

    def test_a_system_without_full_fsync_uses_fsync(self, monkeypatch, calls):
        monkeypatch.delattr(fcntl, "F_FULLFSYNC", raising=False)
        platform_support.sync_file(0)
        assert calls == ["fsync"]

    @pytest.mark.parametrize("supported", [True, False])
    def test_full_fsync_is_used_where_the_file_system_supports_it(self, monkeypatch, calls, supported):
        def control(descriptor, command):
            assert command == 51
            calls.append("full")
            if not supported:
                raise OSError(45, "Operation not supported")

        monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
        monkeypatch.setattr(fcntl, "fcntl", control)
        platform_support.sync_file(0)
        assert calls == (["full"] if supported else ["full", "fsync"])
