"""The beat: what rank 0 decides takes effect on all ranks, at the step at which it was taken."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.distributed.threads import ThreadChannel, in_threads
from tui_trainer.engine.commands.queue import CommandQueue
from tui_trainer.engine.ranks.beat import GROWTH, MOST, PERIOD, Beat, BeatDistance, Decision, Report
from tui_trainer.engine.ranks.numbers import RankNumbers
from tui_trainer.engine.ranks.ranks import JoinedRanks
from tui_trainer.protocol import commands as cmd


def taken(queue: CommandQueue) -> list[Any]:
    commands: list[Any] = []
    while (command := queue.take()) is not None:
        commands.append(command)
    return commands


def test_a_command_reaches_every_rank_in_one_beat() -> None:
    def work(channel: ThreadChannel) -> tuple[list[Any], list[Any]]:
        ranks, queue = JoinedRanks(channel), CommandQueue(threading.Event())
        if ranks.leads:
            ranks.inbox.put(cmd.SetLearningRate(value=0.5, id="a"))
            ranks.inbox.put(cmd.Note(text="x" * 2000, id="b"))  # longer than one message
        ranks.beat(7, 0.0, queue, lambda: 0.0)
        first = taken(queue)
        ranks.beat(7, 0.0, queue, lambda: 0.0)
        return first, taken(queue)

    results = in_threads(3, work)

    assert [[type(one).__name__ for one in first] for first, _ in results] == [["SetLearningRate", "Note"]] * 3
    assert results[0] == results[1] == results[2]
    assert results[2][0][1].text == "x" * 2000
    assert [second for _, second in results] == [[]] * 3


def test_signals_to_several_ranks_are_one_stop_and_a_second_round_is_a_second_one() -> None:
    def work(channel: ThreadChannel) -> list[list[Any]]:
        ranks, queue = JoinedRanks(channel), CommandQueue(threading.Event())
        beats: list[list[Any]] = []
        for hit in ((1, 2), (0, 1, 2), ()):  # the first signal reaches rank 0 a beat later
            ranks.signals += ["SIGTERM"] if channel.rank in hit else []
            ranks.beat(1, 0.0, queue, lambda: 0.0)
            beats.append(taken(queue))
        return beats

    results = in_threads(3, work)

    assert results[0] == results[1] == results[2]
    first, second, third = results[1]
    assert [type(one) for one in first] == [cmd.Stop]
    assert first[0].reason == "interrupted"
    assert first[0].by == "signal to rank 1"
    assert [type(one) for one in second] == [cmd.Stop]
    assert third == []


def test_ranks_that_stand_at_different_steps_do_not_go_on() -> None:
    def work(channel: ThreadChannel) -> str:
        ranks = JoinedRanks(channel)
        try:
            ranks.beat(5 + channel.rank, 0.0, CommandQueue(threading.Event()), lambda: 0.0)
        except threading.BrokenBarrierError:
            return ""
        except RuntimeError as error:
            channel.hub.barrier.abort()
            return str(error)
        return "went on"

    assert in_threads(2, work) == ["the ranks stand at different steps: 5, 6", ""]


def test_the_distance_of_beats_follows_the_time_of_a_step_and_grows_slowly() -> None:
    pace = BeatDistance()
    distances: list[int] = []
    for _ in range(8):
        for _ in range(pace.distance):
            pace.add(PERIOD / 50)
        distances.append(pace.next())
    assert distances == [2, 4, 8, 16, 32, 50, 50, 50] or distances == [2, 4, 8, 16, 32, 49, 49, 49]
    assert GROWTH == 2
    pace.add(3 * PERIOD)  # steps have become slow
    assert pace.next() == 1
    for _ in range(20):
        pace.add(0.0)
        pace.next()
    assert pace.distance == MOST


def test_steps_and_parts_of_a_validation_lead_to_one_beat() -> None:
    def work(channel: ThreadChannel) -> tuple[list[bool], int]:
        beat = Beat(channel, lambda reports: ([], False))
        beat.decision = Decision(steps=4, rounds=2)  # as if rank 0 had said so
        return [beat.step_done(), beat.step_done(), beat.round_done()], beat.count

    assert in_threads(2, work) == [([False, False, True], 0)] * 2


def test_the_row_of_many_ranks_names_the_worst() -> None:
    clock = iter([0.0, 0.2, 1.1]).__next__
    numbers = RankNumbers(4, clock)
    usual = Report(step=10, steps=10, own=0.1, waited=0.4, input=0.01, memory=100 << 20)
    late = Report(step=10, steps=10, own=0.1, waited=0.01, input=0.4, memory=300 << 20)

    assert numbers.add([usual, usual, usual, late]) == {}
    row = numbers.add([usual, usual, usual, late])

    assert row["rank/slowest"] == row["rank/input_slowest"] == 3
    assert row["rank/busy"] == pytest.approx(11.0)  # (0.1 + 0.01) s in 10 steps
    assert row["rank/busy_worst"] == pytest.approx(50.0)
    assert row["rank/wait"] == pytest.approx(40.0)
    assert row["rank/step"] == pytest.approx(51.0)
    assert row["rank/memory"] == 100
    assert row["rank/memory_worst"] == 300
