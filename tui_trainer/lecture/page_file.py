"""Put newly checked rows into an existing lecture page, and keep the others."""

from __future__ import annotations

import re
from collections import Counter

from tui_trainer.errors import UserError
from tui_trainer.lecture.outline import GROUPS, ROWS
from tui_trainer.lecture.report import TITLE, counted, picture_line

_SECTION = re.compile(r"^### ([A-Z]\w*)\. .*?(?=^### |^## |\Z)", re.MULTILINE | re.DOTALL)
_CLAIM = re.compile(r"^\| .* \| (measured|exact|by construction) \| (holds|fails) \|$", re.MULTILINE)
_SEEDS = re.compile(r"over the seeds ([\d, ]+)\.")
_HEAD = re.compile(r"\d+ of \d+ claims of \d+ rows hold\.")
_KINDS = re.compile(r"^Kinds of claims: .*$", re.MULTILINE)


def merged(before: str, after: str, source: str) -> str:
    """Return the page `before` with the rows of the page `after`; a text that is no such page is replaced by `after`.

    Raises:
        UserError: the page was measured with other seeds, so that its numbers cannot stand beside the new ones.
    """
    if TITLE not in before:
        return after
    theirs, ours = (_SEEDS.search(text) for text in (before, after))
    if theirs is None or ours is None or theirs[1] != ours[1]:
        raise UserError(
            f"{source}: this page has the seeds {theirs[1] if theirs else 'of another version'}, and these rows have "
            f"{ours[1] if ours else 'others'}: check with the same seeds, or choose another file"
        )
    sections = {found[1]: found[0].strip() for text in (before, after) for found in _SECTION.finditer(text)}
    parts: list[str] = []
    for group in GROUPS:
        rows = [row for row in ROWS if row in sections and ROWS[row].group == group]
        parts += [f"## {group.capitalize()}", *(sections[row] for row in rows)] if rows else []
    body = "\n\n".join(parts)
    claims = _CLAIM.findall(body)
    held, kinds = counted(
        sum(verdict == "holds" for _, verdict in claims),
        len(claims),
        len(sections),
        Counter(kind for kind, _ in claims),
    )
    head = before[: before.index("\n## ")]
    head = _KINDS.sub(lambda _: kinds, _HEAD.sub(lambda _: held, head))
    return f"{head.strip()}\n\n{body}\n"


def with_picture(page: str, row: str, path: str) -> str:
    """Return the page with the screen of a row under its claims."""
    line = picture_line(row, path)
    return page if line in page else _SECTION.sub(lambda found: _shown(found, row, line), page)


def _shown(found: re.Match[str], row: str, line: str) -> str:
    text = found[0].rstrip()
    return f"{text}\n\n{line}{found[0][len(text) :]}" if found[1] == row else found[0]
