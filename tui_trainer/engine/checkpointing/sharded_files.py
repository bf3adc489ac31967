"""Tensors of a checkpoint that lie in files of their own: those that several ranks have written together.

`last.safetensors` of such a run holds everything but the sharded tensors. It names a folder beside it, with the whole
tensors in safetensors files under the names that Hugging Face gives to files of weights, and their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

from safetensors import safe_open

from tui_trainer.platform_support import sync_file

SHARDED = "sharded"
"""Key of a checkpoint: the folder of its sharded tensors, and the SHA-256 of each file in it."""
ELSEWHERE = "$sharded"
"""Key that stands in the tree in place of a tensor: its name in the files."""
_FOLDER = re.compile(r"sharded-\d+-\d+")
_PIECE = 1 << 22


def free_folder(directory: Path, step: int) -> str:
    """Return the name of a folder that is not there yet."""
    number = 1
    while (directory / f"{SHARDED}-{step}-{number}").exists():
        number += 1
    return f"{SHARDED}-{step}-{number}"


def sealed(folder: Path) -> dict[str, str]:
    """Make the files of a folder durable. Returns the SHA-256 of each."""
    digests: dict[str, str] = {}
    for path in sorted(folder.glob("*.safetensors")):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            sync_file(descriptor)
        finally:
            os.close(descriptor)
        digests[path.name] = _digest(path)
    return digests


def with_files(tree: Any, directory: Path) -> Any:
    """Return a tree with the tensors that lie in files of their own. Nothing in a file is ever executed.

    Raises:
        ValueError: a file is missing, torn or altered.
    """
    if not isinstance(tree, dict) or SHARDED not in tree:
        return tree
    entry = tree[SHARDED]
    name = str(entry["folder"])
    if not _FOLDER.fullmatch(name):
        raise ValueError(f"not a folder of sharded tensors: {name!r:.60}")
    tensors: dict[str, Any] = {}
    for file, digest in entry["sha256"].items():
        path = directory / name / Path(file).name
        if not path.is_file():
            raise ValueError(f"{name}/{path.name} is missing")
        if _digest(path) != digest:
            raise ValueError(f"{name}/{path.name}: altered or torn: wrong checksum")
        with safe_open(path, framework="pt") as opened:
            content: Any = opened
            tensors |= {each: content.get_tensor(each) for each in content.keys()}  # noqa: SIM118 - no mapping
    return _filled({key: value for key, value in tree.items() if key != SHARDED}, tensors)


def _filled(tree: Any, tensors: dict[str, Any]) -> Any:
    if isinstance(tree, dict):
        if len(tree) == 1 and ELSEWHERE in tree:
            return tensors[tree[ELSEWHERE]]
        return {key: _filled(value, tensors) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(_filled(value, tensors) for value in tree)
    return tree


def set_apart(tree: Any) -> tuple[Any, dict[str, Any]]:
    """Return a tree with the names of its sharded tensors in their place, and those tensors.

    The weights of the model keep their names in it, as other programs look for them.
    """
    found: dict[str, Any] = {}

    def walk(value: Any, path: str) -> Any:
        if hasattr(value, "device_mesh"):
            name = path.removeprefix("model.")
            found[name] = value.detach()
            return {ELSEWHERE: name}
        if isinstance(value, dict):
            return {key: walk(each, f"{path}.{key}" if path else str(key)) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(walk(each, f"{path}.{index}") for index, each in enumerate(value))
        return value

    return walk(tree, ""), found


def remove_unnamed(directory: Path) -> None:
    """Remove the folders that no checkpoint names any more; none where a checkpoint cannot be read."""
    try:
        named = {_folder_of(path) for path in directory.glob("*.safetensors")}
        for path in directory.glob(f"{SHARDED}-*"):
            if _FOLDER.fullmatch(path.name) and path.name not in named:
                shutil.rmtree(path, ignore_errors=True)
    except (OSError, ValueError, LookupError, TypeError):
        return


def _folder_of(path: Path) -> str:
    """Return the folder that a checkpoint names, empty where it names none."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return str(json.loads(header["__metadata__"]["state"]).get(SHARDED, {}).get("folder", ""))


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
