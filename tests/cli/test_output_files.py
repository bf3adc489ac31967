"""What the user has is not overwritten without being asked, and a setting that does nothing is refused."""

from __future__ import annotations

import os

import pytest

from tui_trainer.config.preset import load, preset_names
from tui_trainer.config.unused_settings import refuse_unused


@pytest.mark.parametrize("arguments", [("-o", "out.csv"), ()])
def test_export_overwrites_a_file_only_when_asked(finished, arguments):
    shell, _ = finished
    path = shell.directory / (arguments[-1] if arguments else "done.csv")
    path.write_text("mine\n")
    done = shell("export", "done", "--to", "csv", *arguments)
    assert done.code == 2
    assert done.err == (
        f"tui-trainer: '{path.name}' exists and was not changed: add --force to overwrite it, or name another file\n"
    )
    assert path.read_text() == "mine\n"
    done = shell("export", "done", "--to", "csv", *arguments, "--force")
    assert done.code == 0
    assert path.read_text().startswith("step,epoch,seconds,")
    path.unlink()
    assert shell("export", "done", "--to", "csv", *arguments).code == 0
    assert path.read_text().startswith("step,epoch,seconds,")


def test_export_writes_to_a_device(finished):
    shell, _ = finished
    assert shell("export", "done", "--to", "csv", "-o", os.devnull).code == 0


def test_export_follows_no_link_to_a_file_that_it_would_create(finished):
    shell, _ = finished
    (shell.directory / "link.csv").symlink_to(shell.directory / "nowhere.csv")
    assert shell("export", "done", "--to", "csv", "-o", "link.csv").code == 2
    assert not (shell.directory / "nowhere.csv").exists()


def test_a_page_is_overwritten_only_when_asked(shell):
    page = shell.directory / "page.md"
    page.write_text("mine\n")
    done = shell("lecture", "--check", "S01", "--markdown", "page.md")
    assert done.code == 2
    assert done.err == (
        "tui-trainer: --markdown 'page.md' exists and was not changed: add --force to overwrite it, "
        "or name another file\n"
    )
    assert page.read_text() == "mine\n"
    assert shell("lecture", "--check", "S01", "--force").code == 2


@pytest.mark.parametrize(("name", "means"), [("last", "the newest run"), ("2", "a number of a list")])
def test_a_variant_cannot_have_a_name_that_means_another_run(shell, name, means):
    (shell.directory / "group.toml").write_text(f'[[variant]]\nname = "{name}"\n[[variant]]\nname = "b"\n')
    done = shell("run", "group.toml", "--headless")
    assert done.code == 2
    assert f"variant.name '{name}': this means {means} in other commands; choose another" in done.err
    assert shell.runs == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("data.clip=3", "data.standardise=false"), "data.clip = 3 bounds standardised inputs"),
        (
            ("data.kind=text", "data.clip=3", "model.kind=transformer"),
            'data.clip = 3 bounds standardised inputs, and "text" has symbols',
        ),
        (
            ("scheduler.kind=plateau", "training.validate_every=4"),
            "scheduler.watch = 'val_loss' is measured only after the last epoch, with training.validate_every = 4 of 4",
        ),
        (("early_stopping.monitor=val_f1",), "early_stopping.monitor: 'val_f1' is not measured"),
        (("data.validation=0",), "data.validation"),
    ],
)
def test_a_setting_that_would_do_nothing_is_refused(shell, settings, message):
    done = shell("run", "tiny.toml", "--headless", *settings)
    assert done.code == 2
    assert message in done.err
    assert shell.runs == []


def test_no_preset_has_a_setting_that_does_nothing():
    for name in preset_names():
        for config in load(name).runs.values():
            refuse_unused(config, name)
