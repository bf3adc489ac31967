"""Attack runs, and print what held: `python -m tests.stress.chaos [NAME ...] [--quick | --soak] [--minutes M]`.

Prints one table and exits with 1 if something did not hold. The attacks are in `tests/stress/attacks`.
"""

from __future__ import annotations

import argparse
import itertools
import math
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.table import aligned
from tests.stress.attacks import Outcome, disk, dying, files, folders, killing, screens, steering, terminals, wire

SEED = 20261124


@dataclass(frozen=True, slots=True)
class Attack:
    """One row of the table.

    Attributes:
        name: the name on the command line.
        description: the attack in words.
        must_hold: what has to stay true during and after it.
        attempt: carries out a number of attempts with a seed.
        times: number of attempts.
        quick: number of attempts with `--quick`.
    """

    name: str
    description: str
    must_hold: str
    attempt: Callable[[int, int], Outcome]
    times: int
    quick: int


ATTACKS = (
    Attack(
        "kill", "kill -9 at a random moment, then resume", "no number differs; only steps after the last save repeat",
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
        "fail-calls", "the same calls failing (EIO, ENOSPC, EXDEV)", "training goes on and reports it; no torn file",
        lambda times, seed: killing.failing_calls(times), 30, 2,
    ),
    Attack(
        "hang-up", "pty closed; viewer killed, stopped, never read", "no step lost, no process left, attach works",
        terminals.disconnected, 50, 4,
    ),
    Attack(
        "host-dies", "out of memory, native crash, kill -9, with a viewer", "the screen gives the reason, R resumes",
        lambda times, seed: dying.hosts(times), 9, 3,
    ),
    Attack(
        "signals", "TERM INT HUP QUIT, ctrl+z and fg, a crash", "terminal modes restored, exit code right",
        lambda times, seed: terminals.signals(times), 7, 7,
    ),
    Attack(
        "thin-line", "a terminal line of 20 kB/s, seconds", "a key acts within 2 s, the screen is right",
        lambda times, seed: terminals.thin_line(times), 60, 8,
    ),
    Attack(
        "odd-terminals", "dumb, latin-1, closed descriptors, 1x1..500x200", "a working screen, or a reason in one line",
        lambda times, seed: terminals.odd_terminals(times), 30, 6,
    ),
    Attack(
        "payloads", "escapes, overrides, markup as names, on each screen", "0 foreign control bytes, names shown",
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
        "rubbish", "garbage and floods on the socket; another user", "host and other viewers are unaffected",
        wire.garbage, 500, 25,
    ),
    Attack(
        "crowd", "8 viewers, 4 of which never read, seconds", "memory bounded, speed within 2 % of no viewers",
        lambda times, seed: wire.crowd(times), 600, 16,
    ),
    Attack(
        "full-disk", "a small tmpfs fills up, then grows", "losses are reported; with room all is saved",
        lambda times, seed: disk.full_disk(times), 2, 2,
    ),
    Attack(
        "no-folder", "the run folder is removed and created again", "all files return; resume and replay are exact",
        lambda times, seed: folders.removed(times), 3, 3,
    ),
    Attack(
        "read-only", "the folder, then the file system, read-only", "training goes on and reports it; saving resumes",
        lambda times, seed: folders.read_only(times), 3, 3,
    ),
    Attack(
        "replay", "10 random interventions, then replay", "identical", steering.scripts, 30, 1,
    ),
)  # fmt: skip
"""The attacks in the order of the table."""
TIMED = ("thin-line", "crowd")
"""Attacks that measure seconds or throughput: they need an idle machine."""


@dataclass(slots=True)
class Report:
    """The rows of the table, and whether every attack held."""

    rows: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    held: bool = True

    def run(self, attack: Attack, times: int, seed: int) -> None:
        """Carry out an attack, print its failures, and add its row."""
        outcome, seconds = carry_out(attack, times, seed)
        self.held = self.held and not outcome.failures
        self.rows.append(row(attack, outcome, seconds))
        for failure in outcome.failures[:10]:
            print(f"{attack.name}: {failure}", file=sys.stderr)
        attempts, verdict = self.rows[-1][1], self.rows[-1][3]
        print(f"{attack.name}: {attempts} attempts, {verdict} in {seconds:.0f} s", file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out the requested attacks and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.stress.chaos", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(a.name for a in ATTACKS)}")
    parser.add_argument("--quick", action="store_true", help="a few attempts each: minutes instead of hours")
    parser.add_argument("--times", type=int, default=0, metavar="N", help="attempts of each attack")
    parser.add_argument("--minutes", type=float, metavar="M", help="time limit of each attack; with --soak, of all")
    parser.add_argument("--soak", action="store_true", help="quick rounds with new seeds until the time limit")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N")
    given = parser.parse_args(arguments)
    unknown = set(given.names) - {attack.name for attack in ATTACKS}
    if unknown:
        parser.error(f"no attack {', '.join(sorted(unknown))}")
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):  # a shell ignores these in background jobs
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    attacks = [attack for attack in ATTACKS if not given.names or attack.name in given.names]
    report = Report()
    if given.soak:
        soak(report, attacks, given.seed, 60 * (given.minutes or math.inf))
    else:
        for attack in attacks:
            times = given.times or (attack.quick if given.quick else attack.times)
            Outcome.deadline = time.monotonic() + 60 * given.minutes if given.minutes else math.inf
            report.run(attack, times, given.seed)
    print(aligned(("attack", "attempts", "must hold", "verdict", "note"), report.rows))
    return 0 if report.held else 1


def soak(report: Report, attacks: Sequence[Attack], seed: int, seconds: float) -> None:
    """Repeat quick rounds, each with the next seed, until the time is up or something does not hold."""
    Outcome.deadline = time.monotonic() + seconds
    for round_seed in itertools.count(seed):
        print(f"seed {round_seed}", file=sys.stderr, flush=True)
        for attack in attacks:
            if time.monotonic() > Outcome.deadline:
                return
            report.run(attack, attack.quick, round_seed)
        if not report.held:
            print(f"repeat this round: make soak SEED={round_seed}", file=sys.stderr)
            return


def carry_out(attack: Attack, times: int, seed: int) -> tuple[Outcome, float]:
    """Return the outcome of an attack and its seconds; an error in the attack itself counts as a failure."""
    begun = time.monotonic()
    try:
        outcome = attack.attempt(times, seed)
    except Exception as error:  # noqa: BLE001 - the other attacks are carried out all the same
        traceback.print_exc()
        outcome = Outcome(failures=[f"{type(error).__name__}: {error}"])
    return outcome, time.monotonic() - begun


def row(attack: Attack, outcome: Outcome, seconds: float) -> tuple[str, ...]:
    """Return the attack as a row of the table."""
    if outcome.failures:
        verdict = f"FAILED {len(outcome.failures)}x"
    else:
        verdict = "held" if outcome.times else "not tried"
    note = "; ".join(part for part in (outcome.note, f"{seconds:.0f} s") if part)
    return (attack.description, f"{outcome.times:,}", attack.must_hold, verdict, note)


if __name__ == "__main__":
    sys.exit(main())
