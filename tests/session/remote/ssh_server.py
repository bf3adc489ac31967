"""A real OpenSSH server on the loopback address with throw-away keys, behind a line that a test disturbs."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path
from time import sleep

from tests.support import wait_for

SSHD = shutil.which("sshd") or ("/usr/sbin/sshd" if os.path.exists("/usr/sbin/sshd") else "")
ROOT = Path(__file__).parents[3]
SERVER = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
"""
CLIENT = """
Host box
  HostName 127.0.0.1
  Port {port}
  IdentityFile {folder}/user
  IdentitiesOnly yes
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
"""


class Line:
    """Forwards connections to a port, as a line does that one can disturb."""

    def __init__(self, port: int) -> None:
        self.stalled = False
        self.down = False
        self.pause = 0.0
        """Seconds between two kilobytes."""
        self._to = port
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End all connections."""
        for end in self._open:
            _shut(end)
        self._open.clear()

    def close(self) -> None:
        """End everything."""
        self._listener.close()
        self.stalled = False
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self.down:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._to))
            self._open += [near, far]
            for source, target in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(1024 if self.pause else 1 << 16):
                sleep(self.pause)
                while self.stalled:
                    sleep(0.02)
                target.sendall(data)
        except OSError:
            pass
        _shut(source)
        _shut(target)


class SshServer:
    """The server, its line, and the command with which a client reaches it."""

    def __init__(self, folder: Path) -> None:
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (folder / "sshd_config").write_text(SERVER.format(port=port, folder=folder))
        command = [SSHD, "-D", "-f", str(folder / "sshd_config"), "-E", str(folder / "log")]
        self._process = subprocess.Popen(command)
        self.line = Line(port)
        (folder / "config").write_text(CLIENT.format(port=self.line.port, folder=folder))
        self.command = f"ssh -F {shlex.quote(str(folder / 'config'))} -o ServerAliveInterval=1"
        self.program = f"env {_environment()} {shlex.quote(sys.executable)} -m tui_trainer"
        """The program as the shell on the other side starts it."""
        wait_for(lambda: _listens(port), what="the ssh server")

    def close(self) -> None:
        """End the server and its connections."""
        self.line.close()
        self._process.terminate()
        self._process.wait()


def _environment() -> str:
    known = {"PYTHONPATH": str(ROOT), "XDG_RUNTIME_DIR": os.environ["XDG_RUNTIME_DIR"]}
    return " ".join(f"{name}={shlex.quote(value)}" for name, value in known.items())


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
