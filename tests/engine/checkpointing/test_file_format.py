"""Checkpoints: whole or refused, and nothing in them is ever run."""

from __future__ import annotations

import json
import pickle  # noqa: TID251 - to show that it is refused
import random

import pytest
import safetensors
import torch

from tui_trainer.engine.checkpointing.file_format import BadCheckpoint, load, parse, save, serialise
from tui_trainer.engine.checkpointing.state_tree import copied, flatten, unflatten

TREE = {
    "model": {"w": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(1.5)},
    "optimizer": {
        "state": {0: {"step": torch.tensor(3.0), "exp_avg": torch.zeros(2, 3)}},
        "groups": [{"betas": (0.9, 0.999)}],
    },
    "numbers": [1, 2.5, None, True, float("inf")],
    "empty": {},
}


def equal(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b) and a.dtype == b.dtype
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(equal, a, b))
    return a == b


def test_a_tree_comes_back_with_its_types(tmp_path):
    save(tmp_path / "x.safetensors", TREE)
    assert equal(load(tmp_path / "x.safetensors"), TREE)
    assert equal(unflatten(*flatten(TREE)), TREE)


def test_other_tools_open_it_as_plain_safetensors(tmp_path):
    path = tmp_path / "x.safetensors"
    save(path, TREE)
    with safetensors.safe_open(path, "pt") as file:
        assert torch.equal(file.get_tensor("model.w"), TREE["model"]["w"])
        assert json.loads(file.metadata()["state"])["numbers"][:2] == [1, 2.5]


def test_every_flipped_bit_and_every_cut_is_noticed():
    data = serialise(TREE)
    source = random.Random(0)
    for _ in range(400):
        altered = bytearray(data)
        altered[source.randrange(len(data))] ^= 1 << source.randrange(8)
        with pytest.raises(BadCheckpoint):
            parse(altered, "x")
    for end in (0, 1, 7, 8, 9, 100, len(data) - 1):
        with pytest.raises(BadCheckpoint):
            parse(bytearray(data[:end]), "x")


class Evil:
    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Evil()),
        b"PK\x03\x04" + b"\0" * 100,
        (2**63).to_bytes(8, "little") + b"{}",
        (10).to_bytes(8, "little") + b'{"a":1}   ',
        (2).to_bytes(8, "little") + b"{}",
        b"",
        b"\0" * 64,
        (60).to_bytes(8, "little") + b'{"__metadata__":{"sha256":"' + b"0" * 64 + b'"}}',
    ],
)
def test_files_that_are_something_else_are_refused_and_nothing_runs(tmp_path, data):
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    with pytest.raises(BadCheckpoint):
        load(path)


def test_a_missing_file_is_refused_in_words(tmp_path):
    with pytest.raises(BadCheckpoint, match="No such file"):
        load(tmp_path / "x.safetensors")


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    save(path, TREE)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tui_trainer.runs.atomic_write.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save(path, {"other": torch.zeros(3)})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.safetensors"]


def test_a_copy_shares_nothing():
    twin = copied(TREE)
    twin["model"]["w"][0, 0] = 99
    assert TREE["model"]["w"][0, 0] == 0


def test_what_is_no_plain_file_is_refused_and_not_waited_for(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "folder.safetensors").mkdir()
    with open(tmp_path / "huge.safetensors", "wb") as file:
        file.truncate(1 << 43)
    for name in ("pipe", "folder", "huge"):
        with pytest.raises(BadCheckpoint):
            load(tmp_path / f"{name}.safetensors")
