"""A run has the same hue wherever and in whatever order it is opened."""

from __future__ import annotations

import json
import random
from collections import Counter

from tui_trainer.host.spec import RunSpec, colors_of
from tui_trainer.state.colors import HUES, assign_colors, preferred_color

RACE = [f"2026-11-28_192134_optimizer-race_af0c/{name}" for name in ("sgd", "momentum", "adam", "rmsprop", "adagrad")]


def test_a_variant_prefers_the_same_hue_in_every_set():
    assert {preferred_color(f"{group}/adam") for group in ("one", "another", "a third")} == {preferred_color("adam")}
    assert set(map(preferred_color, map(str, range(100)))) == set(range(HUES))


def test_no_two_runs_of_a_set_share_a_hue_whatever_their_order():
    expected = assign_colors(RACE)
    assert len(set(expected.values())) == len(RACE)
    for seed in range(20):
        names = list(RACE)
        random.Random(seed).shuffle(names)
        assert assign_colors(names) == expected


def test_a_set_of_more_runs_than_hues_uses_each_hue_about_as_often():
    counts = Counter(assign_colors(map(str, range(63))).values())
    assert sorted(counts.values()) == [7] + [8] * 7


def test_stored_hues_come_before_preferred_ones():
    taken = preferred_color("adam")
    colors = assign_colors(["adam", "zzz"], {"zzz": taken, "adam": None})
    assert colors["zzz"] == taken
    assert colors["adam"] != taken


def spec(name: str, path: str, *, resume: bool) -> RunSpec:
    return RunSpec(name=name, path=path, config={}, resume=resume)


def test_a_resumed_run_keeps_the_hue_of_its_set(tmp_path):
    for number, name in enumerate(("a", "b")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "about.json").write_text(json.dumps({"color": 5 + number}))
    alone = colors_of([spec("set/b", str(tmp_path / "b"), resume=True)])
    assert alone == {"set/b": 6}
    (tmp_path / "b" / "about.json").write_text('{"color": "red"}')
    assert colors_of([spec("set/b", str(tmp_path / "b"), resume=True)]) == {"set/b": preferred_color("b")}
