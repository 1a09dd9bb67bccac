"""The server's side of WSGI, shared by the answer check and the timed loop."""

from __future__ import annotations

import io
from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

    from benchmarks.cases import Case

# What a browser behind a reverse proxy sends: frameworks that look at headers lazily
# should neither gain nor lose by a request with hardly any.
BROWSER_HEADERS = {
    "Host": "localhost",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br",
    "Connection": "keep-alive",
}


class Request:
    """A recipe for environs: frameworks write into them, so each call gets its own."""

    def __init__(self, case: Case) -> None:
        self.errors = io.StringIO()
        self._body = case.body
        self._template = self._describe(case)

    def _describe(self, case: Case) -> WSGIEnvironment:
        environ: WSGIEnvironment = {
            "REQUEST_METHOD": case.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": case.path,
            "QUERY_STRING": case.query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": self.errors,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in {**BROWSER_HEADERS, **case.headers}.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        if case.body:
            environ["CONTENT_TYPE"] = case.content_type
            environ["CONTENT_LENGTH"] = str(len(case.body))
        return environ

    def replay(self, cookies: SimpleCookie) -> None:
        """Send *cookies* back from now on, as a browser would."""
        pairs = (f"{name}={morsel.coded_value}" for name, morsel in cookies.items())
        self._template["HTTP_COOKIE"] = "; ".join(pairs)

    def environ(self) -> WSGIEnvironment:
        environ = self._template.copy()
        environ["wsgi.input"] = io.BytesIO(self._body)
        return environ


class Exchange:
    """Calls an application the way a server does: start, iterate to the end, close."""

    def __init__(self) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self._chunks: list[bytes] = []

    def start_response(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: OptExcInfo | None = None,
        /,
    ) -> Callable[[bytes], Any]:
        self.status = status
        self.headers = headers
        return self._chunks.append

    def run(self, app: WSGIApplication, environ: WSGIEnvironment) -> bytes:
        chunks: list[bytes] = []
        self._chunks = chunks
        iterable = app(environ, self.start_response)
        try:
            chunks.extend(iterable)
        finally:
            close = getattr(iterable, "close", None)
            if close is not None:
                close()
        return b"".join(chunks)

    @property
    def status_code(self) -> int:
        return int(self.status[:3])

    def header(self, name: str) -> str | None:
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None

    def cookies(self) -> SimpleCookie:
        jar = SimpleCookie()
        for key, value in self.headers:
            if key.lower() == "set-cookie":
                jar.load(value)
        return jar
