"""The server behind `tui-trainer serve`: textual-serve's pages, for who holds the token, and a terminal for each page.

a page       without the cookie: refused; with the token in the address: the cookie is set, the address loses it
the socket   the same cookie, and an origin that is this server; only it starts a program, so no prefetch does
any request  for a name that is not this machine: refused, so that no site can point its own name here
"""

# textual-serve and aiohttp belong to an extra, and need not be installed where this is checked.
# pyright: reportMissingImports=false, reportUntypedBaseClass=false, reportUntypedFunctionDecorator=false
# pyright: reportPrivateUsage=false, reportUnknownArgumentType=false, reportArgumentType=false

from __future__ import annotations

import hmac
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiohttp import web
from textual_serve.server import Server

from tui_trainer.cli.commands.serve.terminal import PageTerminal

NAMES = ("127.0.0.1", "localhost", "[::1]")
"""Names of this machine that a browser may ask for."""
MAX_SCREENS = 8
"""Pages that may have a screen at the same time."""
_REFUSED = "Open the address that tui-trainer serve printed; it holds a token.\n"


class TokenServer(Server):
    """textual-serve's server, with a token, on a socket that listens already.

    Args:
        listening: the socket.
        program: the program of each page.
        environment: variables for it.
        tell: takes lines for the user.
    """

    def __init__(
        self,
        listening: socket.socket,
        program: Sequence[str],
        environment: Mapping[str, str],
        tell: Callable[[str], None],
    ) -> None:
        port = listening.getsockname()[1]
        super().__init__(" ".join(program), host="127.0.0.1", port=port, title="tui-trainer")
        self._program, self._environment, self._tell = program, environment, tell
        self._token = secrets.token_urlsafe(24)
        self._cookie = f"tui-trainer-{port}"
        self._screens = 0

    def initialize_logging(self) -> None:
        """Leave the log as it is."""

    async def on_startup(self, app: Any) -> None:
        """Print the address."""
        self._tell(f"open http://127.0.0.1:{self.port}/?token={self._token}")
        self._tell(f"from another machine: ssh -L {self.port}:127.0.0.1:{self.port} HOST, then the same address there")
        self._tell("ctrl+c ends the server; what trains goes on")

    async def _make_app(self) -> Any:
        app = await super()._make_app()
        app.middlewares.append(self._check)
        return app

    @web.middleware
    async def _check(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        if request.host.rpartition(":")[0] not in NAMES and request.host not in NAMES:
            return web.Response(status=403, text="This server answers to the names of its own machine only.\n")
        given = request.query.get("token")
        if request.path == "/" and given is not None:
            return self._let_in(request, given)
        if not hmac.compare_digest(request.cookies.get(self._cookie, "").encode(), self._token.encode()):
            return web.Response(status=403, text=_REFUSED)
        if request.path == "/ws" and request.headers.get("Origin") != f"http://{request.host}":
            return web.Response(status=403, text="The page of another server may not connect.\n")
        if "Sec-Purpose" in request.headers:
            return web.Response(status=503, text="Not in advance.\n")
        response = await handler(request)
        if not response.prepared:
            response.headers["Cache-Control"] = "no-store" if request.path == "/" else "private"
            response.headers["Referrer-Policy"] = "no-referrer"
            response.headers["X-Frame-Options"] = "DENY"
            own = f"'self' 'unsafe-inline' data: blob: ws://{request.host}"
            response.headers["Content-Security-Policy"] = f"default-src {own}"  # its pages ask for a font elsewhere
        return response

    def _let_in(self, request: Any, given: str) -> Any:
        """Keep the right token as a cookie, and drop it from the address."""
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return web.Response(status=403, text=_REFUSED)
        response = web.Response(status=303, headers={"Location": "/", "Referrer-Policy": "no-referrer"})
        response.set_cookie(self._cookie, self._token, httponly=True, samesite="Strict", path="/")
        return response

    async def handle_index(self, request: Any) -> Any:
        """Return the page, with addresses under the name and port by which it was asked for."""
        self.public_url = f"http://{request.host}"
        return await super().handle_index(request)

    async def handle_websocket(self, request: Any) -> Any:
        """Give a page a terminal with the program, until one of the two ends."""
        page = web.WebSocketResponse(heartbeat=15, max_msg_size=1 << 20)
        await page.prepare(request)
        if self._screens >= MAX_SCREENS:
            await page.close(message=b"too many screens")
            return page
        terminal = PageTerminal(self._program, self._environment, page.send_bytes, page.close)
        self._screens += 1
        try:
            await terminal.start(_size(request, "width", 80), _size(request, "height", 24))
            await self._process_messages(page, terminal)
        finally:
            self._screens -= 1
            await terminal.stop()
        return page


def _size(request: Any, name: str, otherwise: int) -> int:
    given = request.query.get(name, "")
    return int(given) if given.isascii() and given.isdecimal() and len(given) < 6 else otherwise


def serve(
    listening: socket.socket, program: Sequence[str], environment: Mapping[str, str], tell: Callable[[str], None]
) -> None:
    """Serve pages until ctrl+c."""
    server = TokenServer(listening, program, environment, tell)
    web.run_app(server._make_app(), sock=listening, print=None, handle_signals=True, access_log=None)
