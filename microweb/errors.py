"""What a developer did wrong, as exceptions that say what to do about it.

HTTP errors are not here: a view raises those for its client (see :func:`microweb.abort`).
The classes here are for the author of the application; each keeps the evidence as attributes,
so that nobody has to parse a message.
"""

from __future__ import annotations

import inspect
from typing import Any


class MicrowebError(Exception):
    """The base of every error that speaks to the application's author."""


class SetupError(MicrowebError, RuntimeError):
    """The application was put together in a way that cannot work.

    Examples are two views under one endpoint, the same URL twice, or a registration after the
    first request.
    """


class OutsideContext(MicrowebError, RuntimeError):
    """`request`, `session`, `g` or `current_app` was used where none is active.

    :ivar name: The name that was used, such as ``"request"``.
    """

    def __init__(self, name: str, needed: str) -> None:
        self.name = name
        remedy = (
            "in a test, `with app.test_request_context('/path'):` opens one"
            if needed == "request"
            else "`with app.app_context():` opens one"
        )
        super().__init__(
            f"{name!r} was used outside of {_ARTICLE[needed]} {needed} context: it only has a value"
            f" while microweb {_WHILE[needed]}; {remedy}."
        )


_ARTICLE = {"request": "a", "application": "an"}
_WHILE = {"request": "handles a request", "application": "works for an application"}


class ConfigError(MicrowebError, ValueError):
    """A configuration value, file or variable cannot be used.

    :ivar key: The configuration key or file that it concerns.
    """

    def __init__(self, key: str, message: str) -> None:
        self.key = key
        super().__init__(message)


class MissingPackage(MicrowebError, ImportError):
    """A feature needs an optional package that is not installed.

    :ivar package: The name under which the package index lists it.
    """

    def __init__(self, feature: str, package: str) -> None:
        self.package = package
        super().__init__(f"{feature} needs {package}. Install it with: pip install {package}")


class SessionTooLarge(MicrowebError, ValueError):
    """A signed session does not fit into a cookie.

    :ivar size: The size of the ``Set-Cookie`` value in bytes.
    :ivar limit: The limit in bytes (``MAX_COOKIE_SIZE``).
    """

    def __init__(self, name: str, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(
            f"The session cookie {name!r} takes {size} bytes and browsers drop cookies of more than"
            f" {limit}. Keep large values on the server and only their id in the session."
        )


def describe(function: Any) -> str:
    """Name a function with the file and line where it is written, for messages.

    >>> describe(describe)  # doctest: +ELLIPSIS
    "'describe' (...errors.py:...)"
    """
    target = inspect.unwrap(function)
    target = getattr(target, "func", target)  # of functools.partial
    target = getattr(target, "view_class", target)
    name = getattr(target, "__qualname__", None) or repr(target)
    return f"{name!r} ({place(target)})"


def place(target: Any) -> str:
    """Return ``file:line`` of a function or class, or ``"unknown place"``."""
    code = getattr(target, "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    try:
        return f"{inspect.getsourcefile(target)}:{inspect.getsourcelines(target)[1]}"
    except (OSError, TypeError):
        return "unknown place"
