"""docs/integrations.md shows examples that run with the real libraries, and names options that exist."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks, page, rows
from tui_trainer.integrations.library_loop import OPTIONS
from tui_trainer.runs.catalog import list_runs

PAGE = page("integrations.md")
EXAMPLES = {
    "transformers": ("transformers", "hugging-face", 24),
    "pytorch_lightning": ("pytorch_lightning", "lightning", 24),
    "keras": ("keras", "keras", 6),
    "accelerate": ("accelerate", "accelerate", 8),
}
"""The package that each example needs, the name of its run, and its steps."""


@pytest.mark.long
@pytest.mark.parametrize("library", EXAMPLES)
def test_the_examples_run(library: str, tmp_path: Path) -> None:
    package, name, steps = EXAMPLES[library]
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    [example] = [
        one for one in blocks(PAGE, "python") if re.search(rf"^(?:import|from) {package}\b", one, re.MULTILINE)
    ]
    environment = {
        "PYTHONPATH": str(ROOT),
        "TUI_TRAINER_RUNS": str(tmp_path / "runs"),
        "KERAS_BACKEND": "torch",
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, cwd=tmp_path, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    [run] = list_runs(tmp_path / "runs")
    assert (run.preset, run.status, run.reason, run.step) == (name, "finished", "completed", steps)
    assert '"train_loss":[' in (Path(run.path) / "events.jsonl").read_text().replace(" ", "")


def test_the_options_and_the_versions_are_those_of_the_code() -> None:
    paragraph = PAGE[PAGE.index("All four take") : PAGE.index("## transformers")]
    named = set(re.findall(r"`(\w+)`", paragraph)) - {"Monitor"}
    assert named == set(OPTIONS)
    pins = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    tried = {cells[0].lower(): cells[2] for cells in rows(PAGE, "library")}
    assert tried.pop("lightning") == pins["pytorch-lightning"]
    assert tried == {library: pins[library] for library in ("transformers", "keras", "accelerate")}
