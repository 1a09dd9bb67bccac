"""The configuration: one visible table of defaults, and the loaders."""

from __future__ import annotations

import errno
import json
import os
import sys
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import IO, Any, Generic, TypeVar, overload

from .errors import ConfigError, ConfigFileNotFound, MissingPackage

T = TypeVar("T")

#: Every key that microweb reads, with its default. Times are seconds or a `timedelta`, sizes bytes.
DEFAULTS: dict[str, Any] = {
    # None: as the environment variable MICROWEB_DEBUG says.
    "DEBUG": None,
    "TESTING": False,
    # Hand unhandled exceptions to the server; None: in debug and in testing.
    "PROPAGATE_EXCEPTIONS": None,
    "TRAP_HTTP_EXCEPTIONS": False,
    # Raise a missing form key as an exception; None: in debug.
    "TRAP_BAD_REQUEST_ERRORS": None,
    # --- signed sessions
    "SECRET_KEY": None,
    # Older keys that may still have signed a cookie: they read, and never sign.
    "SECRET_KEY_FALLBACKS": None,
    "SESSION_COOKIE_NAME": "session",
    "SESSION_COOKIE_DOMAIN": None,
    "SESSION_COOKIE_PATH": None,
    "SESSION_COOKIE_HTTPONLY": True,
    # None: Secure when the request itself came over https.
    "SESSION_COOKIE_SECURE": None,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_COOKIE_PARTITIONED": False,
    "SESSION_REFRESH_EACH_REQUEST": True,
    "PERMANENT_SESSION_LIFETIME": timedelta(days=31),
    "MAX_COOKIE_SIZE": 4093,
    # --- what a client may send
    "MAX_CONTENT_LENGTH": 16 * 1024 * 1024,
    "MAX_FORM_MEMORY_SIZE": 500_000,
    "MAX_FORM_PARTS": 1_000,
    "TRUSTED_HOSTS": None,
    # How many proxies set X-Forwarded-For and -Proto, such as 1; or how many for each header:
    # {"x_for": 1, "x_proto": 1, "x_host": 1, "x_port": 1, "x_prefix": 1}. None ignores them all.
    "TRUSTED_PROXIES": None,
    # --- URLs
    "SERVER_NAME": None,
    "APPLICATION_ROOT": "/",
    "PREFERRED_URL_SCHEME": "http",
    "PROVIDE_AUTOMATIC_OPTIONS": True,
    # --- background tasks, in each process
    # How many run at a time, and how many may wait or run.
    "BACKGROUND_TASK_THREADS": 4,
    "BACKGROUND_TASK_QUEUE": 1_000,
    # How long a shutdown waits for them, in seconds.
    "BACKGROUND_TASK_TIMEOUT": 10,
    # --- the access log
    # "text" or "json": a line for each request, to the logger microweb.access, INFO. It is off
    # where the development server or uWSGI (without disable-logging) writes one.
    "ACCESS_LOG": None,
    # --- files and templates
    "SEND_FILE_MAX_AGE_DEFAULT": None,
    # Let the server in front send the files: Apache and lighttpd by `X-Sendfile`; nginx by
    # `X-Accel-Redirect`, from the folders of the mapping, each with its internal location:
    # {"/srv/shop/bills": "/internal/bills"}. Files elsewhere are sent by the application then.
    "USE_X_SENDFILE": False,
    "X_ACCEL_MAPPING": None,
    # Look at the template files at every render; None: in debug.
    "TEMPLATES_AUTO_RELOAD": None,
    "EXPLAIN_TEMPLATE_LOADING": False,
}


class Config(dict[str, Any]):
    """A dict of upper-case keys, with ways to fill it.

    Only upper-case keys are taken from elsewhere; :data:`DEFAULTS` lists those that microweb reads.

    :param root_path: The folder that relative file names start from.
    :param defaults: What it starts with.

    .. code-block:: python

        app.config.from_object("yourapp.settings")
        app.config.from_prefixed_env()
    """

    def __init__(
        self, root_path: str | os.PathLike[str], defaults: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(defaults or {})
        self.root_path = root_path

    def from_object(self, obj: object | str) -> None:
        """Take the upper-case attributes of a module, class or object, or of an import path.

        :param obj: The object, or its import path: ``"shop.settings.Production"``.
        :raises ConfigError: where an import path leads nowhere.
        """
        if isinstance(obj, str):
            obj = _import(obj)
        for key in dir(obj):
            if key.isupper():
                self[key] = getattr(obj, key)

    def from_mapping(self, mapping: Mapping[str, Any] | None = None, **kwargs: Any) -> bool:
        """Take the upper-case keys of a mapping and of the keywords; other keys are ignored.

        :param mapping: The mapping; its values give way to those of the keywords.
        :returns: True.

        >>> config = Config("")
        >>> config.from_mapping({"DEBUG": True, "comment": "not a key"}, TESTING=True)
        True
        >>> config
        <Config {'DEBUG': True, 'TESTING': True}>
        """
        for key, value in {**(mapping or {}), **kwargs}.items():
            if key.isupper():
                self[key] = value
        return True

    def from_pyfile(self, filename: str | os.PathLike[str], silent: bool = False) -> bool:
        """Run a Python file and take its upper-case names.

        :param filename: The file; a relative one is below `root_path`.
        :param silent: Return False, and raise nothing, where the file does not exist.
        :returns: Whether the file was there.
        :raises ConfigFileNotFound: where it does not exist.
        :raises ConfigError: where it cannot be read.
        """
        path = os.path.join(self.root_path, filename)
        source = _read(path, silent, lambda file: file.read(), text=False)
        if source is None:
            return False
        module = types.ModuleType("config")
        module.__file__ = path
        exec(compile(source, path, "exec"), module.__dict__)
        self.from_object(module)
        return True

    def from_envvar(self, variable_name: str, silent: bool = False) -> bool:
        """Run the Python file that an environment variable names; see :meth:`from_pyfile`.

        :param variable_name: The variable, such as ``"SHOP_SETTINGS"``.
        :param silent: Return False, and raise nothing, where the variable is not set or the file
            does not exist.
        :raises ConfigError: where the variable is not set, or the file cannot be read.
        """
        filename = os.environ.get(variable_name)
        if filename:
            return self.from_pyfile(filename, silent=silent)
        if silent:
            return False
        raise ConfigError(
            variable_name,
            f"The environment variable {variable_name!r} is not set: it must name a"
            " configuration file.",
        )

    def from_file(
        self,
        filename: str | os.PathLike[str],
        load: Callable[[IO[Any]], Mapping[str, Any]],
        silent: bool = False,
        text: bool = True,
    ) -> bool:
        """Load a file with `load`, such as `json.load` or (with ``text=False``) `tomllib.load`.

        :param filename: The file; a relative one is below `root_path`.
        :param load: Called with the open file; returns a mapping.
        :param silent: Return False, and raise nothing, where the file does not exist.
        :param text: Open it as UTF-8 text; False opens it for bytes.
        :returns: Whether the file was there.
        :raises ConfigError: where it cannot be read.

        .. code-block:: python

            app.config.from_file("settings.toml", tomllib.load, text=False)
        """
        path = os.path.join(self.root_path, filename)
        mapping = _read(path, silent, load, text)
        if not isinstance(mapping, (Mapping, type(None))):
            raise ConfigError(
                path,
                f"The configuration file {path!r} holds a {type(mapping).__name__} and no dict.",
            )
        return mapping is not None and self.from_mapping(mapping)

    def from_prefixed_env(
        self, prefix: str = "MICROWEB", *, loads: Callable[[str], Any] = json.loads
    ) -> bool:
        """Take the environment variables that start with `prefix` and an underscore.

        Values are read as JSON where they are JSON and stay text where they are not. Two
        underscores lead into a dict: ``MICROWEB_MAIL__PORT=25`` sets ``config["MAIL"]["PORT"]``.

        :param prefix: What stands before the underscore.
        :param loads: Turns a value into an object; an exception leaves the text.
        :returns: True.
        :raises ConfigError: where a variable leads into a value that is no dict.
        """
        start = f"{prefix}_"
        for variable in sorted(os.environ):
            if variable.startswith(start):
                self._set_nested(variable, variable.removeprefix(start), loads)
        return True

    def _set_nested(self, variable: str, key: str, loads: Callable[[str], Any]) -> None:
        value: Any = os.environ[variable]
        with suppress(Exception):  # any loader, any complaint: then it stays text
            value = loads(value)
        *parents, last = key.split("__")
        target: dict[str, Any] = self
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise ConfigError(
                    variable,
                    f"{variable} goes into {parent!r}, which is a {type(target).__name__}"
                    " and not a dict.",
                )
        target[last] = value

    def get_namespace(
        self, namespace: str, lowercase: bool = True, trim_namespace: bool = True
    ) -> dict[str, Any]:
        """Return the keys that start with `namespace`, by default trimmed and in lower case.

        :param namespace: What the keys start with, underscore included.
        :param lowercase: Return them in lower case.
        :param trim_namespace: Return them without `namespace`.

        >>> Config("", {"MAIL_HOST": "localhost"}).get_namespace("MAIL_")
        {'host': 'localhost'}
        """
        found = {}
        for key, value in self.items():
            if key.startswith(namespace):
                name = key.removeprefix(namespace) if trim_namespace else key
                found[name.lower() if lowercase else name] = value
        return found

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {dict.__repr__(self)}>"


def debug_from_environment() -> bool:
    """Whether the environment variable MICROWEB_DEBUG switches debug mode on.

    :raises ConfigError: where it is neither a yes nor a no.
    """
    return is_on(os.environ.get("MICROWEB_DEBUG", ""), "MICROWEB_DEBUG")


def is_on(value: object, key: str = "DEBUG") -> bool:
    """Whether a switch is on; text may say so in several ways, as in an environment variable.

    :param value: Text, or anything else by its truth.
    :param key: What the switch is called, for the error.
    :raises ConfigError: for a text that is neither a yes nor a no.

    >>> is_on("true"), is_on("0"), is_on("off"), is_on(None)
    (True, False, False, False)
    """
    if isinstance(value, str):
        word = value.strip().lower()
        if word not in (*_YES, *_NO):  # to guess could switch the debugger on
            raise ConfigError(
                key,
                f"{key} is {value!r}, which is neither a yes nor a no. Write 1, true, yes or on, or"
                " else 0, false, no, off or nothing at all.",
            )
        return word in _YES
    return bool(value)


_YES = ("1", "true", "yes", "on")
_NO = ("", "0", "false", "no", "off", "none", "null")


def load_dotenv_files() -> bool:
    """Read ``.env`` and then ``.microwebenv`` into the environment; see :func:`load_dotenv`."""
    return load_dotenv()


def load_dotenv(path: str | os.PathLike[str] | None = None, load_defaults: bool = True) -> bool:
    """Read files of variables into the environment, which itself comes first.

    :param path: A file that comes before the others.
    :param load_defaults: Read ``.env`` and then ``.microwebenv``, each from the current folder or
        the nearest one above it that has it. The variable MICROWEB_SKIP_DOTENV leaves them out.
    :returns: Whether a file was read. Without the package python-dotenv the default ones are not.
    :raises MissingPackage: for `path`, without that package.
    :raises ConfigError: where `path` cannot be read, or that variable is neither a yes nor a no.
    """
    if is_on(os.environ.get("MICROWEB_SKIP_DOTENV", ""), "MICROWEB_SKIP_DOTENV"):
        load_defaults = False
    try:
        import dotenv
    except ImportError:
        if path is not None:
            raise MissingPackage(f"Reading the file {os.fspath(path)!r}", "python-dotenv") from None
        if load_defaults:
            _tell_unread_files()
        return False
    paths = [] if path is None else [os.fspath(path)]
    if path is not None:
        _read(paths[0], False, lambda file: file.read(1), text=False)
    if load_defaults:
        # usecwd: not from this file's folder upwards.
        found = [dotenv.find_dotenv(name, usecwd=True) for name in DOTENV_FILES]
        paths += [each for each in found if each]
    for each in paths:
        try:
            dotenv.load_dotenv(each, encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ConfigError(each, f"The file {each!r} is not text in UTF-8: {error}.") from None
    return bool(paths)


def _tell_unread_files() -> None:
    for name in DOTENV_FILES:
        if os.path.isfile(name):
            print(
                f" * There is a file {name}, which needs python-dotenv to be read:"
                " pip install python-dotenv",
                file=sys.stderr,
            )


DOTENV_FILES = (".env", ".microwebenv")


def _import(path: str) -> object:
    from werkzeug.utils import import_string

    try:
        found: object = import_string(path)
    except ImportError as error:
        raise ConfigError(
            path, f"The configuration {path!r} cannot be imported: {error}"
        ) from error
    return found


def _read(path: str, silent: bool, load: Callable[[IO[Any]], Any], text: bool) -> Any:
    try:
        # Closed below: what `load` raises is not about the file.
        file = open(path, "r" if text else "rb", encoding="utf-8" if text else None)  # noqa: SIM115
    except OSError as error:
        if silent and error.errno in (errno.ENOENT, errno.EISDIR, errno.ENOTDIR):
            return None
        kind = ConfigFileNotFound if isinstance(error, FileNotFoundError) else ConfigError
        raise kind(
            path, f"The configuration file {path!r} cannot be read: {error.strerror}."
        ) from error
    with file:
        try:
            return load(file)
        except ValueError as error:  # of JSON and TOML, and of text that is not UTF-8
            raise ConfigError(
                path, f"The configuration file {path!r} cannot be read: {error}."
            ) from error


class ConfigAttribute(Generic[T]):
    """An attribute of the application that is a key of its configuration.

    :param key: The key, such as ``"SECRET_KEY"``.
    :param convert: Applied to the value at each reading.

    .. code-block:: python

        class Shop(App):
            currency = ConfigAttribute[str]("SHOP_CURRENCY")
    """

    def __init__(self, key: str, convert: Callable[[Any], T] | None = None) -> None:
        self.key = key
        self.convert = convert

    @overload
    def __get__(self, instance: None, owner: type) -> ConfigAttribute[T]: ...
    @overload
    def __get__(self, instance: Any, owner: type) -> T: ...
    def __get__(self, instance: Any, owner: type) -> ConfigAttribute[T] | T:
        if instance is None:
            return self
        value = instance.config[self.key]
        return value if self.convert is None else self.convert(value)

    def __set__(self, instance: Any, value: Any) -> None:
        instance.config[self.key] = value
