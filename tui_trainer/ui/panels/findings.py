"""The findings of a run: the page with one object for each, the badge of the header, and what to do next time."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from textual.content import Content

from tui_trainer.diagnosis.findings import NO_FINDING
from tui_trainer.protocol.events import Diagnosed, Severity
from tui_trainer.protocol.finding_titles import title_of
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.actions import BY_ID, Keymap, shown_key
from tui_trainer.ui.findings.advice import actions_of
from tui_trainer.ui.findings.old_journals import completed
from tui_trainer.ui.findings.pictures import picture, stretch
from tui_trainer.ui.icons import FANCY, Icons
from tui_trainer.ui.panels.log_pane import wrap

SEVERITY_STYLES: dict[Severity, str] = {"alarm": "bold $error", "warning": "bold $warning", "note": "bold $secondary"}
"""The style of a finding's title, by severity."""
TWO_COLUMNS = 70
"""Cells from which the actions stand beside the evidence."""
MOST_CLOSING = 2
"""Most findings on the end card."""
NONE_MUTED: frozenset[str] = frozenset()


def active_findings(state: RunState, muted: Collection[str] = NONE_MUTED) -> list[Diagnosed]:
    """Return the active findings that are not muted, most important first."""
    active = [finding for finding in state.findings.values() if finding.active and finding.finding not in muted]
    return sorted((completed(finding) for finding in active), key=lambda finding: finding.rank)


def headline_of(state: RunState, muted: Collection[str] = NONE_MUTED) -> Diagnosed | None:
    """Return the most important active finding, None without one."""
    return next(iter(active_findings(state, muted)), None)


def badge(state: RunState, muted: Collection[str] = NONE_MUTED, icons: Icons = FANCY) -> Content:
    """Return the most important finding for the header; empty without one, for a mere note, and after the end."""
    headline = headline_of(state, muted)
    if state.over or headline is None or headline.severity == "note":
        return Content("")
    return Content.styled(f"{_sign(icons)} {visible(title_of(headline))}", SEVERITY_STYLES[headline.severity])


def shaded_stretch(
    state: RunState, muted: Collection[str] = NONE_MUTED, selected: int = 0
) -> tuple[tuple[float, float], ...]:
    """Return the steps that the selected finding speaks of, for the charts to shade; empty without one."""
    active = active_findings(state, muted)
    return (stretch(active[min(selected, len(active) - 1)], state),) if active else ()


def closing_findings(state: RunState, muted: Collection[str] = NONE_MUTED) -> list[str]:
    """Return what a run that ended suggests for the next one: each finding with its first action, at most two."""
    remarks: list[str] = []
    for finding in active_findings(state, muted):
        if finding.severity == "note" and finding.finding != "STOPPED_TOO_SOON":
            continue
        if finding.likely_cause:
            text = finding.likely_cause
            if any(text in remark for remark in remarks):
                continue
        else:
            doable = [action for action in actions_of(finding, state) if action.action != "layers"]
            text = f"next time: {doable[0].label}" if doable else finding.evidence
        remarks.append(visible(f"{title_of(finding)}. {_sentence(text)}"))
    return remarks[:MOST_CLOSING]


def findings_page(
    state: RunState,
    width: int,
    icons: Icons,
    keymap: Keymap,
    muted: Collection[str] = NONE_MUTED,
    selected: int = 0,
) -> Content:
    """Return the page, at most `width` cells wide: the selected finding in full, then the others by their titles.

    Args:
        state: the run.
        width: cells; where there is room for two columns, the actions stand beside the evidence.
        icons: the signs of the screen.
        keymap: the user's keys.
        muted: identifiers of the findings that the user muted.
        selected: position of the selected finding, the most important first.
    """
    active = active_findings(state, muted)
    if not active:
        lines = _no_findings(state, width)
    else:
        selected = min(selected, len(active) - 1)
        finding = active[selected]
        lines = _object(finding, state, width, icons, keymap, (selected, len(active)))
        for other in active:
            if other is not finding:
                lines.append(_other(other, width, icons))
    lines += _aside(state, width, muted, keymap)
    return Content("\n").join(lines)


def _object(
    finding: Diagnosed, state: RunState, width: int, icons: Icons, keymap: Keymap, place: tuple[int, int]
) -> list[Content]:
    """Return the lines of one finding."""
    style = SEVERITY_STYLES[finding.severity]
    if width < TWO_COLUMNS:
        left = [*_heading(finding, state, width, icons, place), *_evidence(finding, state, width, icons)]
        return [*left, Content(""), *_what_to_do(finding, state, width, keymap), Content("")]
    half = (width - 3) * 11 // 20
    left = [*_heading(finding, state, half, icons, place), *_evidence(finding, state, half, icons)]
    right = _what_to_do(finding, state, width - half - 3, keymap)
    rule = Content.styled(" | " if icons.rule == "-" else " │ ", style if finding.severity != "note" else "$muted")
    rows = max(len(left), len(right))
    left += [Content("")] * (rows - len(left))
    right += [Content("")] * (rows - len(right))
    return [
        Content.assemble(one, " " * max(half - one.cell_length, 0), rule, other)
        for one, other in zip(left, right, strict=True)
    ]


def _heading(finding: Diagnosed, state: RunState, width: int, icons: Icons, place: tuple[int, int]) -> list[Content]:
    style = SEVERITY_STYLES[finding.severity]
    lines = [Content.styled(row, style) for row in _rows(f"{_sign(icons)} {title_of(finding)}", width)]
    first, last = stretch(finding, state)
    begun = "found in epoch" if state.over else "since epoch"
    since = f"{begun} {finding.epoch} {icons.dot} steps {first:,.0f} to {last:,.0f}"
    if place[1] > 1:
        since += f" {icons.dot} {place[0] + 1} of {place[1]}"
    return [*lines, *(Content.styled(row, "$muted") for row in _rows(since, width))]


def _evidence(finding: Diagnosed, state: RunState, width: int, icons: Icons) -> list[Content]:
    lines: list[Content] = []
    if finding.likely_cause:
        lines += [Content.styled(row, "bold") for row in _rows(finding.likely_cause, width)]
    lines += [Content(row) for row in _rows(_sentence(finding.evidence), width)]
    return lines + picture(finding, state, width, icons, SEVERITY_STYLES[finding.severity])


def _what_to_do(finding: Diagnosed, state: RunState, width: int, keymap: Keymap) -> list[Content]:
    lines: list[Content] = []
    if finding.why:
        lines += [Content.styled(row, "$muted") for row in _rows(finding.why, width)]
    actions = actions_of(finding, state)
    lines.append(Content.styled("Next time" if state.over else "What you can do", "bold"))
    if not finding.actions and finding.advice:
        lines += [Content(row) for row in _rows(_sentence(finding.advice), width)]
    for number, action in enumerate(actions, 1):
        key = shown_key(BY_ID[action.action], keymap) if action.action in BY_ID else ""
        value = action.value if action.action != "undo" else ""
        note = f"({action.reason})" if action.reason else " ".join(part for part in (key, value) if part)
        lines += _numbered(number, action.label, note, width)
    lines += _numbered(len(actions) + 1, "mute this finding", shown_key(BY_ID["mute_finding"], keymap), width)
    return lines


def _numbered(number: int, label: str, note: str, width: int) -> list[Content]:
    """Return an action: its number, what it does, and its key at the right or, where there is no room, below."""
    sign = f" [{number}] "
    rows = _rows(label, width - len(sign))
    lines = [
        Content.assemble((sign if at == 0 else " " * len(sign), "bold $primary"), row) for at, row in enumerate(rows)
    ]
    if note and lines[-1].cell_length + 2 + len(note) <= width:
        lines[-1] = Content.assemble(lines[-1], "  ", (note, "$muted"))
    elif note:
        below = _rows(note, width - len(sign))
        lines += [Content.styled(" " * len(sign) + row, "$muted") for row in below]
    return lines


def _other(finding: Diagnosed, width: int, icons: Icons) -> Content:
    """Return another finding in one line."""
    line = Content.assemble(
        (f"{icons.dot} {visible(title_of(finding))}", SEVERITY_STYLES[finding.severity]),
        (f"  since epoch {finding.epoch}", "$muted"),
    )
    return line.truncate(width, ellipsis=True)


def _aside(state: RunState, width: int, muted: Collection[str], keymap: Keymap) -> list[Content]:
    """Return the muted findings, and those that are gone."""
    lines: list[Content] = []
    hidden = [finding for finding in active_findings(state) if finding.finding in muted]
    gone = [completed(finding) for finding in state.findings.values() if not finding.active]
    if hidden:
        key = shown_key(BY_ID["mute_finding"], keymap)
        names = ", ".join(title_of(finding) for finding in hidden)
        lines += [Content.styled(row, "$muted") for row in _rows(f"muted: {names} ({key} shows them again)", width)]
    for finding in gone:
        first, last = stretch(finding, state)
        text = f"gone: {title_of(finding)} (steps {first:,.0f} to {last:,.0f})"
        lines += [Content.styled(row, "$muted") for row in _rows(text, width)]
    return lines


def _no_findings(state: RunState, width: int) -> list[Content]:
    lines = [Content.styled(f"{NO_FINDING}.", "bold")]
    text = "No rule found a problem. This does not prove that the training works: check the curves."
    lines += [Content(row) for row in _rows(text, width)]
    if "step_quality" not in state.series:
        text = "Rules about the learning rate need step probes: set training.probe_every."
        lines += [Content(row) for row in _rows(text, width)]
    return lines


def _rows(text: str, width: int) -> Iterator[str]:
    """Yield a text in rows of at most `width` cells."""
    return (row.rstrip() for row in wrap(visible(text), max(width, 8)))


def _sentence(text: str) -> str:
    """Return a text as a sentence."""
    text = text.strip()
    return text if not text or text.endswith(".") else f"{text[0].upper()}{text[1:]}."


def _sign(icons: Icons) -> str:
    return "!" if icons.rule == "-" else "▲"
