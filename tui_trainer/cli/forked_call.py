"""Work that another process does while this one is busy with something else."""

from __future__ import annotations

import os
import select
from collections.abc import Callable


class ForkedCall:
    """A call that is made from now on in a copy of this process, on another core.

    Where it fails there, or no copy can be made, it is made again here: what it raises is raised, and what it says is
    said, by the process that a person waits for.
    """

    def __init__(self, call: Callable[[], bytes]) -> None:
        self._call = call
        self._child = 0
        self._reader, writer = os.pipe()
        try:
            self._child = os.fork()
        except OSError:
            os.close(writer)
            return
        if self._child == 0:
            try:
                os.close(self._reader)
                with open(writer, "wb") as file:
                    file.write(call() + b"\n")
            finally:
                os._exit(0)
        os.close(writer)

    @property
    def ended(self) -> bool:
        """Whether `result` would not have to wait for the copy."""
        return bool(select.select([self._reader], [], [], 0)[0])

    def result(self) -> bytes:
        """What the call returned, once it has. To be asked for once."""
        with open(self._reader, "rb") as file:
            found = file.read()
        if self._child:
            os.waitpid(self._child, 0)
        return found[:-1] if found.endswith(b"\n") else self._call()
