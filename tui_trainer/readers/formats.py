"""The table of formats. To add one: a module with its reader, and a row here."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

from tui_trainer.readers import csv_log, json_lines, trainer_state
from tui_trainer.readers.databases import run_database
from tui_trainer.readers.lines import next_line
from tui_trainer.readers.reading import Format
from tui_trainer.readers.tensorboard import event_files
from tui_trainer.readers.wandb_runs import run_file

FORMATS: tuple[Format, ...] = (
    Format(
        "CSV",
        csv_log.looks_like_csv,
        csv_log.has_axes,
        csv_log.read_csv,
        ("*.csv", "*.tsv"),
        align=next_line,
        in_lines=True,
    ),
    Format(
        "JSON lines",
        json_lines.looks_like_json_lines,
        json_lines.has_axes,
        json_lines.read_json_lines,
        ("*.jsonl", "*.ndjson"),
        align=next_line,
        in_lines=True,
    ),
    Format(
        "TensorBoard",
        event_files.looks_like_events,
        event_files.is_event_file,
        event_files.read_events,
        ("*tfevents*",),
        joined=True,
        align=event_files.next_record,
    ),
    Format(
        "trainer state",
        trainer_state.looks_like_trainer_state,
        trainer_state.is_trainer_state,
        trainer_state.read_trainer_state,
        ("trainer_state*.json",),
    ),
    Format(
        "database",
        run_database.looks_like_database,
        run_database.may_hold_runs,
        run_database.read_database,
        ("*.db", "*.sqlite", "*.sqlite3"),
        appended=False,
    ),
    Format(
        "wandb",
        run_file.looks_like_run_file,
        run_file.is_run_file,
        run_file.read_run_file,
        ("*.wandb",),
        needs="wandb",
    ),
)
HEAD = 4096
"""Bytes of a file by which its format is recognised."""


def format_of(path: Path) -> Format | None:
    """Return the format of a file, None where no reader takes it. Raises `OSError`."""
    with open(path, "rb") as file:
        head = file.read(HEAD)
    return next((each for each in FORMATS if each.matches(path.name, head)), None)


def may_be_log(name: str) -> bool:
    """Return whether a file of this name is looked at when a folder is searched."""
    return any(fnmatch(name, pattern) for each in FORMATS for pattern in each.names)
