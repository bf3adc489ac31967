"""Work that another process does while this one is busy with something else."""

from __future__ import annotations

import os
from collections.abc import Callable


def beside(call: Callable[[], bytes]) -> Callable[[], bytes]:
    """Begin a call in a copy of this process, on another core; what is returned waits for its result.

    Where the call fails there, or no copy can be made, it is made again here: what it raises is raised, and what it
    says is said, by the process that a person waits for.
    """
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        return call
    if child == 0:
        try:
            os.close(reader)
            with open(writer, "wb") as file:
                file.write(call() + b"\n")
        finally:
            os._exit(0)
    os.close(writer)

    def result() -> bytes:
        with open(reader, "rb") as file:
            found = file.read()
        os.waitpid(child, 0)
        return found[:-1] if found.endswith(b"\n") else call()

    return result
