"""Reading TOML files: each refusal names the file and the limit."""

from __future__ import annotations

import os

import pytest

from tui_trainer.config.toml import read_toml
from tui_trainer.errors import UserError


def error(path) -> str:
    with pytest.raises(UserError) as refused:
        read_toml(path)
    return str(refused.value)


def test_a_pipe_is_not_a_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.toml")
    assert error(tmp_path / "pipe.toml") == f"{tmp_path}/pipe.toml: not a regular file"


def test_a_large_file_names_the_limit(tmp_path):
    path = tmp_path / "large.toml"
    path.write_bytes(b"#" * (64 * 1024 + 1))
    assert error(path) == f"{path}: too large (limit 64 kB)"


@pytest.mark.parametrize(
    ("text", "limit"), [("a = " + "[" * 17 + "]" * 17, "16 levels"), ("a.b.c.d.e.f.g.h.i.j = 1", "8 dots in a key")]
)
def test_deep_nesting_names_the_limit(text, limit, tmp_path):
    path = tmp_path / "deep.toml"
    path.write_text(f"\n{text}\n")
    assert error(path) == f"{path}: line 2: nested too deeply (limit {limit})"


def test_a_missing_file_gives_the_reason(tmp_path):
    assert error(tmp_path / "none.toml") == f"{tmp_path}/none.toml: cannot be read: No such file or directory"
