"""The diagnosis of a run: the headline with its evidence and what to do, the other findings, those of before."""

from __future__ import annotations

import re

from textual.content import Content

from tui_trainer.diagnosis.findings import HEADLINES, NO_FINDING
from tui_trainer.protocol.events import Diagnosed, Severity
from tui_trainer.state.run_state import RunState
from tui_trainer.text import visible
from tui_trainer.ui.actions import ACTIONS, Keymap, key_sign, shown_key
from tui_trainer.ui.icons import Icons
from tui_trainer.ui.panels.log_pane import parts

SEVERITY_STYLES: dict[Severity, str] = {"alarm": "bold $error", "warning": "bold $warning", "note": "bold $secondary"}
"""The colour of a finding, beside its name."""
_LABEL = 9
"""Cells of the words that stand before evidence and advice."""


def standing(state: RunState) -> list[Diagnosed]:
    """What holds, in the order of decision."""
    return sorted((said for said in state.findings.values() if said.active), key=lambda said: said.rank)


def headline_of(state: RunState) -> Diagnosed | None:
    """The finding that stands first, None where there is none."""
    return next(iter(standing(state)), None)


def findings_page(state: RunState, width: int, signs: Icons, keymap: Keymap) -> Content:
    """The page, at most `width` wide, with the keys of whoever reads it."""
    found = [_with_keys(said, keymap) for said in standing(state)]
    lines = _headline(found[0], state, width) if found else _nothing(state, width)
    if found[1:]:
        lines += [Content(""), Content.styled("below it", "$muted")]
        for said in found[1:]:
            lines += _other(said, width, signs)
    gone = [said for said in state.findings.values() if not said.active]
    if gone:
        names = ", ".join(f"{visible(said.finding)} (epoch {said.epoch})" for said in gone)
        lines += [Content(""), *_wrapped("before", f"{names}: no longer so", width, "$muted")]
    return Content("\n").join(lines)


def _with_keys(said: Diagnosed, keymap: Keymap) -> Diagnosed:
    """The same finding with the user's keys in place of the usual ones, which advice names in parentheses."""

    def mine(usual: str) -> str:
        action = _USUAL.get(usual)
        return usual if action is None else shown_key(action, keymap) or f"no key for {action.label}"

    advice = _NAMED.sub(lambda found: f"({mine(found[1])}", said.advice)
    return said.model_copy(update={"advice": advice, "key": "  ".join(mine(key) for key in said.key.split())})


_NAMED = re.compile(r"\((\S)(?=[):,])")
"""A key in an advice: (k), (s: staircase), (l, x3)."""
_USUAL = {key_sign(key): action for action in ACTIONS for key in action.keys}
"""What each key does where nobody has mapped it."""


def _headline(said: Diagnosed, state: RunState, width: int) -> list[Content]:
    title = HEADLINES.get(said.finding, visible(said.finding))
    since = f"since epoch {said.epoch}" if not state.over else f"found in epoch {min(said.epoch, max(state.epoch, 1))}"
    lines = [
        Content.assemble((f"! {visible(said.finding)}  ", SEVERITY_STYLES[said.severity]), (title, "bold")),
        Content.styled(f"{since}, as of step {said.step:,}", "$muted"),
        Content(""),
        *_wrapped("evidence", visible(said.evidence), width),
        *_wrapped("advice", visible(said.advice), width, "$primary"),
    ]
    if said.key:
        lines += _wrapped(
            "keys", "  ".join(f"[{visible(key)}]" for key in said.key.split("  ")), width, "bold $primary"
        )
    return lines


def _other(said: Diagnosed, width: int, signs: Icons) -> list[Content]:
    """A finding below the headline: its name and evidence in two lines, its keys at the end."""
    keys = f" ({visible(said.key)})" if said.key else ""
    rows = parts(f"{visible(said.evidence)}{keys}", max(width - 2, 8))
    name = Content.assemble(
        (f"{signs.dot} {visible(said.finding)}  ", SEVERITY_STYLES[said.severity]),
        HEADLINES.get(said.finding, ""),
        (f", since epoch {said.epoch}", "$muted"),
    )
    return [name.truncate(width, ellipsis=True), *(Content.styled(f"  {row}", "$muted") for row in rows[:2])]


def _nothing(state: RunState, width: int) -> list[Content]:
    probed = "step_quality" in state.series
    lines = [Content.styled(f"{NO_FINDING}.", "bold")]
    lines += _wrapped("", "No rule sees anything to say. That is no proof that all is well: look at the curves.", width)
    if not probed:
        lines += _wrapped(
            "", "The steps have not been probed (training.probe_every): rules about the rate need it.", width
        )
    return lines


def _wrapped(label: str, text: str, width: int, style: str = "") -> list[Content]:
    """A text in as many lines as it takes, its label before the first."""
    indent = _LABEL + 1 if label else 0
    rows = parts(text, max(width - indent, 8))
    return [
        Content.assemble((f"{label if first else '':<{indent}}", "$muted"), (row.rstrip(), style))
        for first, row in zip([True, *[False] * len(rows)], rows, strict=False)
    ]
