"""Processes that find each other, or say which of them did not come."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import torch.distributed as dist

from tui_trainer.distributed.joining import JOIN, JOIN_SECONDS, JoinError, connect, join_seconds


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = free.getsockname()[1]
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(number))
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv(JOIN, "1")
    monkeypatch.delenv("TUI_TRAINER_RANKS", raising=False)
    yield number
    assert not dist.is_initialized()


def test_the_first_rank_names_those_that_did_not_come(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(JoinError, match="rank 0 waited 1 s for 2 of 3 ranks that did not come: 1, 2; start them"):
        connect("cpu")


def test_another_rank_says_where_nothing_answers(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "2")
    with pytest.raises(JoinError, match=rf"rank 2 of 3: .*127\.0\.0\.1:{port}.* a launcher has started this process"):
        connect("cpu")


def test_a_port_that_is_taken_is_named(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    with socket.socket(socket.AF_INET6) as taken:
        taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        taken.bind(("::", port))
        taken.listen()
        with pytest.raises(JoinError, match=f"127.0.0.1:{port} is in use by another program: choose another port"):
            connect("cpu")


@pytest.mark.parametrize(("given", "seconds"), [("", JOIN_SECONDS), ("soon", JOIN_SECONDS), ("7", 7.0), ("-3", 1.0)])
def test_seconds_to_wait(given: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(JOIN, given)
    assert join_seconds() == seconds
