"""The application's logger: the standard library's, with a handler only where there is none."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

from werkzeug.local import LocalProxy

from .context import current, current_request_id


def _errors_stream() -> TextIO:
    context = current.get()
    if context is None or context.environ is None:
        return sys.stderr
    stream: TextIO = context.environ["wsgi.errors"]
    return stream


#: The server's error stream while it handles a request, standard error otherwise.
wsgi_errors_stream: Any = LocalProxy(_errors_stream)


class ServerHandler(logging.StreamHandler):  # type: ignore[type-arg]  # no subscript in 3.10
    """Writes where :data:`wsgi_errors_stream` does, in 3 µs a record; by the proxy it takes 11."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        """The stream of the moment."""
        return _errors_stream()


class RequestIdFilter(logging.Filter):
    """Gives each record the id of the request as `request_id`, and ``"-"`` outside of requests.

    It lets every record pass. Put it on a handler of your own, for a format with
    ``%(request_id)s``; on a logger it would not see the records of the loggers below.

    .. code-block:: python

        handler = logging.FileHandler("shop.log")
        handler.addFilter(RequestIdFilter())
        handler.setFormatter(logging.Formatter("%(request_id)s %(levelname)s %(message)s"))
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Set `request_id`, unless the record brings one.

        :param record: The record.
        """
        if not hasattr(record, "request_id"):
            record.request_id = current_request_id() or "-"
        return True


class _Formatter(logging.Formatter):
    """Puts the id of the request behind the time, inside of requests."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - as its base has it
        request_id = getattr(record, "request_id", None) or current_request_id() or "-"
        record.of_request = "" if request_id == "-" else f" [{request_id}]"
        return super().formatMessage(record)


#: Writes to :data:`wsgi_errors_stream`; formats of others for it may have ``%(request_id)s``, too.
default_handler = ServerHandler()
default_handler.addFilter(RequestIdFilter())
default_handler.setFormatter(
    _Formatter("[%(asctime)s]%(of_request)s %(levelname)s in %(module)s: %(message)s")
)


def create_logger(name: str, debug: bool) -> logging.Logger:
    """Return the logger of an application.

    In debug mode a logger without a level of its own logs everything. The default handler is added
    where no handler would get its messages.

    :param name: The name of the logger.
    :param debug: Whether the application is in debug mode.
    """
    logger = logging.getLogger(name)
    if debug and not logger.level:
        logger.setLevel(logging.DEBUG)
    if not has_level_handler(logger):
        logger.addHandler(default_handler)
    return logger


def has_level_handler(logger: logging.Logger) -> bool:
    """Whether some handler, of the logger or above it, takes the messages of its level.

    :param logger: The logger; those above it are asked as far as it propagates.
    """
    level = logger.getEffectiveLevel()
    current_logger: logging.Logger | None = logger
    while current_logger is not None:
        if any(handler.level <= level for handler in current_logger.handlers):
            return True
        if not current_logger.propagate:
            return False
        current_logger = current_logger.parent
    return False
