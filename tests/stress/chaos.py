"""Every attack on a run, and what held: `python -m tests.stress.chaos [NAME ...] [--quick] [--minutes M] [--seed N]`.

Prints one table; exit code 1 where something did not hold. The attacks themselves are in `tests/stress/attacks`.
"""

from __future__ import annotations

import argparse
import math
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.table import aligned
from tests.stress.attacks import Outcome, disk, dying, files, folders, killing, screens, steering, terminals, wire

SEED = 20261124


@dataclass(frozen=True, slots=True)
class Attack:
    """One row of the table.

    Attributes:
        name: how the command line knows it.
        what: the attack, for people.
        holds: what must be so in spite of it.
        make: carries it out, so many times, with a seed.
        times: how often.
        quick: how often with `--quick`.
    """

    name: str
    what: str
    holds: str
    make: Callable[[int, int], Outcome]
    times: int
    quick: int


ATTACKS = (
    Attack(
        "kill", "kill -9 at a random moment, then resume", "no number differs; only work since the last save is redone",
        killing.random_moments, 50, 2,
    ),
    Attack(
        "kill-steered", "kill -9 of a run that is being steered, then resume", "curve and interventions as before",
        steering.killed, 30, 1,
    ),
    Attack(
        "kill-calls", "kill at every fsync, rename, ftruncate, link", "a usable checkpoint, resumed bit for bit",
        lambda times, seed: killing.every_call(times), 60, 3,
    ),
    Attack(
        "fail-calls", "the same calls failing (EIO, ENOSPC, EXDEV)", "training goes on and says so; nothing torn",
        lambda times, seed: killing.failing_calls(times), 30, 2,
    ),
    Attack(
        "hang-up", "pty closed; viewer killed, stopped, never read", "no step lost, nothing left over, attach works",
        terminals.taken_away, 50, 4,
    ),
    Attack(
        "host-dies", "memory is full, a native crash, kill -9, watched", "the reason on the screen, R goes on",
        lambda times, seed: dying.hosts(times), 9, 3,
    ),
    Attack(
        "signals", "TERM INT HUP QUIT, ctrl+z and fg, a crash", "terminal modes restored, exit code right",
        lambda times, seed: terminals.signals(times), 7, 7,
    ),
    Attack(
        "thin-line", "a terminal line of 20 kB/s, seconds", "a key acts within 2 s, the picture is right",
        lambda times, seed: terminals.thin_line(times), 60, 8,
    ),
    Attack(
        "odd-terminals", "dumb, latin-1, closed descriptors, 1x1..500x200", "a working screen, or one line saying why",
        lambda times, seed: terminals.odd_ones(times), 30, 6,
    ),
    Attack(
        "payloads", "escapes, overrides, markup as names: 20 x screens", "0 foreign control bytes, names shown",
        screens.payloads, 20, 2,
    ),
    Attack(
        "code", "pickles, archives, odd headers as checkpoints", "refused; an audit hook sees nothing executed",
        lambda times, seed: disk.code_in_files(times), 20, 3,
    ),
    Attack(
        "bytes", "a byte flipped or a file cut in a run folder", "opens or refuses; no traceback, no wrong number",
        disk.altered_bytes, 300, 3,
    ),
    Attack(
        "presets", "presets mutated", "accepted, or refused with file and key", files.mutated_presets, 5000, 200,
    ),
    Attack(
        "keys", "random keys, a resize for every tenth", "no exception, no stuck screen",
        screens.random_keys, 20_000, 300,
    ),
    Attack(
        "rubbish", "rubbish and floods on the socket; another user", "host and other viewers notice nothing",
        wire.rubbish, 500, 25,
    ),
    Attack(
        "crowd", "8 viewers, 4 of them never read, seconds", "memory bounded, speed within 2 % of none",
        lambda times, seed: wire.crowd(times), 600, 16,
    ),
    Attack(
        "full-disk", "a small tmpfs fills up, and gets room again", "what is lost is said; with room all is saved",
        lambda times, seed: disk.full_disk(times), 2, 2,
    ),
    Attack(
        "no-folder", "the folder is removed, and comes back", "all is there again; resumed, replayed bit for bit",
        lambda times, seed: folders.removed(times), 3, 3,
    ),
    Attack(
        "read-only", "the folder, then the file system, read-only", "training goes on and says so; saving resumes",
        lambda times, seed: folders.read_only(times), 3, 3,
    ),
    Attack(
        "replay", "10 random interventions, then replay", "identical", steering.scripts, 30, 1,
    ),
)  # fmt: skip
"""The table, in the order in which it is printed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the attacks that were asked for; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress.chaos", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(a.name for a in ATTACKS)}")
    parser.add_argument("--quick", action="store_true", help="a few times each: minutes, not hours")
    parser.add_argument("--times", type=int, default=0, metavar="N", help="so many times each")
    parser.add_argument("--minutes", type=float, metavar="M", help="end each attack after so long, however often tried")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N")
    given = parser.parse_args(arguments)
    unknown = set(given.names) - {attack.name for attack in ATTACKS}
    if unknown:
        parser.error(f"no attack {', '.join(sorted(unknown))}")
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):  # what a shell in the background had ignored
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    rows: list[tuple[str, ...]] = []
    held = True
    for attack in ATTACKS:
        if given.names and attack.name not in given.names:
            continue
        times = given.times or (attack.quick if given.quick else attack.times)
        Outcome.deadline = time.monotonic() + 60 * given.minutes if given.minutes else math.inf
        outcome, seconds = carry_out(attack, times, given.seed)
        held = held and not outcome.failures
        rows.append(row(attack, outcome, seconds))
        for failure in outcome.failures[:10]:
            print(f"{attack.name}: {failure}", file=sys.stderr)
        tried, verdict = rows[-1][1], rows[-1][3]
        print(f"{attack.name}: tried {tried} times, {verdict} in {seconds:.0f} s", file=sys.stderr, flush=True)
    print(aligned(("attack", "times", "must hold", "verdict", "note"), rows))
    return 0 if held else 1


def carry_out(attack: Attack, times: int, seed: int) -> tuple[Outcome, float]:
    """One attack; where the attack itself breaks, that counts as something that did not hold."""
    begun = time.monotonic()
    try:
        outcome = attack.make(times, seed)
    except Exception as error:  # noqa: BLE001 - the other attacks are carried out all the same
        traceback.print_exc()
        outcome = Outcome(failures=[f"{type(error).__name__}: {error}"])
    return outcome, time.monotonic() - begun


def row(attack: Attack, outcome: Outcome, seconds: float) -> tuple[str, ...]:
    """The attack as a line of the table."""
    if outcome.failures:
        verdict = f"FAILED {len(outcome.failures)}x"
    else:
        verdict = "held" if outcome.times else "not tried"
    note = "; ".join(part for part in (outcome.note, f"{seconds:.0f} s") if part)
    return (attack.what, f"{outcome.times:,}", attack.holds, verdict, note)


if __name__ == "__main__":
    sys.exit(main())
