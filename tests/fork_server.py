"""Start `python -m tui_trainer ...` and hosts from a process that has imported torch already.

Importing torch and the package costs two to four seconds of CPU time, and about ninety tests start a process of their
own. `ForkServer` imports both once, in a process without threads, and forks from it: what a test gets is a process with
its own pid, session, descriptors, working directory and environment, which runs the module as `__main__` and ends like
any interpreter. Only the start-up is left out, so tests about imports and start-up start an interpreter of their own.

Linux only: elsewhere, and with `TUI_TRAINER_TESTS_FORK=0`, `popen` is `subprocess.Popen`.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

ROOT = Path(__file__).parents[1]
MODULES = ("tui_trainer.host.host", "tui_trainer")
"""The modules that may be run; anything else is started by `subprocess`."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Keep the numeric libraries from starting a pool of threads when they are imported."""
SUPPORTED = sys.platform == "linux" and os.environ.get("TUI_TRAINER_TESTS_FORK") != "0"


class ForkedProcess:
    """A process that the server forked, with the methods of `subprocess.Popen` that the tests and `launch` use."""

    def __init__(self, connection: socket.socket, args: Sequence[str], pid: int, streams: dict[int, IO[Any]]) -> None:
        self._connection = connection
        self.args = args
        self.pid = pid
        self.returncode: int | None = None
        self.stdin, self.stdout, self.stderr = (streams.get(number) for number in range(3))

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code, negative for a signal."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                message = self._connection.recv(64)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(list(self.args), timeout or 0) from None
            if not message:
                raise RuntimeError("the fork server ended")
            self.returncode = int(message)
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def communicate(self, timeout: float | None = None) -> tuple[Any, Any]:
        """Read both outputs to their ends and wait for the exit code."""
        texts: dict[int, Any] = {}
        readers = [
            threading.Thread(target=lambda number=number, stream=stream: texts.update({number: stream.read()}))
            for number, stream in enumerate((self.stdout, self.stderr))
            if stream is not None
        ]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        return texts.get(0), texts.get(1)

    def kill(self) -> None:
        """End the process at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def __del__(self) -> None:
        self._connection.close()


class ForkClient:
    """Starts processes through the server that listens at an address."""

    def __init__(self, address: str) -> None:
        self._address = address

    def popen(
        self,
        args: Sequence[str],
        *,
        stdin: Any = None,
        stdout: Any = None,
        stderr: Any = None,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        text: bool = False,
        start_new_session: bool = False,
    ) -> Any:
        """Start `[sys.executable, "-P"?, "-m", MODULE, ...]` as `subprocess.Popen` would."""
        module = _module_of(args)
        isolated = args[1] == "-P"
        request = {
            "module": module,
            "arguments": [str(argument) for argument in args[3 + isolated :]],
            "safe_path": isolated,
            "cwd": os.fspath(cwd) if cwd is not None else os.getcwd(),
            "environ": dict(os.environ if env is None else env),
            "new_session": start_new_session,
        }
        inherited, opened, streams = [], [], {}
        for number, given in enumerate((stdin, stdout, stderr)):
            if given == subprocess.PIPE:
                ends = os.pipe()
                theirs, ours = ends if number == 0 else ends[::-1]
                streams[number] = os.fdopen(ours, ("w" if number == 0 else "r") + ("" if text else "b"))
                opened.append(theirs)
            elif given == subprocess.DEVNULL:
                theirs = os.open(os.devnull, os.O_RDWR)
                opened.append(theirs)
            elif given == subprocess.STDOUT:
                theirs = inherited[1]
            else:
                theirs = number if given is None else given if isinstance(given, int) else given.fileno()
            inherited.append(theirs)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.connect(self._address)
            with tempfile.TemporaryFile() as file:  # an environment may be larger than a packet
                file.write(json.dumps(request).encode())
                file.flush()
                socket.send_fds(connection, [b"start"], [*inherited, file.fileno()])
                pid = int(connection.recv(64))
        finally:
            for descriptor in opened:
                os.close(descriptor)
        return ForkedProcess(connection, args, pid, streams)


def subprocess_with(popen: Callable[..., Any]) -> types.SimpleNamespace:
    """Return what `tui_trainer.session.launch` uses of `subprocess`, with another way to start a process."""
    names = ("PIPE", "DEVNULL", "STDOUT", "TimeoutExpired")
    return types.SimpleNamespace(Popen=popen, **{name: getattr(subprocess, name) for name in names})


def _module_of(args: Sequence[str]) -> str:
    """Return MODULE of `[sys.executable, "-m", MODULE, ...]`, with or without `-P`, else an empty text."""
    start = 2 if list(args[1:2]) == ["-P"] else 1
    return args[start + 1] if args[0] == sys.executable and list(args[start : start + 1]) == ["-m"] else ""


class ForkServer:
    """The process to fork from; started when the first test asks for a process."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._directory = tempfile.TemporaryDirectory(prefix="ttf-")
        self._address = f"{self._directory.name}/s"

    def popen(self, args: Sequence[str], **options: Any) -> Any:
        """Start a process, by `subprocess` where it cannot be forked."""
        if not (SUPPORTED and _module_of(args) in MODULES):
            return subprocess.Popen(args, **options)
        if self._process is None:
            self._start()
        return ForkClient(self._address).popen(args, **options)

    def run(
        self, args: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end without input."""
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            process = self.popen(args, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd, env=env)
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
            out.seek(0)
            err.seek(0)
            return subprocess.CompletedProcess(args, code, out.read(), err.read())

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__, self._address, "tui_trainer"],  # the name that tests look for in /proc
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT), **ONE_THREAD},
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n", "the fork server did not start"

    def close(self) -> None:
        """End the server."""
        if self._process is not None:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.close()
            self._process.wait(60)
            self._process.stdout.close()
        self._directory.cleanup()


def _import_everything() -> None:
    """Import what a host and the command line import, and leave out the modules that are run as `__main__`."""
    import sklearn.datasets
    import torch

    import tui_trainer.cli.commands.run
    import tui_trainer.cli.headless
    import tui_trainer.engine.trainer
    import tui_trainer.host.host
    import tui_trainer.host.worker
    import tui_trainer.session.launch

    torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)  # imports torch._dynamo, as any first optimizer does
    assert sklearn.datasets
    del sys.modules["tui_trainer.host.host"], tui_trainer.host.host


def _serve(address: str) -> dict[str, Any] | None:
    """Fork for each request. Returns the request in the child, None in the server when its owner has gone."""
    wake_reader, wake_writer = socket.socketpair()
    wake_reader.setblocking(False)
    wake_writer.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wake_writer.fileno())
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):  # ctrl+c ends the tests, and they end the server
        signal.signal(number, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen(64)
    selector = selectors.DefaultSelector()
    for source in (listener, wake_reader, 0):
        selector.register(source, selectors.EVENT_READ)
    waiting: dict[int, socket.socket] = {}
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj == 0:
                return None
            if key.fileobj is wake_reader:
                with contextlib.suppress(BlockingIOError):
                    wake_reader.recv(4096)
                _reap(waiting)
            else:
                connection, _ = listener.accept()
                _, descriptors, _, _ = socket.recv_fds(connection, 64, 4)
                with os.fdopen(descriptors.pop()) as file:
                    file.seek(0)
                    request = json.load(file)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    selector.close()
                    for open_socket in (listener, wake_reader, wake_writer, connection, *waiting.values()):
                        open_socket.close()
                    return {**request, "descriptors": descriptors}
                for descriptor in descriptors:
                    os.close(descriptor)
                waiting[pid] = connection
                connection.send(b"%d" % pid)


def _reap(waiting: dict[int, socket.socket]) -> None:
    """Tell the starters of processes that have ended their exit codes."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        with waiting.pop(pid) as connection, contextlib.suppress(OSError):
            connection.send(b"%d" % os.waitstatus_to_exitcode(status))


def _become(request: dict[str, Any]) -> None:
    """Make this process look as if it had been started for the request."""
    if request["new_session"]:
        os.setsid()
    for number, descriptor in enumerate(request["descriptors"]):
        os.dup2(descriptor, number)
        os.set_inheritable(number, True)
    os.closerange(3, max(request["descriptors"]) + 1)
    for number in (signal.SIGCHLD, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115 - open for as long as the process lives
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace")  # noqa: SIM115
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr
    sys.argv = ["tui-trainer", *request["arguments"]]
    if not request["safe_path"]:
        sys.path.insert(0, request["cwd"])


def _end(module: Callable[[], object]) -> NoReturn:
    """Run the module and exit as the interpreter does, without the half second that taking torch apart would cost."""
    code: object = 0
    try:
        module()
    except SystemExit as error:
        code = error.code
    except BaseException:  # noqa: BLE001 - printed, as an interpreter does
        traceback.print_exc()
        code = 1
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # pyright: ignore[reportAttributeAccessIssue]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    import gc
    import runpy

    _import_everything()
    launch = sys.modules["tui_trainer.session.launch"]
    launch.subprocess = subprocess_with(ForkClient(sys.argv[1]).popen)
    assert len(os.listdir("/proc/self/task")) == 1, "a process with threads cannot be forked"
    gc.collect()
    gc.freeze()
    started = _serve(sys.argv[1])
    if started is not None:
        _become(started)
        _end(lambda: runpy.run_module(started["module"], run_name="__main__", alter_sys=True))
