"""The places of a loop at which one of several processes meets the others; one process alone does nothing there."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext


class OneProcess:
    """A loop that one process trains."""

    alone = True
    """Whether commands are obeyed at the next boundary, without asking others."""
    leads = True
    """Whether this process has the folder of the run."""

    def loop_begins(self) -> None:
        """Take in that a loop begins; one of several processes meets the others."""

    def loop_ends(self, *, whole: bool) -> None:
        """Take in that a loop over a loader ended, after its last batch or before."""

    def agree(self) -> None:
        """Agree with other processes on what the end of an epoch decided."""

    def undisturbed(self, error: BaseException | None) -> AbstractContextManager[None]:
        """Return what keeps interrupts away while the end of the run is written."""
        del error
        return nullcontext()

    def cut_off(self) -> BaseException | None:
        """Return the exit of this process that kept the run from being closed before; None where there was none."""
        return None

    def leave_others(self, error: BaseException | None) -> None:
        """Let other processes know that this one leaves its loop."""

    def reason_of(self, error: BaseException) -> str:
        """Return why another process is the cause of an error; empty where it is not."""
        del error
        return ""

    def look_at_others(self) -> None:
        """Look whether other processes live; called about once a second by the thread that serves viewers."""
