"""Say which rows of docs/lecture.md were measured with other presets: `python scripts/measured_presets.py [--write]`.

tests/lecture/measured_with.json keeps a digest of each preset of the lecture as it was when its rows were measured.
What a preset says of itself (title, summary, group and lesson) does not count. A row that differs is measured again by
the command that is printed; --write then keeps the new digests.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from tui_trainer.config.preset_library import Table, preset_tables

FILE = Path(__file__).parents[1] / "tests" / "lecture" / "measured_with.json"
TEXTS = frozenset(("title", "summary", "group", "lesson"))
COMMAND = (
    "tui-trainer lecture --check {} --seeds 0 1 2 3 4 "
    "--markdown docs/lecture.md --measured presets/measured.json --force"
)


def digests() -> dict[str, str]:
    """Return a digest of what each preset of the lecture trains, by its name."""
    return {name: _digest(table) for name, table in preset_tables().items() if "lesson" in table}


def _digest(table: Table) -> str:
    trained = {key: value for key, value in table.items() if key not in TEXTS}
    return hashlib.sha256(json.dumps(trained, sort_keys=True, default=str).encode()).hexdigest()[:16]


def stale_rows() -> list[str]:
    """Return the rows whose presets train otherwise than when they were measured, or were not there."""
    before, now = json.loads(FILE.read_text(encoding="utf-8")), digests()
    tables = preset_tables()
    changed = [name for name in now if before.get(name) != now[name]]
    return sorted({row for name in changed for row in tables[name]["lesson"]["rows"]})


def main(write: bool) -> int:
    """Print the rows to measure, or keep the digests of now; return the exit code."""
    if write:
        FILE.write_text(json.dumps(digests(), indent=2, sort_keys=True) + "\n", encoding="utf-8")
        return 0
    rows = stale_rows()
    print(COMMAND.format(" ".join(rows)) if rows else "every row was measured with the presets of now")
    return 1 if rows else 0


if __name__ == "__main__":
    raise SystemExit(main("--write" in sys.argv[1:]))
