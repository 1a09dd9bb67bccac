"""The access log: a line for each request, written when it has ended."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from time import gmtime, perf_counter, strftime, time_ns
from typing import TYPE_CHECKING, Any, NamedTuple

from .context import Context
from .logging import ServerHandler, has_level_handler
from .request import decoded

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

#: Gets the lines, of level INFO; configure it like any other logger.
logger = logging.getLogger("microweb.access")

#: How much of what a client sends stands in a line, in characters: what collects lines breaks long
#: ones (journald at 48 KiB), and what comes behind the break would look like a line of its own.
LONGEST = 2_000


#: Writes to the server's error stream, where no other handler would get the lines.
handler = ServerHandler()


class AccessLog:
    """Writes a line for each request of an application.

    A line has the time of its end, the address of the client, method and path (not the query
    string, where secrets may be), the rule that matched, the status, the bytes of the body, the
    milliseconds since the application was called, the id, and how the request ended: ``complete``,
    ``cut`` where the server closed a stream before its end, mostly because the client has gone, or
    ``failed`` where an exception went to the server. A file that is handed to the server counts as
    its `Content-Length`, and its request ends before it is sent; one that `X-Sendfile` names counts
    as no bytes, as none went through the application.

    As text the fields stand in this order, ``-`` for one that is not known, and the end only where
    it is not ``complete``; a value that could be taken for something else is quoted as in JSON, and
    one of more than 2,000 characters cut, with ``…`` at its end::

        2026-03-01T12:00:00.123Z 192.0.2.7 "GET /users/7" "/users/<int:id>" 200 9 0.341ms 5f3c…

    As JSON they are the members ``time``, ``client``, ``method``, ``path``, ``route``, ``status``,
    ``bytes``, ``ms``, ``request_id`` and ``end``.

    :param form: ``"text"`` or ``"json"``: one document on one line.
    """

    def __init__(self, form: str) -> None:
        self._formatted = _FORMS[form]
        if not logger.level:
            logger.setLevel(logging.INFO)
        if not has_level_handler(logger):
            logger.addHandler(handler)

    def entry(self, context: Context, start_response: StartResponse) -> Entry | None:
        """Return what watches a request; None where nobody takes its line, or a server has its own.

        :param context: The context of the request.
        :param start_response: What the server handed over.
        """
        if not logger.isEnabledFor(logging.INFO) or _is_logged_by_werkzeug(
            (context.environ or {}).get("SERVER_SOFTWARE", "")
        ):
            return None
        return Entry(context, start_response, self._formatted)


def access_log(form: str | None, warn: Callable[..., None]) -> AccessLog | None:
    """Return what writes the lines, or None where they are not wanted or the server writes its own.

    uWSGI can be asked whether it does. gunicorn, waitress, granian and mod_wsgi cannot: switch
    theirs off, or leave `ACCESS_LOG` alone.

    :param form: The value of `ACCESS_LOG`: ``"text"``, ``"json"`` or None.
    :param warn: Called with a message where uWSGI writes its own, once in each process.
    """
    if form is None:
        return None
    uwsgi: Any = sys.modules.get("uwsgi")
    if uwsgi is None or _is_on(uwsgi.opt.get("disable-logging")):
        return AccessLog(form)
    if not _warned:
        _warned.append(True)
        warn(
            "ACCESS_LOG is %r, and has no effect: uWSGI writes a line for each request already."
            " Start it with disable-logging = true (on the command line: --disable-logging) to have"
            " the lines of ACCESS_LOG in place of these.",
            form,
        )
    return None


_warned: list[bool] = []


def _is_on(option: bytes | bool | None) -> bool:
    """Whether an option of uWSGI is on; one without a value is True."""
    return bool(option) and option not in (b"false", b"off", b"no", b"0")


def _is_logged_by_werkzeug(software: str) -> bool:
    # The development server has a line of its own, unless its logger was told not to.
    return software.startswith("Werkzeug/") and (
        logging.getLogger("werkzeug").level <= logging.INFO
    )


class Entry:
    """One request on its way; it takes the place of `start_response`.

    :param context: The context of the request, which calls :meth:`finish` at its end.
    :param start_response: What the server handed over.
    :param formatted: Returns the line.
    """

    def __init__(
        self,
        context: Context,
        start_response: StartResponse,
        formatted: Callable[[Line], str],
    ) -> None:
        environ = context.environ or {}
        self._began = perf_counter()
        self._context = context
        self._start_response = start_response
        self._formatted = formatted
        # As they came: an application that is called by this one may change them.
        self._method: str = environ.get("REQUEST_METHOD", "")
        self._path: str = (environ.get("SCRIPT_NAME") or "") + (environ.get("PATH_INFO") or "")
        self._status = "500"  # what a server sends where nothing was begun
        self._headers: list[tuple[str, str]] = []
        self.size = 0
        self.end = "failed"
        context.at_end = [*context.at_end, self.finish]

    def __call__(self, status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
        self._status, self._headers = status, headers
        return self._start_response(status, headers, *exc_info)

    def sending(self, body: Iterable[bytes], streaming: bool) -> Iterable[bytes]:
        """Return the body, which is counted on its way.

        :param body: The body.
        :param streaming: The request lasts until the body is closed.
        """
        self.end = "complete"
        if isinstance(body, list):
            self.size = sum(map(len, body))
        elif streaming:
            if self._method != "HEAD":  # of which a server may take nothing at all
                self.end = "cut"
            return Counted(body, self)
        elif self._method != "HEAD":
            lengths = [value for name, value in self._headers if name.lower() == "content-length"]
            self.size = int(lengths[0]) if lengths and lengths[0].isdecimal() else 0
        return body

    def finish(self) -> None:
        """Write the line; whatever fails is logged."""
        try:
            # Not by `info`, which looks for the place of its caller (5 µs).
            line = self._formatted(self._line())
            place = logger.name, logging.INFO, __file__, 0
            logger.handle(logger.makeRecord(*place, line, (), None))
        except Exception:
            self._context.app.logger.exception("The line for the access log cannot be written")

    def _line(self) -> Line:
        context = self._context
        client = (context.environ or {}).get("REMOTE_ADDR")
        return Line(
            _now(),
            _short(client) if client else None,
            _short(self._method),
            _short(decoded(self._path)),
            None if context.rule is None else context.rule.rule,
            int(self._status.partition(" ")[0]),
            self.size,
            (perf_counter() - self._began) * 1000,
            _short(str(context.request.id)),
            self.end,
        )


class Counted:
    """A stream whose bytes are counted.

    :param body: The stream.
    :param entry: What they are counted for.
    """

    def __init__(self, body: Any, entry: Entry) -> None:
        self._body = body
        self._entry = entry

    def __iter__(self) -> Iterator[bytes]:
        entry = self._entry
        try:
            for piece in self._body:
                entry.size += len(piece)
                yield piece
        except GeneratorExit:  # closed before its end
            raise
        except BaseException:
            entry.end = "failed"
            raise
        entry.end = "complete"

    def close(self) -> None:
        """Close the stream, and with it the request."""
        self._body.close()


class Line(NamedTuple):
    """What a line says of a request; see :class:`AccessLog`."""

    time: str
    client: str | None
    method: str
    path: str
    route: str | None
    status: int
    size: int
    ms: float
    request_id: str
    end: str


def _now() -> str:
    seconds, milliseconds = divmod(time_ns() // 1_000_000, 1_000)
    return f"{_second(seconds)}.{milliseconds:03}Z"


@lru_cache(2)
def _second(seconds: int) -> str:
    return strftime("%Y-%m-%dT%H:%M:%S", gmtime(seconds))


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[:LONGEST]}…"


# What can stand in a line of words without quotes.
_PLAIN = re.compile(r"[!#-\[\]-~]+")


def _word(value: str | None) -> str:
    """Return a value as one word of ASCII, in which nothing can end the line or begin a field."""
    if value is None:
        return "-"
    return value if _PLAIN.fullmatch(value) else quoted(value)


def _text(line: Line) -> str:
    route = "-" if line.route is None else quoted(line.route)
    asked = quoted(f"{line.method} {line.path}")
    end = "" if line.end == "complete" else f" {line.end}"
    return (
        f"{line.time} {_word(line.client)} {asked} {route} {line.status} {line.size}"
        f" {line.ms:.3f}ms {_word(line.request_id)}{end}"
    )


def _json(line: Line) -> str:
    # Not by json.dumps, which makes an encoder each time (6 µs).
    client = "null" if line.client is None else quoted(line.client)
    route = "null" if line.route is None else quoted(line.route)
    return (
        f'{{"time": "{line.time}", "client": {client}, "method": {quoted(line.method)},'
        f' "path": {quoted(line.path)}, "route": {route}, "status": {line.status},'
        f' "bytes": {line.size}, "ms": {line.ms:.3f}, "request_id": {quoted(line.request_id)},'
        f' "end": "{line.end}"}}'
    )


_FORMS: dict[str, Callable[[Line], str]] = {"text": _text, "json": _json}
