"""The environment of host processes."""

from __future__ import annotations

import os
from pathlib import Path


def environment() -> dict[str, str]:
    """Return the environment of this process, with this package on `PYTHONPATH`."""
    package = str(Path(__file__).parents[3])
    inherited = os.environ.get("PYTHONPATH", "")
    return {**os.environ, "PYTHONPATH": os.pathsep.join(part for part in (package, inherited) if part)}
