"""The file of what a user gives a run: it keeps what it knows, survives damage, and says what cannot be written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.runs.many_runs import age, make_run
from tui_trainer.errors import UserError
from tui_trainer.runs.catalog import find_run, find_runs, list_runs
from tui_trainer.runs.keeping import editing, kept
from tui_trainer.runs.keeping.kept import NOTHING, Kept, change_kept, read_kept, tag_changes
from tui_trainer.runs.run_index import RunIndex
from tui_trainer.runs.run_info import read_run_info


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "2026-11-28_190000_wine_d0be")


def test_what_is_kept_is_one_small_file_in_the_folder(run):
    assert read_kept(run) is NOTHING
    change_kept(run, {"tags": ("b", "a")})
    assert change_kept(run, {"note": "n", "hidden": True}) == Kept(tags=("a", "b"), note="n", hidden=True)
    assert json.loads((run / "kept.json").read_text()) == {"tags": ["a", "b"], "note": "n", "hidden": True}
    change_kept(run, {"note": "", "hidden": False, "tags": ()})
    assert json.loads((run / "kept.json").read_text()) == {}
    assert sorted(os.listdir(run)) == ["about.json", "events.jsonl", "kept.json", "run.toml"]


def test_fields_of_a_later_version_stay(run):
    (run / "kept.json").write_text('{"stars": 5, "tags": ["old", 3, "not one"]}')
    change_kept(run, {"name": "mine"})
    assert json.loads((run / "kept.json").read_text()) == {"stars": 5, "tags": ["old"], "name": "mine"}


@pytest.mark.parametrize("data", [b"", b"\xff\x00{", b"[1]", b"[" * 5000, b'{"tags": "good", "note": 3, "hidden": 1}'])
def test_a_damaged_file_keeps_nothing_and_is_not_overwritten(run, data):
    (run / "kept.json").write_bytes(data)
    assert read_run_info(run).kept == NOTHING
    if not data.startswith(b"{"):
        with pytest.raises(UserError, match=r"kept.json: not a table in JSON; repair or remove it"):
            change_kept(run, {"note": "n"})
        assert (run / "kept.json").read_bytes() == data


def test_a_pipe_is_not_waited_for(run):
    os.mkfifo(run / "kept.json")
    assert read_kept(run) == NOTHING
    with pytest.raises(UserError, match=r"cannot be read: not a regular file; nothing was changed"):
        change_kept(run, {"note": "n"})


def test_a_folder_that_cannot_be_written_is_named_in_one_line(run, monkeypatch):
    change_kept(run, {"note": "first"})

    def refuse(path: Path, data: bytes) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(kept, "replace_file", refuse)
    with pytest.raises(UserError) as error:
        change_kept(run, {"note": "second"})
    assert str(error.value) == f"{run}/kept.json: cannot be written: Permission denied; nothing was changed"
    assert read_kept(run).note == "first"


TAGS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,31}", fullmatch=True)


@given(st.sets(TAGS, max_size=8), st.sets(TAGS, max_size=8), st.sampled_from(["", "+"]))
def test_tags_are_added_and_removed_like_members_of_a_set(before, words, sign):
    assert set(tag_changes([sign + word for word in words], before)) == before | words
    assert set(tag_changes([f"-{word}" for word in words], before)) == before - words


@given(st.text(min_size=1))
def test_any_other_tag_is_refused_with_its_text(word):
    refused, tags = "", ()
    try:
        tags = tag_changes([word], ())
    except UserError as error:
        refused = str(error)
    assert tags in ((word.removeprefix("+"),), ())
    assert not refused or refused.startswith(f"tag {word!r}: use 1 to 32 letters")


def test_a_new_name_is_found_and_listed_and_the_folder_stays(run):
    directory = run.parent
    other = make_run(directory / "other")
    editing.rename([find_run("d0be", directory)], "wide", list_runs(directory))
    info = find_run("wide", directory)
    assert (info.name, info.shown) == (run.name, "wide")
    assert find_run("d0be", directory) == find_run(run.name, directory) == info
    with pytest.raises(UserError, match=r"name 'wide': run '2026-11-28_190000_wine_d0be' has it already"):
        editing.rename([find_run("other", directory)], "wide", list_runs(directory))
    with pytest.raises(UserError, match="run-last"):
        editing.rename([info], "last", list_runs(directory))
    editing.rename([info], "", list_runs(directory))
    assert find_run("d0be", directory).shown == run.name
    assert other.is_dir()


def test_a_set_is_renamed_in_all_of_its_runs(tmp_path):
    for name in ("g/a", "g/b", "other"):
        make_run(tmp_path / name)
    editing.rename(find_runs("g", tmp_path), "race", list_runs(tmp_path))
    editing.rename([find_run("race/a", tmp_path)], "first", list_runs(tmp_path))
    assert {info.shown for info in find_runs("race", tmp_path)} == {"race/first", "race/b"}
    assert find_run("race/first", tmp_path).name == find_run("g/first", tmp_path).name == "g/a"
    with pytest.raises(UserError, match=r"run 'g/b' has it already"):
        editing.rename([find_run("g/a", tmp_path)], "b", list_runs(tmp_path))


def test_hidden_runs_are_the_last_to_be_meant(tmp_path):
    make_run(tmp_path / "one", started="2026-11-01T00:00:00Z")
    make_run(tmp_path / "two", started="2026-11-02T00:00:00Z")
    editing.hide([find_run("two", tmp_path)], True)
    assert find_run("last", tmp_path).name == find_run("wine", tmp_path).name == "one"
    assert find_run("two", tmp_path).name == "two"
    editing.hide([find_run("one", tmp_path)], True)
    assert find_run("wine", tmp_path).name == "two"


def test_the_index_sees_a_change_of_what_is_kept(tmp_path):
    make_run(tmp_path / "runs" / "one")
    age(tmp_path)
    index = RunIndex(tmp_path / "runs")
    (info,) = index.refresh()
    change_kept(info.path, {"tags": ("good",)})
    assert [info.kept.tags for info in index.refresh(everything=True)] == [("good",)]
