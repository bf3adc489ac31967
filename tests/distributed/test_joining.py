"""Processes that find each other, or say which of them did not come."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch.distributed as dist

from tui_trainer.distributed.joining import connect
from tui_trainer.distributed.meeting import JOIN, JOIN_SECONDS, JoinError, follow, join_seconds, lead


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


def started(store: Any, size: int, seconds: float = 30.0) -> list[str]:
    """Return the words that so many ranks agree on."""
    with ThreadPoolExecutor(size) as pool:
        others = [pool.submit(follow, store, number, seconds) for number in range(1, size)]
        return [lead(store, size, seconds), *(each.result() for each in others)]


def test_a_second_start_does_not_take_the_first_for_its_own() -> None:
    # The store of torchrun stays with its keys when it starts the processes again.
    store: Any = dist.HashStore()
    first, second = started(store, 3), started(store, 3)
    assert len(set(first)) == len(set(second)) == 1
    assert first[0] != second[0]


def test_those_that_have_come_hear_who_is_missing() -> None:
    store: Any = dist.HashStore()
    started(store, 3)
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(follow, store, 1, 30.0)
        with pytest.raises(JoinError, match="for 1 of 3 ranks that did not come: 2; start them"):
            lead(store, 3, 0.5)
        with pytest.raises(JoinError, match="did not come: 2"):
            other.result()


def test_a_rank_without_the_first_gives_up() -> None:
    store: Any = dist.HashStore()
    started(store, 2)
    with pytest.raises(JoinError, match="rank 1 waited 0 s for rank 0, which did not come"):
        follow(store, 1, 0.2)
