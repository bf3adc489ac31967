"""The name, tags and note of a run, in the texts of a list."""

from __future__ import annotations

from textual.content import Content

from tui_trainer.runs.run_info import RunInfo
from tui_trainer.text import cut, visible

MAX_TAGS = 16
"""Cells of the tags in a line."""


def kept_texts(info: RunInfo) -> tuple[str, ...]:
    """Return the texts that a user gave a run, to find it by."""
    kept = info.kept
    return tuple(text for text in (kept.name, kept.group, *kept.tags, kept.note) if text)


def tags_text(info: RunInfo) -> str:
    """Return the tags of a run for its line, with a blank behind them; empty without tags."""
    tags = visible(" ".join(info.kept.tags))
    return f"{cut(tags, MAX_TAGS, '…')} " if tags else ""


def kept_lines(info: RunInfo) -> list[Content]:
    """Return the lines about what a user gave a run, for its details."""
    kept = info.kept
    rows = (("tags", " ".join(kept.tags)), ("note", kept.note), ("hidden", "yes" if kept.hidden else ""))
    return [Content.assemble((f"{name:<16}", "$muted"), visible(text)) for name, text in rows if text]
