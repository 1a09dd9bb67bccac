"""A body that is produced while the server sends it, within the context of its request."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from itertools import chain
from typing import Any

from .response import Sending, encoded


class Stream:
    """Enters the context of its request for each step, and leaves it again.

    A server that interleaves streams on one thread (uWSGI with ``--async``) so never lets one see
    another's request. The context is closed once, when the server closes the body.

    :param body: What is sent: bytes, and texts where a view's generator gives them; its `close` is
        called at the end, if it has one.
    :param error: What went wrong before, for the end of the request.
    :param failed: Called with an exception that the body raises, before it goes to the server.
    :param closing: Called at the end with an exception or None.
    :param returned_by: Says which view returned the body, for a message.
    """

    def __init__(
        self,
        body: Iterable[Any],
        error: BaseException | None,
        failed: Callable[[Exception], None],
        closing: Callable[[BaseException | None], None],
        returned_by: Callable[[], str] | None = None,
    ) -> None:
        self._body = body
        self._error = error
        self._failed = failed
        self._closing = closing
        self._returned_by = returned_by
        self._variables = copy_context()
        self._closed = False
        self._begun = False
        # Steps without a Python frame of their own: next(chunks), inside the context.
        self._step: Callable[[], Any] = partial(self._variables.run, next, self._chunks(), _END)
        self._first: Iterable[Any] = ()

    def begin(self) -> None:
        """Produce the first piece, as long as another answer can be sent.

        :raises Exception: what the body raises.
        """
        first = self._step()
        self._begun = True
        if first is not _END:
            self._first = (first,)

    def abandon(self) -> None:
        """Close the body, of which nothing is sent, not even what :meth:`begin` has of it."""
        self._first = ()
        with suppress(Exception):
            self._variables.run(self._close_body)

    def send_instead(self, body: Iterable[Any], error: Exception | None) -> None:
        """Send another body in place of one that has failed.

        :param body: The other body.
        :param error: What went wrong, for the end of the request.
        """
        self._body, self._begun = body, True
        if error is not None:
            self._error = error
        self._step = partial(self._variables.run, next, self._chunks(), _END)

    def __iter__(self) -> Iterator[bytes]:
        first, self._first = self._first, ()  # it may be large
        return chain(first, iter(self._step, _END))

    def _chunks(self) -> Iterator[bytes]:
        pieces: Iterable[Any] = self._body
        returned_by = self._returned_by
        try:
            if isinstance(pieces, Sending):  # in one generator, without those of its own (0.1 µs)
                pieces, returned_by = pieces.pieces()
            for piece in pieces:
                yield piece.encode() if type(piece) is str else encoded(piece, returned_by)
        except Exception as error:
            # Raised again, so that the server cuts the connection: a body that ended here would
            # look complete.
            if self._begun:
                self._error = error
                self._failed(error)
            raise
        except GeneratorExit:  # closed before its end: the client has gone
            raise
        except BaseException as error:  # an exit, for the end of the request to know of
            if self._begun:
                self._error = error
            raise

    def close(self) -> None:
        """End the request; the server calls this in any case (PEP 3333)."""
        if not self._closed:
            self._closed = True
            self._variables.run(self._finish)

    def _finish(self) -> None:
        try:
            self._close_body()
        except Exception as error:
            self._error = error
            self._failed(error)
        finally:
            # Both hold this object: by a traceback, and by a generator that was left midway.
            failure, self._error = self._error, None
            self._step = _ended
            self._closing(failure)

    def _close_body(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            close()


_END = object()


def _ended() -> Any:
    return _END
