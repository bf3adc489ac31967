"""The diagnosis page of a run: the headline with evidence and advice, other active findings, resolved findings."""

from __future__ import annotations

import re

from textual.content import Content

from tui_trainer.diagnosis.findings import HEADLINES, NO_FINDING
from tui_trainer.protocol.events import Diagnosed, Severity
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.actions import ACTIONS, CLASSIC, Keymap, key_sign, keys_of, shown_key
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.log_pane import wrap

SEVERITY_STYLES: dict[Severity, str] = {"alarm": "bold $error", "warning": "bold $warning", "note": "bold $secondary"}
"""The style of a finding's name, by severity."""
_LABEL_WIDTH = 9
"""Cells of the labels at the left of evidence and advice."""


def active_findings(state: RunState) -> list[Diagnosed]:
    """Return the active findings, most important first."""
    return sorted((finding for finding in state.findings.values() if finding.active), key=lambda finding: finding.rank)


def headline_of(state: RunState) -> Diagnosed | None:
    """Return the most important active finding, None without one."""
    return next(iter(active_findings(state)), None)


def findings_page(state: RunState, width: int, icons: Icons, keymap: Keymap) -> Content:
    """Return the page, at most `width` cells wide, with the keys that the user has configured."""
    active = [_with_keys(finding, keymap) for finding in active_findings(state)]
    lines = _headline(active[0], state, width) if active else _no_findings(state, width)
    if active[1:]:
        lines += [Content(""), Content.styled("other findings", "$muted")]
        for finding in active[1:]:
            lines += _other(finding, width, icons)
    resolved = [finding for finding in state.findings.values() if not finding.active]
    if resolved:
        names = ", ".join(f"{visible(finding.finding)} (epoch {finding.epoch})" for finding in resolved)
        lines += [Content(""), *_wrapped("resolved", names, width, "$muted")]
    return Content("\n").join(lines)


def _with_keys(finding: Diagnosed, keymap: Keymap) -> Diagnosed:
    """Return the finding with the user's keys in place of the default keys that the advice names in parentheses."""

    def user_key(default: str) -> str:
        action = _DEFAULT_KEYS.get(default)
        return default if action is None else shown_key(action, keymap) or f"no key for {action.label}"

    advice = _NAMED_KEY.sub(lambda match: f"({user_key(match[1])}", finding.advice)
    return finding.model_copy(update={"advice": advice, "key": "  ".join(user_key(key) for key in finding.key.split())})


_NAMED_KEY = re.compile(r"\((\S)(?=[):,])")
"""A key in an advice: (k), (s: staircase), (l, x3)."""
_DEFAULT_KEYS = {key_sign(key): action for action in ACTIONS for key in keys_of(action, CLASSIC)}
"""The action of each letter that an advice names: those of the classic keymap, which stay."""


def _headline(finding: Diagnosed, state: RunState, width: int) -> list[Content]:
    title = HEADLINES.get(finding.finding, visible(finding.finding))
    since = f"since epoch {finding.epoch}"
    if state.over:
        since = f"found in epoch {min(finding.epoch, max(state.epoch, 1))}"
    lines = [
        Content.assemble((f"! {visible(finding.finding)}  ", SEVERITY_STYLES[finding.severity]), (title, "bold")),
        Content.styled(f"{since}, as of step {finding.step:,}", "$muted"),
        Content(""),
        *_wrapped("evidence", visible(finding.evidence), width),
        *_wrapped("advice", visible(finding.advice), width, "$primary"),
    ]
    if finding.key:
        lines += _wrapped(
            "keys", "  ".join(f"[{visible(key)}]" for key in finding.key.split("  ")), width, "bold $primary"
        )
    return lines


def _other(finding: Diagnosed, width: int, icons: Icons) -> list[Content]:
    """Return a finding below the headline: its name, then at most two lines of evidence with its keys."""
    keys = f" ({visible(finding.key)})" if finding.key else ""
    rows = wrap(f"{visible(finding.evidence)}{keys}", max(width - 2, 8))
    name = Content.assemble(
        (f"{icons.dot} {visible(finding.finding)}  ", SEVERITY_STYLES[finding.severity]),
        HEADLINES.get(finding.finding, ""),
        (f", since epoch {finding.epoch}", "$muted"),
    )
    return [name.truncate(width, ellipsis=True), *(Content.styled(f"  {row}", "$muted") for row in rows[:2])]


def _no_findings(state: RunState, width: int) -> list[Content]:
    probed = "step_quality" in state.series
    lines = [Content.styled(f"{NO_FINDING}.", "bold")]
    lines += _wrapped(
        "", "No rule found a problem. This does not prove that the training works: check the curves.", width
    )
    if not probed:
        lines += _wrapped("", "Rules about the learning rate need step probes: set training.probe_every.", width)
    return lines


def _wrapped(label: str, text: str, width: int, style: str = "") -> list[Content]:
    """Wrap a text to lines of at most `width` cells, with its label before the first line."""
    indent = _LABEL_WIDTH + 1 if label else 0
    rows = wrap(text, max(width - indent, 8))
    return [
        Content.assemble((f"{label if first else '':<{indent}}", "$muted"), (row.rstrip(), style))
        for first, row in zip([True, *[False] * len(rows)], rows, strict=False)
    ]
