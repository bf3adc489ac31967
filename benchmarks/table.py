"""Print Markdown tables that are aligned for a terminal."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import psutil

from benchmarks.statistics import Row, spread
from tui_trainer.platform_support import processor_name

HEADER = ("figure", "measured against", "median", "quartiles", "rounds", "target", "", "note")


def machine() -> str:
    """Describe the machine and the library versions in one paragraph."""
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {_version(name)}" for name in ("torch", "textual", "plotext", "pydantic"))
    load = "/".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{processor_name()}, {os.cpu_count()} cores, {memory:.0f} GiB; {platform.system()} {platform.release()}; "
        f"Python {platform.python_version()}, {versions}; load average {load} at the start."
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "missing"


def cells(row: Row) -> tuple[str, ...]:
    """Return the cells of a row."""
    if row.skipped:
        return (row.name, row.against, "-", "-", "-", _target(row), "skipped", row.skipped)
    low, _, high = spread(row.values)
    verdict = {True: "met", False: "MISSED", None: ""}[row.met]
    middle = f"{shown(low)} - {shown(high)}" if len(row.values) > 1 else "-"
    figure = f"{shown(row.figure)} {row.unit}".strip()
    return (row.name, row.against, figure, middle, str(len(row.values)), _target(row), verdict, row.note)


def _target(row: Row) -> str:
    return f"{row.comparison} {row.target:g}" if row.target is not None else ""


def shown(value: float) -> str:
    """Format a number for the table."""
    if value != value:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 0.1 else f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"


def table(rows: Sequence[Row]) -> str:
    """Return the table of the figures."""
    return aligned(HEADER, [cells(row) for row in rows])


def aligned(header: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns are as wide as their widest cells."""
    widths = [max(len(parts[column]) for parts in [header, *body]) for column in range(len(header))]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([_line(header, widths), rule, *(_line(parts, widths) for parts in body)])


def _line(parts: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(part.ljust(width) for part, width in zip(parts, widths, strict=True)) + " |"
