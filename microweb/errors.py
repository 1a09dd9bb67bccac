"""What a developer did wrong, as exceptions that say what to do about it.

HTTP errors are not here: a view raises those for its client (see :func:`microweb.abort`).
The classes here are for the author of the application; each keeps the evidence as attributes,
so that nobody has to parse a message.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import threading
from types import FrameType
from typing import Any


class MicrowebError(Exception):
    """The base of every error that speaks to the application's author."""


class SetupError(MicrowebError, RuntimeError):
    """The application was put together in a way that cannot work.

    Examples are two views under one endpoint, the same URL twice, or a registration after the
    first request.
    """


class OutsideContext(MicrowebError, RuntimeError):
    """A name that stands for the current context's was used where no context is current.

    These are `request`, `session`, `g`, `current_app`, and the functions that need one of them.

    :param name: The name that was used, such as ``"request"``; kept as an attribute.
    :param needed: The kind of context that it needs: ``"request"`` or ``"application"``.
    """

    def __init__(self, name: str, needed: str) -> None:
        self.name = name
        where, remedy = _circumstance(needed)
        super().__init__(
            f"{name!r} was used outside of {_ARTICLE[needed]} {needed} context{where}: it only has"
            f" a value while microweb {_WHILE[needed]}; {remedy}."
        )


def _circumstance(needed: str) -> tuple[str, str]:
    """Return where a name is used outside of a context, and what to do about it."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_back is not None:
        importing = frame.f_back.f_code.co_filename.startswith("<frozen importlib")
        if importing and frame.f_code.co_name == "<module>":
            module = frame.f_globals.get("__name__")
            return (
                f", while {module!r} is imported ({frame.f_code.co_filename}:{frame.f_lineno})",
                f"use it in a function that is called later; {_OPENS[needed]}",
            )
        frame = frame.f_back
    if threading.current_thread() is not threading.main_thread():
        return (
            f", in the thread {threading.current_thread().name!r}",
            "where a view starts the thread, wrap its function with copy_current_request_context;"
            f" elsewhere {_OPENS[needed]}",
        )
    return "", ("in a test, " if needed == "request" else "") + _OPENS[needed]


_ARTICLE = {"request": "a", "application": "an"}
_OPENS = {
    "request": "`with app.test_request_context('/path'):` opens one",
    "application": "`with app.app_context():` opens one",
}
_WHILE = {"request": "handles a request", "application": "works for an application"}


class ConfigError(MicrowebError, ValueError):
    """A configuration value, file or variable cannot be used.

    :param key: The configuration key, variable or file that it concerns; kept as an attribute.
    :param message: What is wrong with it, and what to do.
    """

    def __init__(self, key: str, message: str) -> None:
        self.key = key
        super().__init__(message)


class ConfigFileNotFound(ConfigError, FileNotFoundError):
    """A configuration file does not exist; it is a `FileNotFoundError` too."""


class MissingPackage(MicrowebError, ImportError):
    """A feature needs an optional package that is not installed.

    :param feature: What needs it, as the beginning of the message.
    :param package: The name under which the package index lists it; kept as an attribute.
    """

    def __init__(self, feature: str, package: str) -> None:
        self.package = package
        super().__init__(f"{feature} needs {package}. Install it with: pip install {package}")


class SessionTooLarge(MicrowebError, ValueError):
    """A signed session does not fit into a cookie.

    Debug mode and tests raise it; otherwise it is logged, and the client keeps the cookie it has.

    :param name: The name of the cookie.
    :param size: The size of the ``Set-Cookie`` value in bytes; kept as an attribute.
    :param limit: The limit in bytes (``MAX_COOKIE_SIZE``); kept as an attribute.
    """

    def __init__(self, name: str, size: int, limit: int) -> None:
        self.size = size
        self.limit = limit
        super().__init__(
            f"The session cookie {name!r} takes {size} bytes and browsers drop cookies of more than"
            f" {limit}. Keep large values on the server and only their id in the session."
        )


class CoroutineCancelled(MicrowebError, RuntimeError):
    """A coroutine that a request waits for was cancelled, by itself or by what it awaited.

    :param function: The coroutine function; kept as an attribute.
    """

    def __init__(self, function: Any) -> None:
        self.function = function
        super().__init__(
            f"The coroutine of {describe(function)} was cancelled before it had a result. Catch"
            " asyncio.CancelledError in it where a cancelled task is expected, such as behind a"
            " timeout."
        )


def describe(function: Any) -> str:
    """Name a function with the file and line where it is written, for messages.

    :param function: A function, or a class; decorators around it are looked through.

    >>> describe(describe)  # doctest: +ELLIPSIS
    "'describe' (...errors.py:...)"
    """
    target = _written(function)
    name = getattr(target, "__qualname__", None) or repr(target)
    return f"{name!r} ({place(target)})"


def place(target: Any) -> str:
    """Return ``file:line`` of a function or class, or ``"unknown place"``.

    :param target: The function or class; decorators around it are looked through.
    """
    target = _written(target)
    code = getattr(target, "__code__", None)
    if code is not None:
        return f"{code.co_filename}:{code.co_firstlineno}"
    try:
        return f"{inspect.getsourcefile(target)}:{inspect.getsourcelines(target)[1]}"
    except (OSError, TypeError):
        return "unknown place"


def from_here(path: str) -> str:
    """Leave out the current folder, where a developer knows to be.

    :param path: A path, with a line or not.
    """
    return path.removeprefix(os.path.join(os.getcwd(), ""))


def _written(function: Any) -> Any:
    """Return what the author wrote: the function below its decorators, or the class of a view."""
    target = inspect.unwrap(function)
    if isinstance(target, functools.partial):
        target = inspect.unwrap(target.func)
    return getattr(target, "view_class", target)


def clash_remedy(first: Any, second: Any) -> str:
    """Return what to do about two functions that would have the same endpoint.

    :param first: The function that has it.
    :param second: The function that would get it too.
    """
    code = getattr(first, "__code__", None)
    if code is not None and code is getattr(second, "__code__", None):
        return (
            "They are what one decorator returns, and have its inner function's name: write"
            " @functools.wraps(view) above that function, so that each has its view's name."
        )
    return "Rename one of the functions, or give it another name with endpoint=."
