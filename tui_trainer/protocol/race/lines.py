"""The settings of a race as they are typed, one line for each, and the commands that a line stands for."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence

from tui_trainer.errors import UserError
from tui_trainer.protocol.commands import AnyCommand, Race

Parse = Callable[[str, Sequence[str]], AnyCommand]
"""`parse_command`: a name and KEY=VALUEs as a command."""
FEWEST, MOST = 2, 4
"""Settings of one race."""
UNCHANGED = "unchanged"
"""The line for the settings in force."""
_OWN = ("steps", "price", "because")
"""Keys of the command itself; every other word is a line of settings."""
_FACTOR = re.compile(r"([x*/÷])\s*(.+)")
_SHARED_BATCHES = "the settings of a race share their batches: change it before or after the race"


def race_values(values: Sequence[str]) -> list[str]:
    """Return the KEY=VALUEs of a race that was typed as lines of settings, such as 'lr=0.03 optimizer=adam'."""
    own = [text for text in values if text.partition("=")[0] in (*_OWN, "settings")]
    lines = [text for text in values if text not in own]
    if not own or lines:
        _check_count(len(lines))
    return [*own, f"settings={json.dumps(lines)}"] if lines else own


def take_values(values: Sequence[str]) -> list[str]:
    """Return the KEY=VALUEs of a decision that was typed as a number, or as `none`."""
    return [text if "=" in text else f"lane={0 if text == 'none' else text}" for text in values]


def parse_race(command: AnyCommand, parse: Parse) -> AnyCommand:
    """Return a race or a decision as it is. Raises `UserError` where a line of settings is not valid."""
    if isinstance(command, Race):
        seen: dict[tuple[str, ...], int] = {}
        for number, line in enumerate(command.settings, 1):
            wanted = tuple(each.model_dump_json() for each in parse_settings(line, parse))
            if wanted in seen:
                raise UserError(f"race: settings {seen[wanted]} and {number} are the same: {line!r}")
            seen[wanted] = number
    return command


def _check_count(count: int) -> None:
    if not FEWEST <= count <= MOST:
        raise UserError(
            f"race: give {FEWEST} to {MOST} settings, each as one word, such as 'lr=0.1' 'lr=0.03 optimizer=adam' "
            f"(got {count})"
        )


def parse_settings(line: str, parse: Parse) -> tuple[AnyCommand, ...]:
    """Return the commands that a line of settings stands for: none for the settings in force.

    Raises:
        UserError: the line is not valid; the message quotes it.
    """
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise UserError(f"race {line!r}: {str(error).lower()}") from None
    if words == [UNCHANGED]:
        return ()
    if not words:
        raise UserError(f"race: empty settings; write for example 'lr=0.03 optimizer=adam', or {UNCHANGED!r}")
    parts: dict[str, list[str]] = {"optimizer": [], "scheduler": []}
    others: list[tuple[str, str]] = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key or not value:
            raise UserError(f"race {line!r}: {word!r} is not KEY=VALUE, nor {UNCHANGED!r} alone")
        head, _, field = key.partition(".")
        head = "scheduler" if head == "schedule" else head
        if head in parts:
            parts[head].append(f"{field or 'kind'}={value}")
        elif key in [other for other, _ in others]:
            raise UserError(f"race {line!r}: {key} is given twice")
        else:
            others.append((key, value))
    commands: list[AnyCommand] = []
    try:
        for head, name in (("optimizer", "set-optimizer"), ("scheduler", "set-scheduler")):
            if parts[head] and not any(each.startswith("kind=") for each in parts[head]):
                raise UserError(f"{head}: name the kind too, such as {head}={'adam' if head[0] == 'o' else 'cosine'}")
            if parts[head]:
                commands.append(parse(name, parts[head]))
        commands += [_named(key, value, parse) for key, value in sorted(others, key=lambda each: each[0] != "lr")]
    except UserError as error:
        raise UserError(f"race {line!r}: {_without_command(error)}") from None
    return tuple(commands)


def _without_command(error: UserError) -> str:
    return re.sub(r"^send [a-z-]+: ", "", str(error))


def _named(key: str, value: str, parse: Parse) -> AnyCommand:
    """Return the command for one setting; an error names its key."""
    try:
        return _one(key, value, parse)
    except UserError as error:
        raise UserError(re.sub(r"^value:", f"{key}:", _without_command(error))) from None


def _one(key: str, value: str, parse: Parse) -> AnyCommand:
    """Return the command for one setting that is neither optimizer nor schedule."""
    if key == "lr":
        factor = _FACTOR.fullmatch(value)
        if factor is None:
            return parse("set-lr", [f"value={value}"])
        divides = factor[1] in "/÷"
        try:
            number = 1 / float(factor[2]) if divides else float(factor[2])
        except (ValueError, ZeroDivisionError):
            raise UserError(f"lr: {value!r} is no rate and no factor, such as 0.03, x2 or /10") from None
        return parse("set-lr", [f"factor={number!r}"])
    if key == "clip":
        return parse("set-clip", [f"value={value}"])
    if key == "batch_size":
        raise UserError(f"batch_size: {_SHARED_BATCHES}")
    return parse("set-knob", [f"name={json.dumps(key)}", f"value={value}"])
