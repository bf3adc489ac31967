"""A configuration read line by line is what the full parser reads."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui_trainer.config.preset_library import preset_tables
from tui_trainer.runs.comparing import config_lines
from tui_trainer.runs.comparing.config_lines import config_by_lines
from tui_trainer.runs.comparing.flat_config import flat_config

LINES = [
    "", "# note", "[model]", "[model.init]", "[a.b.c]", "[[variant]]",
    "[[model.list]]", "[model.list.x]", "[[variant.x]]", "[[a.b.c]]", "x = 1", "y = 'a # b'", 'title = "[x]"',
    "lr = 1e-3", "hidden = [128, 64]", "hidden = [", "  1,", "]", 'text = """', 'it = """one"""', '"""', "a.b = 3",
    "init = { kind = 'x' }", "kind = 'mlp'", "b = 2", "x = 1 y = 2", "nan = nan", "flag = true # yes", "init = 1",
    "model = 1", "\u00e9 = 1", "x = \u00e9",
]  # fmt: skip


def written(path: Path, text: str) -> Path:
    (path / "run.toml").write_text(text, newline="")
    return path


@given(st.lists(st.sampled_from(LINES), max_size=12), st.sampled_from(["\n", "\r\n"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_lines_read_as_the_parser_reads_them(tmp_path, lines, end):
    path = written(tmp_path, end.join(lines))
    assert repr(config_by_lines(str(path))) == repr(flat_config(path))


@pytest.mark.parametrize("data", [b"\xff[[[", b"\xef\xbb\xbfx = 1\n", b"x = " + b"[" * 500 + b"]" * 500])
def test_odd_files_read_as_the_parser_reads_them(tmp_path, data):
    (tmp_path / "run.toml").write_bytes(data)
    assert config_by_lines(str(tmp_path)) == flat_config(tmp_path)


def test_the_configurations_of_hosts_need_no_parser(tmp_path, monkeypatch):
    from tui_trainer.config.preset import dump, load

    monkeypatch.setattr(config_lines, "flat_config", lambda path: pytest.fail(f"{path} was parsed"))
    for name in list(preset_tables())[:8]:
        written(tmp_path, dump(load(name).first))
        assert config_by_lines(str(tmp_path))["training.seed"] == 0
