"""The WSGI input adapter: a body that ends where it should, and is read to its end.

Servers differ in what `wsgi.input` does behind the end of a body, in how they hand over a chunked
one, and in what becomes of an answer that is sent before the body was read: uWSGI behind nginx
loses it. :func:`adapt` puts a :class:`Body` in between.
"""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from werkzeug.exceptions import LengthRequired
from werkzeug.wsgi import LimitedStream, get_content_length

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: How much of a body that nobody read is thrown away before the answer, in bytes.
DRAINED = 16 * 1024 * 1024
_STEP = 64 * 1024


class Body(LimitedStream):
    """The body of a request; it ends after `limit` bytes, whatever the server's input does.

    :param stream: The server's input.
    :param limit: The length of the body in bytes.
    """

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        super().__init__(stream, limit)
        self._source = stream

    def readall(self) -> bytes:
        """Read what is left, mostly in one step."""
        if self.tell() or self.limit > _STEP:
            return super().readall()
        try:
            data = self._source.read(self.limit)
        except (OSError, ValueError) as error:
            self.on_disconnect(error=error)
            return b""
        self._pos = len(data)
        return data if self._pos == self.limit else data + super().readall()

    def drain(self) -> None:
        """Read what is left and throw it away, up to :data:`DRAINED` bytes in all."""
        if not self.is_exhausted:
            _drain(self, DRAINED - self.tell())


class ChunkedBody(io.BufferedReader):
    """The body of a request that comes in chunks; its length is not known before its end."""

    def drain(self) -> None:
        """Read what is left and throw it away, up to :data:`DRAINED` bytes."""
        _drain(self, DRAINED)


def _drain(stream: Body | ChunkedBody, size: int) -> None:
    # A client that has gone, or sends what is no body, gets no answer in any case.
    with suppress(Exception):
        while size > 0:
            data = stream.read(min(_STEP, size))
            if not data:
                break
            size -= len(data)


def adapt(environ: WSGIEnvironment) -> Body | ChunkedBody | None:
    """Make the input of a request safe to read, and return its body.

    A chunked body (RFC 9112 section 7.1) is read where the server decodes it, by
    `wsgi.input_terminated` or in uWSGI's own way. Where none of this works the client is told to
    send a length; the body is never empty in silence.

    :returns: The body, to be drained at the end; None where the server or an application around
        this one looks after it.
    :raises LengthRequired: where a chunked body cannot be read.
    """
    if isinstance(environ["wsgi.input"], (Body, ChunkedBody)):
        return None
    if "HTTP_TRANSFER_ENCODING" in environ:
        if not environ.get("CONTENT_LENGTH"):
            return _adapt_chunked(environ)
        # A proxy has read the chunks and counted them; its header names them still.
        del environ["HTTP_TRANSFER_ENCODING"]
    body = Body(environ["wsgi.input"], _length(environ))
    environ["wsgi.input"] = body
    return body


def _length(environ: WSGIEnvironment) -> int:
    text = environ["CONTENT_LENGTH"]
    if len(text) < 16 and text.isascii() and text.isdigit():
        return int(text)
    # Whatever else there is, Werkzeug says what it means: mostly 0.
    return get_content_length(environ) or 0


def _adapt_chunked(environ: WSGIEnvironment) -> ChunkedBody | None:
    if environ.get("wsgi.input_terminated"):
        return None
    uwsgi: Any = sys.modules.get("uwsgi")
    if uwsgi is None or not hasattr(uwsgi, "chunked_read"):
        raise LengthRequired("This server does not decode chunked bodies: send a Content-Length.")
    body = ChunkedBody(_UwsgiChunks(uwsgi.chunked_read))
    environ["wsgi.input"] = body
    environ["wsgi.input_terminated"] = True
    return body


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
