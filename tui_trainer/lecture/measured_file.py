"""Write the measured values that the texts of the lessons quote."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tui_trainer.errors import UserError
from tui_trainer.lecture.claims import Verdict
from tui_trainer.lecture.outline import ROWS


def updated(path: Path, verdicts: Iterable[Verdict]) -> str:
    """Return the text of the file at `path` with the rows of these verdicts replaced; other rows keep their values.

    Raises:
        UserError: there is a file, and it does not hold such values.
    """
    verdicts = list(verdicts)
    checked = {verdict.row for verdict in verdicts}
    values = {row: claims for row, claims in _before(path).items() if row not in checked}
    for verdict in verdicts:
        if verdict.key:
            values.setdefault(verdict.row, {})[verdict.key] = {
                "mean": _digits(verdict.mean),
                "least": _digits(min(verdict.values)),
                "most": _digits(max(verdict.values)),
            }
    ordered = {row: values[row] for row in ROWS if row in values}
    return json.dumps(ordered, indent=2) + "\n"


def _before(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"--measured {str(path)!r}: cannot be read as JSON: {error}") from None
    if not isinstance(before, dict) or not before.keys() <= ROWS.keys():
        raise UserError(f"--measured {str(path)!r}: holds other values than those of the lecture; choose another file")
    return before


def _digits(value: float) -> float | None:
    """Round to six digits, so that the file does not change by rounding errors; None if not finite."""
    return float(f"{value:.6g}") if math.isfinite(value) else None
