"""The addresses of runs on other machines, and the ssh command made of them."""

from __future__ import annotations

import shlex

import pytest

from tui_trainer.errors import UserError
from tui_trainer.session.remote.address import Address, parse_address, ssh_command


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("gpu-box:last", Address("gpu-box", "last")),
        ("ann@gpu.example.org:", Address("ann@gpu.example.org")),
        ("box:/data/my runs/x", Address("box", "/data/my runs/x")),
        ("runs/a:b", None),
        ("-oProxyCommand=x:last", None),
        ("lr>=0.1 tag=a:b", None),
        ("last", None),
    ],
)
def test_parsed(text: str, expected: Address | None) -> None:
    assert parse_address(text) == expected


def test_a_file_with_a_colon_is_a_file(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "box:log.csv").touch()
    assert parse_address("box:log.csv") is None


@pytest.mark.parametrize("text", ["box:-x", "box:a\nb", "box:\x1b[31m"])
def test_refused(text: str) -> None:
    with pytest.raises(UserError, match="not a valid HOST:RUN"):
        parse_address(text)


def test_names_reach_the_other_shell_as_one_word() -> None:
    address = Address("box", "a run; rm -rf ~", runs_dir="$HOME/my runs")
    *options, end, host, remote = address.command()
    assert (end, host) == ("--", "box")
    assert shlex.split(remote) == ["tui-trainer", "bridge", "--runs-dir=$HOME/my runs", "--", "a run; rm -rf ~"]
    assert "ServerAliveInterval=5" in options


def test_ssh_is_the_one_of_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("TUI_TRAINER_SSH", "/opt/ssh -F 'my config'")
    assert ssh_command(ask=False)[:3] == ["/opt/ssh", "-F", "my config"]
    assert "BatchMode=yes" in ssh_command(ask=False)
    monkeypatch.setenv("TUI_TRAINER_SSH", "ssh 'x")
    with pytest.raises(UserError, match="TUI_TRAINER_SSH"):
        ssh_command()
