"""Control sequences that reach beyond the screen: title, bell and notifications of the desktop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from tui_trainer.text import cut, visible

Notify = Literal["auto", "osc9", "osc777", "off"]
"""The control sequence of notifications: chosen by the terminal's name, one of the two, or none."""
KEEP_TITLE = "\x1b[22;2t"
"""Asks the terminal to keep its title."""
GIVE_TITLE_BACK = "\x1b]2;\x07\x1b[23;2t"
"""Clears the title, and asks for the one that was kept: a terminal that keeps none is left without ours."""
BELL = "\x07"
MAX_CELLS = 120
"""Longest title or notification."""
_OSC_777 = ("foot", "rxvt", "urxvt")
"""Beginnings of `TERM` of the terminals that understand OSC 777 alone; so do those built on VTE."""


def plain(text: str) -> str:
    """Return a text that cannot end a control sequence or begin another part of it."""
    return cut(visible(text).replace(";", ","), MAX_CELLS)


def title_sequence(text: str) -> str:
    """Return the sequence that sets the title of the terminal."""
    return f"\x1b]2;{plain(text)}\x07"


def has_title(environ: Mapping[str, str]) -> bool:
    """Return whether the terminal has a title: a console has none and would print it."""
    return environ.get("TERM", "") not in ("linux", "dumb", "unknown", "")


def notification_sequence(title: str, text: str, notify: Notify, environ: Mapping[str, str]) -> str:
    """Return the sequence that asks the terminal for a notification; empty where it cannot show one.

    tmux passes it on where its option `allow-passthrough` is on, and drops it elsewhere. GNU screen drops it.
    """
    if notify == "off" or not has_title(environ) or environ.get("STY"):
        return ""
    name = environ.get("TERM", "")
    if notify == "auto":
        notify = "osc777" if name.startswith(_OSC_777) or "VTE_VERSION" in environ else "osc9"
    title, text = plain(title), plain(text)
    # A number in front would be read as a command of ConEmu.
    sequence = f"\x1b]777;notify;{title};{text}\x07" if notify == "osc777" else f"\x1b]9;{title}: {text}\x07"
    if environ.get("TMUX"):
        return "\x1bPtmux;{}\x1b\\".format(sequence.replace("\x1b", "\x1b\x1b"))
    return sequence
