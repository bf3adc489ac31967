"""The state file: any state round-trips, any bytes load, and two screens keep each other's projects."""

from __future__ import annotations

import json
import os
import stat
import threading
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tui_trainer.ui.charts.composed.page_choice import GRIDS
from tui_trainer.ui.charts.composed.series_chart import SeriesChart
from tui_trainer.ui.charts.view import AXES, Limits
from tui_trainer.ui.preferences.screen_state import (
    MAX_BYTES,
    MAX_PROJECTS,
    ProjectState,
    ScreenState,
    UnusableState,
    dump,
    load,
    parse,
    update,
)

NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)
ENDS = st.none() | st.floats(-1e9, 1e9)
LIMITS = st.builds(Limits, st.tuples(ENDS, ENDS), st.tuples(ENDS, ENDS)).filter(bool)
TITLES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=60)
CHARTS = st.lists(
    st.builds(
        SeriesChart,
        TITLES,
        st.lists(NAMES, min_size=1, max_size=6, unique=True).map(tuple),
        axis=st.none() | st.sampled_from((*AXES, "axis/tokens")),
        log=st.none() | st.booleans(),
        smoothing=st.none() | st.integers(0, 1000),
        own=st.just(True),
    ),
    max_size=3,
    unique_by=lambda chart: chart.title,
).map(tuple)
PROJECTS = st.builds(
    ProjectState,
    axis=st.sampled_from(AXES),
    log=st.dictionaries(NAMES, st.booleans(), max_size=4),
    log_x=st.booleans(),
    clip=st.booleans(),
    smoothing=st.none() | st.integers(0, 1000),
    median=st.booleans(),
    band=st.none() | st.booleans(),
    chart=st.just("") | NAMES,
    alone=st.booleans(),
    page=st.just("") | NAMES,
    log_all=st.booleans(),
    charts=CHARTS,
    grid=st.sampled_from(GRIDS),
    charts_page=st.integers(0, 1000),
    filter=st.sampled_from(("", "val.*loss", "^a|b$")),
    limits=st.dictionaries(
        NAMES, st.builds(Limits, st.tuples(ENDS, ENDS), st.tuples(ENDS, ENDS)).filter(bool), max_size=2
    ),
)
STATES = st.builds(ScreenState, NAMES, NAMES, st.dictionaries(st.text(max_size=60), PROJECTS, max_size=3))


@given(STATES)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_state_round_trips_with_the_order_of_its_projects(state: ScreenState) -> None:
    again = parse(dump(state))
    assert again == state
    assert list(again.projects) == list(state.projects)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)
SHAPED = st.fixed_dictionaries(
    {"version": st.just(1) | JSON, "projects": st.dictionaries(st.text(max_size=5), JSON, max_size=3) | JSON},
    optional={"theme": JSON, "theme_over": JSON},
)
FIELDS = st.fixed_dictionaries({}, optional=dict.fromkeys((known.name for known in fields(ProjectState)), JSON))


@given(st.binary(max_size=200) | SHAPED.map(lambda table: json.dumps(table).encode()))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_load(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(data)
    state, unusable = load(path)
    assert unusable is None or (state == ScreenState() and "\n" not in str(unusable))
    assert parse(dump(state)) == state


@given(FIELDS)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_value_that_is_not_allowed_is_the_default_and_the_others_stay(table: dict[str, object]) -> None:
    data = json.dumps({"version": 1, "projects": {"/runs": {**table, "axis": "epoch"}, "/other": {"log_x": True}}})
    state = parse(data.encode())
    assert state.projects["/runs"].axis == "epoch"
    assert state.projects["/other"] == ProjectState(log_x=True)
    assert parse(dump(state)) == state


def test_a_damaged_chart_is_left_out_and_the_others_stay() -> None:
    good = {"title": "both", "series": ["a/x", "gone/since"], "axis": "time", "log": True}
    bad = [{"title": "none", "series": []}, {"series": ["a/x"]}, {"title": "t\n", "series": ["a/x"]}, 7, good]
    damaged = {"title": "other", "series": ["a/x", 7, "a/x"], "axis": "sideways", "log": "yes", "smoothing": -1}
    table = {"charts": [*bad, good, damaged], "grid": [9, 9], "charts_page": True, "filter": "["}
    project = parse(json.dumps({"version": 1, "projects": {"/runs": table}}).encode()).projects["/runs"]
    assert project == ProjectState(
        charts=(
            SeriesChart("both", ("a/x", "gone/since"), axis="time", log=True, own=True),
            SeriesChart("other", ("a/x",), own=True),
        )
    )


def test_the_file_stays_small_and_keeps_the_projects_used_last() -> None:
    state = ScreenState(theme="nord")
    for index in range(5 * MAX_PROJECTS):
        project = ProjectState(log={f"chart{k}": True for k in range(9)})
        state = state.with_project(f"/home/{'deep/' * 40}{index}", project)
    data = dump(state)
    kept = parse(data)
    assert len(data) <= MAX_BYTES
    assert kept.theme == "nord"
    assert 0 < len(kept.projects) <= MAX_PROJECTS
    assert list(kept.projects) == list(state.projects)[-len(kept.projects) :]


def test_a_project_that_is_used_again_is_the_last_to_be_dropped() -> None:
    state = ScreenState().with_project("/a", ProjectState()).with_project("/b", ProjectState())
    assert list(state.with_project("/a", ProjectState(log_x=True)).projects) == ["/b", "/a"]


def test_screens_that_write_at_a_time_keep_each_others_projects(tmp_path: Path) -> None:
    path = tmp_path / "config" / "screen.json"

    def write(name: str) -> None:
        for width in range(5):
            project = ProjectState(smoothing=width)
            while not update(path, lambda state: state.with_project(name, project)):  # noqa: B023
                pass

    threads = [threading.Thread(target=write, args=(f"/runs-{k}",)) for k in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert load(path)[0].projects == {f"/runs-{k}": ProjectState(smoothing=4) for k in range(3)}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x00\xff", "not JSON"),
        (b"[1, 2]", "not a state file"),
        (b'{"theme": "nord"}', "not a state file"),
        (b'{"version": true}', "not a state file"),
    ],
)
def test_a_damaged_or_foreign_file_is_ignored_with_a_reason_and_replaced(
    tmp_path: Path, data: bytes, words: str
) -> None:
    path = tmp_path / "screen.json"
    path.write_bytes(data)
    state, unusable = load(path)
    assert state == ScreenState()
    assert unusable is not None
    assert words in str(unusable)
    assert update(path, lambda state: state.with_project("/runs", ProjectState(median=True)))
    assert load(path)[0].projects == {"/runs": ProjectState(median=True)}


def test_a_file_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"
    path.write_text('{"version": 2, "theme": {"name": "nord"}}')
    before = path.read_bytes()
    _, unusable = load(path)
    assert isinstance(unusable, UnusableState)
    assert unusable.later
    assert not update(path, lambda state: state)
    assert path.read_bytes() == before


def test_neither_a_pipe_nor_a_large_file_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b" " * (MAX_BYTES + 1))
    for name in ("pipe", "large"):
        state, unusable = load(tmp_path / name)
        assert state == ScreenState()
        assert unusable is not None


def test_a_place_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert not update(tmp_path / "file" / "screen.json", lambda state: state)
    assert load(tmp_path / "file" / "screen.json")[0] == ScreenState()
    if os.getuid():
        folder = tmp_path / "read-only"
        folder.mkdir(mode=stat.S_IRUSR | stat.S_IXUSR)
        assert not update(folder / "screen.json", lambda state: state)
    assert load(None) == (ScreenState(), None)
