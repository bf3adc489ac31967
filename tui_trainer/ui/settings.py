"""The user's settings of the screen: `settings.toml` in the user's configuration directory."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import platformdirs

from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.text import exact
from tui_trainer.ui.actions import ACTIONS, BY_ID, KEYMAPS, keys_of, without_clashes
from tui_trainer.ui.redraw_budget import LOCAL_FPS, REMOTE_FPS
from tui_trainer.ui.terminal.key_names import key_sign

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_BYTES = 64 << 10
"""Largest settings file, in bytes."""
HOST_OPTIONS = ("command", "runs_dir")
"""Keys of a table of `hosts`."""
WORDS_PER_MINUTE = 220.0
"""Reading speed of prose on a screen on which charts move."""


def _number(default: float, *, above: float = -inf, least: float = -inf, most: float = inf) -> Any:
    """Declare a number with bounds: greater than `above`, at least `least`, at most `most`."""
    return field(default=default, metadata={"above": above, "least": least, "most": most})


@dataclass(frozen=True)
class Settings:
    """Colours, limits and keys of the screen. Every field has a default; unknown fields are errors.

    A plain dataclass: pydantic is only imported where there is a settings file to validate.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    theme: Literal["auto", "dark", "light", "ansi"] = "auto"
    """Colours: dark, light, or ansi for the 16 colours of the terminal; auto decides by environment variables."""
    max_fps: float = _number(LOCAL_FPS, above=0, most=30)
    """Most redraws of the charts per second."""
    remote_fps: float = _number(REMOTE_FPS, above=0, most=30)
    """The same over SSH."""
    max_kbps: float = _number(0.0, least=0)
    """Mean rate of bytes to the terminal while charts move, in 1000 bytes per second; 0 for no limit."""
    ascii: bool = False
    """Draw with ASCII characters, for fonts without braille."""
    projector: bool = False
    """Draw for a projector: thick lines with their names, remarks in two lines, no keys and no log."""
    own_cost: bool = True
    """Show what the program itself costs a run: its share of the training time, and the bytes sent to this terminal."""
    mouse: bool = True
    """Use the mouse; off leaves it to the terminal, for selecting text."""
    title: bool = True
    """Show name, progress and validation loss of the run in the title of the terminal."""
    bell: bool = True
    """Ring the bell when a run ends, fails or has a serious finding, unless the window has the focus."""
    notify: Literal["auto", "osc9", "osc777", "off"] = "auto"
    """Show the same as a notification of the desktop: by OSC 9, by OSC 777, or by what the terminal is called."""
    spare_host: bool = True
    """Keep one idle process that has imported torch, so that the next training starts at once."""
    words_per_minute: float = _number(WORDS_PER_MINUTE, least=20, most=6000)
    """Your reading speed: a remark of a lesson stays as long as it takes to read it."""
    rest: float = _number(3.0, least=0, most=3600)
    """Seconds between the last remark of a lesson and the next lesson, in autoplay."""
    name: str = ""
    """Your name beside everything that you do to a run; empty for user and terminal."""
    actor: Literal["person", "script", "agent"] = "person"
    """The kind of sender that uses this screen."""
    allow: dict[str, Any] = field(default_factory=dict[str, Any])
    """Permissions of persons, scripts and agents in the runs that you start, as in the table `[allow]` of a preset."""
    keys: dict[str, str] = field(default_factory=dict[str, str])
    """Keys by action id, separated by commas: `pause = "space,f5"`. The help screen lists the ids.

    `keys = "classic"` brings back the letters of version 0.1; in a table, `base = "classic"` does.
    """

    hosts: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """Machines, by the name that ssh knows them by, whose live runs the home screen lists.

    `[hosts.gpu-box]` may set `command`, the program there, and `runs_dir`, its runs directory.
    """


MODIFIERS = ("alt", "ctrl", "hyper", "meta", "shift", "super")
"""Modifiers of keys, as Textual names them."""


def checked(table: Mapping[str, Any], source: str) -> Settings:
    """Validate the settings of a table.

    Raises:
        UserError: a key or value is not allowed; the message names the source and the key.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        settings = TypeAdapter(Settings).validate_python(_with_keymap(table, source))
    except ValidationError as error:
        raise UserError(f"{source}: {_message(error)}") from None
    for known in fields(settings):
        value, bounds = getattr(settings, known.name), known.metadata
        if bounds and not (value > bounds["above"] and bounds["least"] <= value <= bounds["most"]):
            raise UserError(f"{source}: {known.name}: {exact(value)} is not allowed: must be {_within(bounds)}")
    _check_allow(settings.allow, source)
    for name in settings.keys:
        if name not in BY_ID:
            raise UserError(f"{source}: keys: unknown action {name!r}; {did_you_mean(name, BY_ID)}")
    for name, options in settings.hosts.items():
        for option in options:
            if option not in HOST_OPTIONS:
                known_options = did_you_mean(option, HOST_OPTIONS)
                raise UserError(f"{source}: hosts.{name}: unknown setting {option!r}; {known_options}")
    settings = replace(settings, keys=without_clashes(settings.keys))
    _check_keys(settings.keys, source)
    return settings


def checked_sender(settings: Settings, name: str, kind: str) -> Settings:
    """Return the settings with another name and kind of the user, where they are given."""
    name = name or settings.name
    for actor in ("person", "script", "agent"):
        if kind == actor:
            return replace(settings, name=name, actor=actor)
    return replace(settings, name=name)


def _with_keymap(table: Mapping[str, Any], source: str) -> Mapping[str, Any]:
    """Return the table with the keymap that it names in place of its name."""
    keys = table.get("keys")
    name = keys if isinstance(keys, str) else keys.get("base") if isinstance(keys, dict) else None
    if name is None:
        return table
    if name not in KEYMAPS:
        raise UserError(f"{source}: keys: unknown keymap {name!r}; {did_you_mean(str(name), KEYMAPS)}")
    own = {action: key for action, key in keys.items() if action != "base"} if isinstance(keys, dict) else {}
    return {**table, "keys": {**KEYMAPS[name], **own}}


def _check_allow(table: Mapping[str, Any], source: str) -> None:
    """Raise `UserError` for permissions that are not valid."""
    if not table:
        return
    from pydantic import ValidationError

    from tui_trainer.config.permissions.allow import Allow
    from tui_trainer.config.validation_errors import as_user_error
    from tui_trainer.protocol.wheel.allowed import check_names

    try:
        check_names(Allow.model_validate(table), source)
    except ValidationError as error:
        raise as_user_error(error, Allow, source, "allow") from None


def _within(bounds: Mapping[str, float]) -> str:
    names = {"above": "greater than", "least": "at least", "most": "at most"}
    return " and ".join(f"{names[name]} {exact(bound)}" for name, bound in bounds.items() if isfinite(bound))


def _check_keys(keys: Mapping[str, str], source: str) -> None:
    for name in keys:
        for key in keys_of(BY_ID[name], keys):
            _check_key(key, f"{source}: keys: {name}")
    actions_by_key: dict[str, list[str]] = defaultdict(list)
    for action in ACTIONS:
        for key in keys_of(action, keys):
            actions_by_key[key].append(action.id)
    for key, names in actions_by_key.items():
        if len(names) > 1:
            raise UserError(f"{source}: keys: {key_sign(key)!r} is bound to {' and '.join(names)}")


def _check_key(key: str, what: str) -> None:
    """Refuse the name of a key that no terminal sends."""
    from textual.keys import Keys, _character_to_key  # pyright: ignore[reportPrivateUsage]

    *modifiers, base = key.split("+")
    known = {name.value.rpartition("+")[2] for name in Keys if not name.value.startswith("<")}
    known |= {_character_to_key(chr(code)) for code in range(0x20, 0x7F)}
    if base not in known and not (len(base) == 1 and base.isprintable()):
        raise UserError(f"{what}: no terminal sends the key {key!r}; {did_you_mean(base, sorted(known))}")
    if unknown := [each for each in modifiers if each not in MODIFIERS]:
        raise UserError(f"{what}: {key!r}: unknown modifier {unknown[0]!r}; {did_you_mean(unknown[0], MODIFIERS)}")


def settings_path() -> Path | None:
    """Return the file that the settings are read from, None for a user without a home. The file need not exist."""
    try:
        return platformdirs.user_config_path("tui-trainer") / "settings.toml"
    except (RuntimeError, KeyError):  # neither HOME nor an entry in the password file
        return None


def load_settings(path: Path | None = None) -> Settings:
    """Read the user's settings; return the defaults where there is no file.

    Raises:
        UserError: the file cannot be read, or a setting is unknown or not allowed; the message names file and key.
    """
    path = path or settings_path()
    if path is None:
        return Settings()
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UserError(f"{path}: too large (limit {MAX_BYTES >> 10} kB)")
        table = tomllib.loads(content.decode("utf-8-sig"))
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path}: not TOML: {error}") from None
    return checked(table, str(path))


def _message(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "unexpected_keyword_argument":
        return f"{key}: unknown setting; {did_you_mean(key, [known.name for known in fields(Settings)])}"
    return f"{key}: {first['msg'].removeprefix('Value error, ')}"
