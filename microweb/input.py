"""The WSGI input adapter: a body that ends where it should, and is read to its end.

Servers differ in what `wsgi.input` does behind the end of a body, in how they hand over a chunked
one, and in what becomes of an answer that is sent before the body was read: uWSGI behind nginx
loses it. :func:`adapt` puts a :class:`Body` in between.
"""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from werkzeug.exceptions import ClientDisconnected, LengthRequired
from werkzeug.wsgi import LimitedStream, get_content_length

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: How much of a body that nobody read is thrown away before the answer, in bytes.
DRAINED = 16 * 1024 * 1024
_STEP = 64 * 1024
# How much is asked for at a time, in bytes: a server may make room for all of it.
_AT_ONCE = 2 * 1024 * 1024


class Body(LimitedStream):
    """The body of a request; it ends after `limit` bytes, whatever the server's input does.

    :param stream: The server's input.
    :param limit: The length of the body in bytes.
    """

    # Of Werkzeug's class; without a dict for them the object is made in half the time.
    __slots__ = ("_pos", "_stream", "limit")
    _limit_is_max = False

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream = stream
        self._pos = 0
        self.limit = limit

    def __del__(self) -> None:
        """Do nothing: there is nothing to close, and to look for it takes as long as a read."""

    def readall(self) -> bytes:
        """Read what is left, mostly in one step.

        :raises ClientDisconnected: where the client sends less than it said.
        """
        data = self.read_sent()
        if self._pos < self.limit:
            self.on_disconnect()
        return data

    def read_sent(self) -> bytes:
        """Read what is left, or as much of it as the client has sent before it went."""
        left = self.limit - self._pos
        if left <= 0:
            return b""
        try:
            data = self._stream.read(min(left, _AT_ONCE))
        except (OSError, ValueError):
            return b""
        self._pos += len(data)
        return data if len(data) == left or not data else data + self._read_rest()

    def _read_rest(self) -> bytes:
        pieces: list[bytes] = []
        with suppress(ClientDisconnected):
            while self._pos < self.limit:
                pieces.append(self.read(_STEP))
        return b"".join(pieces)

    def drain(self) -> None:
        """Read what is left and throw it away, up to :data:`DRAINED` bytes in all."""
        if self._pos < self.limit:
            _drain(self, DRAINED - self._pos)


class ChunkedBody(io.BufferedReader):
    """The body of a request that comes in chunks; its length is not known before its end."""

    def drain(self) -> None:
        """Read what is left and throw it away, up to :data:`DRAINED` bytes."""
        _drain(self, DRAINED)


class TerminatedBody:
    """The body of a request that the server itself ends, as the input stream of the environ."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def drain(self) -> None:
        """Read what is left and throw it away, up to :data:`DRAINED` bytes."""
        _drain(self._stream, DRAINED)


#: What is drained at the end of a request.
AnyBody: TypeAlias = Body | ChunkedBody | TerminatedBody


def _drain(stream: Any, size: int) -> None:
    # A client that has gone, or sends what is no body, gets no answer in any case.
    with suppress(Exception):
        while size > 0:
            data = stream.read(min(_STEP, size))
            if not data:
                break
            size -= len(data)


def adapt(environ: WSGIEnvironment) -> AnyBody | None:
    """Make the input of a request safe to read, and return its body.

    A chunked body (RFC 9112 section 7.1) is read where the server decodes it, by
    `wsgi.input_terminated` or in uWSGI's own way. Where none of this works the client is told to
    send a length; the body is never empty in silence.

    :returns: The body, to be drained at the end; None where an application around this one looks
        after it.
    :raises LengthRequired: where a chunked body cannot be read.
    """
    source = environ["wsgi.input"]
    # By its type: `isinstance` asks the abstract classes of io, in Python (1 µs).
    if type(source) is Body or type(source) is ChunkedBody:
        return None
    length = environ.get("CONTENT_LENGTH", "")
    if "HTTP_TRANSFER_ENCODING" in environ:
        if not length:
            return _adapt_chunked(environ)
        # A proxy has read the chunks and counted them; its header names them still.
        del environ["HTTP_TRANSFER_ENCODING"]
    if len(length) < 16 and length.isascii() and length.isdigit():
        limit = int(length)
    else:  # Werkzeug says what it means: mostly 0
        limit = get_content_length(environ) or 0
    environ["wsgi.input"] = body = Body(source, limit)
    return body


def _adapt_chunked(environ: WSGIEnvironment) -> ChunkedBody | TerminatedBody:
    if environ.get("wsgi.input_terminated"):
        return TerminatedBody(environ["wsgi.input"])
    uwsgi: Any = sys.modules.get("uwsgi")
    if uwsgi is None or not hasattr(uwsgi, "chunked_read") or _keeps_chunks(uwsgi, environ):
        raise LengthRequired("This server does not decode chunked bodies: send a Content-Length.")
    body = ChunkedBody(_UwsgiChunks(uwsgi.chunked_read))
    environ["wsgi.input"] = body
    environ["wsgi.input_terminated"] = True
    return body


def _keeps_chunks(uwsgi: Any, environ: WSGIEnvironment) -> bool:
    """Whether the request came through a router of this uWSGI that sends no chunks on.

    That is `--http` by itself. To ask for them all the same would take four seconds of a worker.
    """
    options = {option if isinstance(option, str) else option.decode() for option in uwsgi.opt}
    return (
        environ.get("UWSGI_ROUTER") == "http"
        and not _ROUTERS.isdisjoint(options)
        and _SENDING_CHUNKS.isdisjoint(options)
    )


#: Options of uWSGI: those that start a router of its own, and those that make it send chunks on.
_ROUTERS = frozenset(("http", "https", "http-to-https"))
_SENDING_CHUNKS = frozenset(("http-chunked-input", "http-raw-body"))


class _UwsgiChunks(io.RawIOBase):
    """A chunked body under uWSGI, which hands over a chunk a call."""

    def __init__(self, read_chunk: Any) -> None:
        self._read_chunk = read_chunk
        self._failed = False
        self._rest = self._next_chunk()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._rest or self._next_chunk()
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        self._rest = data[size:]
        return size

    def _next_chunk(self) -> bytes:
        if self._failed:  # not to be waited for again
            return b""
        try:
            chunk: bytes = self._read_chunk()
        except OSError:
            self._failed = True
            raise LengthRequired(
                "The chunked body cannot be read: send a Content-Length."
            ) from None
        return chunk
