"""The ends of runs."""

from __future__ import annotations

BROKEN = frozenset({"not-finite", "failed", "refused"})
"""Reasons of a run that has failed, where its exit code is 1."""


def has_failed(reason: str, exit_code: int) -> bool:
    """Return whether a run that ended has failed.

    One that trained to its end and could not be saved has not failed, but its exit code is 1 too.
    """
    return exit_code == 1 and reason in BROKEN
