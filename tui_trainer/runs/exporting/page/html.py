"""Pieces of HTML from text that may come from anywhere: every one is escaped."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from tui_trainer.runs.exporting.svg_chart import STYLE, text


def element(name: str, *content: str, kind: str = "") -> str:
    """Return an element around pieces that are HTML already."""
    attribute = f' class="{escape(kind)}"' if kind else ""
    return f"<{name}{attribute}>{''.join(content)}</{name}>"


def table(rows: Iterable[Sequence[object]], header: Sequence[object] = (), *, numbers: bool = False) -> str:
    """Return a table; the first cell of each row heads it."""
    kind = ' class="n"' if numbers else ""
    lines: list[str] = []
    for row in rows:
        cells = "".join(f"<td{kind}>{text(cell)}</td>" for cell in row[1:])
        lines.append(f'<tr><th scope="row">{text(row[0])}</th>{cells}</tr>')
    head = "".join(f'<th scope="col"{kind if index else ""}>{text(cell)}</th>' for index, cell in enumerate(header))
    top = f"<thead><tr>{head}</tr></thead>" if header else ""
    return f'<div class="wide"><table>{top}<tbody>{"".join(lines)}</tbody></table></div>'


def as_data(value: Any) -> str:
    """Return a value as JSON that no text in it can end: it stands in an element of the page."""
    return json.dumps(value, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")


@cache
def asset(name: str) -> str:
    """Return a file that lies beside this module."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def document(title: str, *body: str, data: Any = None) -> str:
    """Return a page that needs no other file. No script runs in it but the one that draws charts from `data`."""
    script = asset("page.js") if data is not None else ""
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'; base-uri 'none'"
    scripts = f'<script type="application/json" id="data">{as_data(data)}</script><script>{script}</script>'
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{text(title)}</title>",
            f"<style>{STYLE}{asset('page.css')}</style>\n</head>\n<body>",
            *body,
            scripts if data is not None else "",
            "</body>\n</html>\n",
        )
    )
