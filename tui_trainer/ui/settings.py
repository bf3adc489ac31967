"""What a person may set once for every screen: `settings.toml` in the user's configuration directory."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import platformdirs

from tui_trainer.errors import UserError, did_you_mean
from tui_trainer.ui.actions import ACTIONS, BY_ID, key_sign, keys_of
from tui_trainer.ui.redraw_budget import LOCAL_FPS, REMOTE_FPS

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_BYTES = 64 << 10
WORDS_PER_MINUTE = 220.0
"""How fast prose is read on a screen, while something else moves on it."""


def _number(default: float, *, above: float = -inf, least: float = -inf, most: float = inf) -> Any:
    """A field that must lie between bounds."""
    return field(default=default, metadata={"above": above, "least": least, "most": most})


@dataclass(frozen=True)
class Settings:
    """How the screen looks and which keys it listens to. Every field has a default; an unknown one is refused.

    A plain value: pydantic reads it from a file, and who has no file does not wait for pydantic.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    theme: Literal["auto", "dark", "light", "ansi"] = "auto"
    """Colours: dark, light, or ansi for the terminal's own sixteen; auto asks the terminal's environment."""
    max_fps: float = _number(LOCAL_FPS, above=0, most=30)
    """How often a second the charts may be drawn."""
    remote_fps: float = _number(REMOTE_FPS, above=0, most=30)
    """The same over SSH."""
    max_kbps: float = _number(0.0, least=0)
    """Thousand bytes a second that the terminal is sent, on the average, by charts that move; 0 for no limit."""
    ascii: bool = False
    """Draw with plain characters, for fonts without braille."""
    mouse: bool = True
    """Listen to the mouse; off leaves it to the terminal, for copying."""
    words_per_minute: float = _number(WORDS_PER_MINUTE, least=20, most=6000)
    """How fast you read: a remark of a lesson stays at least that long."""
    rest: float = _number(3.0, least=0, most=3600)
    """Seconds between the last remark of a lesson and the next lesson, where the lecture plays by itself."""
    keys: dict[str, str] = field(default_factory=dict[str, str])
    """Keys by action id, comma between two: `pause = "space,f5"`. The help screen names the ids."""


def checked(table: Mapping[str, Any], source: str) -> Settings:
    """The settings that a table holds. Raises `UserError` naming the source and the key."""
    from pydantic import TypeAdapter, ValidationError

    try:
        settings = TypeAdapter(Settings).validate_python(table)
    except ValidationError as error:
        raise UserError(f"{source}: {_words(error)}") from None
    for known in fields(settings):
        value, bounds = getattr(settings, known.name), known.metadata
        if bounds and not (value > bounds["above"] and bounds["least"] <= value <= bounds["most"]):
            raise UserError(f"{source}: {known.name}: {value:g} is not allowed: must be {_within(bounds)}")
    _known_and_distinct(settings.keys, source)
    return settings


def _within(bounds: Mapping[str, float]) -> str:
    words = {"above": "above", "least": "at least", "most": "at most"}
    return " and ".join(f"{words[name]} {bound:g}" for name, bound in bounds.items() if isfinite(bound))


def _known_and_distinct(keys: Mapping[str, str], source: str) -> None:
    for name in keys:
        if name not in BY_ID:
            raise UserError(f"{source}: keys: no action is called {name!r}: {did_you_mean(name, BY_ID)}")
    taken: dict[str, list[str]] = defaultdict(list)
    for action in ACTIONS:
        for key in keys_of(action, keys):
            taken[key].append(action.id)
    for key, names in taken.items():
        if len(names) > 1:
            raise UserError(f"{source}: keys: the key {key_sign(key)!r} is given to {' and '.join(names)}")


def settings_path() -> Path | None:
    """Return the file that the settings are read from, None for a user without a home. The file need not exist."""
    try:
        return platformdirs.user_config_path("tui-trainer") / "settings.toml"
    except (RuntimeError, KeyError):  # neither HOME nor an entry in the password file
        return None


def load_settings(path: Path | None = None) -> Settings:
    """The settings of this user; the defaults where there are none.

    Raises:
        UserError: the file cannot be read or holds something that is not a setting; the message names file and key.
    """
    path = path or settings_path()
    if path is None:
        return Settings()
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise UserError(f"{path}: settings are at most {MAX_BYTES} bytes long")
        table = tomllib.loads(content.decode())
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path}: not TOML: {error}") from None
    return checked(table, str(path))


def _words(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "unexpected_keyword_argument":
        return f"{key}: no such setting; {did_you_mean(key, [known.name for known in fields(Settings)])}"
    return f"{key}: {first['msg'].removeprefix('Value error, ')}"
