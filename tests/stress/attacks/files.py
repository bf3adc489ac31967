"""Presets mutated at random."""

from __future__ import annotations

import random
import string
from typing import Any

from tests.stress.attacks import Outcome
from tui_trainer.config.preset import build, preset_tables
from tui_trainer.errors import UserError

WORDS = [
    "adam",
    "sgd",
    "cosine",
    "relu",
    "mlp",
    "digits",
    "nan",
    "",
    "x" * 300,
    "\x1b[31m",
    "../../etc",
    "auto",
    "cuda:9",
]


def mutated_presets(times: int, seed: int) -> Outcome:
    """Rename, add and drop keys, and set odd values: presets are accepted, or refused in one line with file and key."""
    outcome, source = Outcome(), random.Random(seed)
    tables = preset_tables()
    accepted = 0
    for _ in range(times):
        name = source.choice(list(tables))
        table = _mutated(tables[name], source)
        outcome.times += 1
        try:
            build(table, name=name, source="mutated.toml")
            accepted += 1
        except UserError as error:
            message = str(error)
            good = "mutated.toml" in message and "\n" not in message and "\x1b" not in message
            outcome.expect(good and len(message) < 1000, f"{message[:200]!r}")
        except Exception as error:  # noqa: BLE001 - any other exception is a failure
            outcome.expect(False, f"{type(error).__name__}: {error}: {table}"[:300])
    outcome.note = f"{accepted} accepted"
    return outcome


def _mutated(table: dict[str, Any], source: random.Random) -> dict[str, Any]:
    changed = {key: dict(value) if isinstance(value, dict) else value for key, value in table.items()}
    for _ in range(source.randint(1, 4)):
        section = source.choice([*changed, "training", "extra", _word(source)])
        inner = changed.get(section)
        match source.randrange(5):
            case 0:
                changed.pop(section, None)
            case 1:
                changed[section] = _value(source)
            case _ if isinstance(inner, dict):
                key = source.choice([*inner, "kind", "lr", "epochs", _word(source)])
                inner[key] = _value(source)
            case _:
                changed[section] = {_word(source): _value(source)}
    return changed


def _word(source: random.Random) -> str:
    return "".join(source.choices(string.ascii_lowercase + "_-.", k=source.randint(0, 9)))


def _value(source: random.Random, depth: int = 0) -> Any:
    match source.randrange(9 if depth < 2 else 7):
        case 0:
            return source.choice([0, 1, -1, 2**63, 64, 10**400])
        case 1:
            return source.choice([0.0, -1.0, 1e-3, float("nan"), float("inf"), 1e308])
        case 2:
            return source.random() < 0.5
        case 3 | 4:
            return source.choice(WORDS)
        case 5:
            return _word(source)
        case 6:
            return source.uniform(-1, 2)
        case 7:
            return [_value(source, depth + 1) for _ in range(source.randint(0, 3))]
        case _:
            return {_word(source): _value(source, depth + 1) for _ in range(source.randint(0, 2))}
