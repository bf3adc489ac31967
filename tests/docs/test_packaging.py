"""pyproject.toml, constraints.txt, the workflow and the changelog agree with each other."""

from __future__ import annotations

import json
import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tui_trainer
from tests.docs.pages import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
PINS = {
    canonicalize_name(name): pin
    for name, pin in re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
}
REQUIREMENTS = [
    *PROJECT["dependencies"],
    *(one for extra in PROJECT["optional-dependencies"].values() for one in extra),
]


def test_the_version_is_written_once() -> None:
    assert "version" in PROJECT["dynamic"]
    assert PYPROJECT["tool"]["hatch"]["version"]["path"] == "tui_trainer/__init__.py"
    assert f"## [{tui_trainer.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_every_requirement_is_pinned_within_its_range(requirement: str) -> None:
    wanted = Requirement(requirement)
    assert wanted.specifier.contains(PINS[canonicalize_name(wanted.name)])


def test_the_workflow_tests_the_versions_that_the_classifiers_name() -> None:
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    matrix = re.search(r"python: (\[.*\])", workflow)
    assert matrix is not None
    named = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if one.startswith("Programming Language")]
    assert json.loads(matrix[1]) == [one for one in named if "." in one]
    assert f">={json.loads(matrix[1])[0]}" == PROJECT["requires-python"]


def test_the_package_is_typed() -> None:
    assert (ROOT / "tui_trainer" / "py.typed").is_file()
    assert "Typing :: Typed" in PROJECT["classifiers"]
