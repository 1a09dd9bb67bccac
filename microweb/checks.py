"""What each value of the configuration must be: checked when the application compiles."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from .config import is_on
from .errors import ConfigError
from .forwarded import REMEDY, can_be_trusted

_NONE = type(None)
_SWITCH = (bool, int), "True or False"
_MAYBE_SWITCH = (bool, int, _NONE), "True, False or None"
_TEXT = (str,), "text"
_MAYBE_TEXT = (str, _NONE), "text or None"
_NUMBER = (int,), "a whole number"
_MAYBE_NUMBER = (int, _NONE), "a whole number or None"
_MAYBE_BYTES = (int, _NONE), "a whole number of bytes, such as 16 * 1024 * 1024, or None"

#: What each key of `DEFAULTS` must be, and how to call that. Keys for signing are checked where
#: they are used.
TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "DEBUG": ((bool, int, str, _NONE), "True or False"),
    "TESTING": _SWITCH,
    "PROPAGATE_EXCEPTIONS": _MAYBE_SWITCH,
    "TRAP_HTTP_EXCEPTIONS": _SWITCH,
    "TRAP_BAD_REQUEST_ERRORS": _MAYBE_SWITCH,
    "SESSION_COOKIE_NAME": _TEXT,
    # False means None in applications that are as old as that.
    "SESSION_COOKIE_DOMAIN": ((str, bool, _NONE), "text or None"),
    "SESSION_COOKIE_PATH": _MAYBE_TEXT,
    "SESSION_COOKIE_HTTPONLY": _SWITCH,
    "SESSION_COOKIE_SECURE": _MAYBE_SWITCH,
    "SESSION_COOKIE_SAMESITE": ((str, _NONE), "'Lax', 'Strict', 'None' or None"),
    "SESSION_COOKIE_PARTITIONED": _SWITCH,
    "SESSION_REFRESH_EACH_REQUEST": _SWITCH,
    "PERMANENT_SESSION_LIFETIME": ((int, float, timedelta), "a number of seconds or a timedelta"),
    "MAX_COOKIE_SIZE": ((int,), "a whole number of bytes"),
    "MAX_CONTENT_LENGTH": _MAYBE_BYTES,
    "MAX_FORM_MEMORY_SIZE": _MAYBE_BYTES,
    "MAX_FORM_PARTS": _MAYBE_NUMBER,
    "TRUSTED_HOSTS": (
        (list, tuple, set, frozenset, _NONE),
        "a list of host names, such as ['example.com'], or None",
    ),
    "TRUSTED_PROXIES": (
        (int, Mapping, _NONE),
        "a number of proxies, such as 1, or a mapping, such as {'x_for': 1, 'x_host': 1}, or None",
    ),
    "SERVER_NAME": _MAYBE_TEXT,
    "APPLICATION_ROOT": _TEXT,
    "PREFERRED_URL_SCHEME": _TEXT,
    "PROVIDE_AUTOMATIC_OPTIONS": _SWITCH,
    "BACKGROUND_TASK_THREADS": _NUMBER,
    "BACKGROUND_TASK_QUEUE": _NUMBER,
    "BACKGROUND_TASK_TIMEOUT": ((int, float, _NONE), "a number of seconds"),
    "ACCESS_LOG": ((str, _NONE), "'text', 'json' or None"),
    "SEND_FILE_MAX_AGE_DEFAULT": (
        (int, timedelta, _NONE),
        "a whole number of seconds, a timedelta or None",
    ),
    "USE_X_SENDFILE": _SWITCH,
    "X_ACCEL_MAPPING": (
        (Mapping, _NONE),
        "a mapping of folders to locations of nginx,"
        " such as {'/srv/shop/bills': '/internal/bills'}, or None",
    ),
    "TEMPLATES_AUTO_RELOAD": _MAYBE_SWITCH,
    "EXPLAIN_TEMPLATE_LOADING": _SWITCH,
}


_LIMIT = (0).__le__, "it must be 0 or more, or None for no limit"
_COUNT = (1).__le__, "it must be 1 or more"

#: Whether a value that has the right type can be used, and what to write else; None always can.
VALUES: dict[str, tuple[Callable[[Any], object], str]] = {
    "SESSION_COOKIE_NAME": (bool, "it must be a name, such as 'session'"),
    "SESSION_COOKIE_SAMESITE": (
        lambda text: text.lower() in ("lax", "strict", "none"),
        "it must be 'Lax', 'Strict', 'None' or None",
    ),
    "MAX_CONTENT_LENGTH": _LIMIT,
    "MAX_FORM_MEMORY_SIZE": _LIMIT,
    "MAX_FORM_PARTS": _LIMIT,
    "TRUSTED_PROXIES": (can_be_trusted, REMEDY),
    "SERVER_NAME": (
        lambda text: re.search(r"[/\s]", text) is None,
        "write the host only, such as 'example.com' or 'example.com:8000'",
    ),
    "APPLICATION_ROOT": (
        lambda text: text.startswith("/"),
        "it must be a path that begins with a slash, such as '/' or '/app'",
    ),
    "PREFERRED_URL_SCHEME": (
        lambda text: re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", text),
        "it must be a scheme alone, such as 'http' or 'https'",
    ),
    "X_ACCEL_MAPPING": (
        lambda mapping: all(
            isinstance(folder, str)
            and os.path.isabs(folder)
            and isinstance(location, str)
            and location.startswith("/")
            for folder, location in mapping.items()
        ),
        "each folder must be an absolute path, and each location a path that begins with a slash;"
        " both are text (str)",
    ),
    "BACKGROUND_TASK_THREADS": _COUNT,
    "BACKGROUND_TASK_QUEUE": _COUNT,
    "BACKGROUND_TASK_TIMEOUT": (lambda seconds: seconds >= 0, "it must be 0 or more, or None"),
    "ACCESS_LOG": (("text", "json").__contains__, "it must be 'text', 'json' or None"),
}


def check_types(config: Mapping[str, Any]) -> None:
    """Refuse a value that cannot be what its key stands for.

    :param config: The configuration; keys that microweb does not know are not looked at.
    :raises ConfigError: naming the key, the value, and what it must be.
    """
    for key, (types_, wanted) in TYPES.items():
        value = config.get(key)
        # True and False are numbers, and no sizes.
        fits = isinstance(value, types_) and (bool in types_ or not isinstance(value, bool))
        if key in config and not fits:
            what = "None" if value is None else f"{value!r} ({type(value).__name__})"
            remedy = ""
            if isinstance(value, str) and bool in types_:
                remedy = " In an environment variable write true or false, as in JSON."
            elif isinstance(value, str) and Mapping in types_:
                remedy = " In an environment variable write it as JSON."
            raise ConfigError(key, f"{key} is {what}: it must be {wanted}.{remedy}")
    is_on(config.get("DEBUG"))
    for key, (is_usable, remedy) in VALUES.items():
        value = config.get(key)
        if value is not None and not is_usable(value):
            raise ConfigError(key, f"{key} is {value!r}: {remedy}.")
    key = "SECRET_KEY_FALLBACKS"
    if isinstance(config.get(key) or None, (str, bytes)):  # a secret, and so not shown
        raise ConfigError(
            key, f"{key} must be a list of the older keys, each of them text or bytes."
        )
