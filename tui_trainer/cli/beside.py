"""Work that another process does while this one is busy with something else."""

from __future__ import annotations

import os
from collections.abc import Callable


class Beside:
    """A call that is made in a copy of this process, on another core, from when it is told to begin.

    The copy is made at once, while this process is small and has no threads, and sleeps until then. Where the call
    fails there, or no copy can be made, it is made again here: what it raises is raised, and what it says is said, by
    the process that a person waits for.
    """

    def __init__(self, call: Callable[[], bytes]) -> None:
        self._call = call
        self._child = 0
        told, self._tell = os.pipe()
        self._reader, writer = os.pipe()
        try:
            self._child = os.fork()
        except OSError:
            os.close(told)
            os.close(writer)
            return
        if self._child == 0:
            try:
                os.close(self._reader)
                os.close(self._tell)
                if os.read(told, 1):  # nothing comes where the other process has ended
                    with open(writer, "wb") as file:
                        file.write(call() + b"\n")
            finally:
                os._exit(0)
        os.close(told)
        os.close(writer)

    def begin(self) -> None:
        """Make the call from now on."""
        if self._child:
            os.write(self._tell, b"\n")

    def result(self) -> bytes:
        """What the call returned, once it has. To be asked for once, after `begin`."""
        os.close(self._tell)
        with open(self._reader, "rb") as file:
            found = file.read()
        if self._child:
            os.waitpid(self._child, 0)
        return found[:-1] if found.endswith(b"\n") else self._call()
