"""The permissions of a kind of sender, as far as the name and the reason of a command decide."""

from __future__ import annotations

from tui_trainer.config.permissions.allow import ALL, KINDS, Allow
from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.protocol.command_parser import commands_by_name
from tui_trainer.protocol.commands import AnyCommand


def check_names(allow: Allow, source: str) -> None:
    """Raise `UserError` for permissions that name a command that does not exist."""
    known = commands_by_name()
    for kind in KINDS:
        rules = allow.of(kind)
        for index, name in enumerate(rules.commands if rules is not None else ()):
            if name != ALL and name not in known:
                shortest = sorted({cls.cli_names()[0] for cls in known.values()})
                key = f"allow.{kind}.commands.{index}"
                raise UserError(f"{source}: {key}: no command {name!r}; {did_you_mean(name, [*shortest, ALL])}")


def not_allowed(allow: Allow, command: AnyCommand) -> str:
    """Return why the kind of its sender may not send a command at all; empty if it may."""
    rules = allow.of(command.actor)
    if rules is None:
        return ""
    if ALL not in rules.commands and not set(command.cli_names()) & set(rules.commands):
        named = ", ".join(rules.commands) or "none"
        return f"{command.actor}s may not {command.cli_names()[0]} here; {said(allow, command, 'commands', named)}"
    if rules.reason and not command.because:
        return f"{command.actor}s say why; give because=REASON ({said(allow, command, 'reason', 'true')})"
    return ""


def said(allow: Allow, command: AnyCommand, rule: str, value: str) -> str:
    """Return a rule with the place where it stands."""
    rules = allow.of(command.actor)
    place = "the default" if rules is None or rules.is_default(rule) else f"in {allow.place}"
    return f"allow.{command.actor}.{rule} = {value}, {place}"
