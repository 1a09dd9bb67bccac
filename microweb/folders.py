"""The folders of a module: its own, its static files, its templates."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any

from .errors import SetupError
from .lazy import lazy
from .response import Response

if TYPE_CHECKING:
    import jinja2


class Folders:
    """A module and the folders that belong to it: `App` or `Blueprint`.

    :param import_name: The name of the module, usually ``__name__``.
    :param static_folder: The folder of static files, relative to the module's; None has none.
    :param static_url_path: The URL prefix of static files; the folder's name where it is None.
    :param template_folder: The folder of templates, relative to the module's.
    :param root_path: The module's folder; found from `import_name` where it is None.
    """

    def __init__(
        self,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        root_path: str | None = None,
    ) -> None:
        self.import_name = import_name
        self.root_path = find_root_path(import_name) if root_path is None else root_path
        self.template_folder = template_folder
        self._static_folder: str | None = None
        self._static_url_path: str | None = None
        self.static_folder = static_folder
        self.static_url_path = static_url_path

    @property
    def static_folder(self) -> str | None:
        """The folder of static files as an absolute path, or None."""
        if self._static_folder is None:
            return None
        return _joined(self.root_path, self._static_folder)

    @static_folder.setter
    def static_folder(self, value: str | os.PathLike[str] | None) -> None:
        self._static_folder = None if value is None else os.fspath(value).rstrip("/\\")

    @property
    def has_static_folder(self) -> bool:
        """Whether static files are served."""
        return self._static_folder is not None

    @property
    def static_url_path(self) -> str | None:
        """The URL prefix of static files: the name of their folder unless one was given."""
        if self._static_url_path is not None:
            return self._static_url_path
        if self._static_folder is None:
            return None
        return f"/{os.path.basename(self._static_folder)}".rstrip("/")

    @static_url_path.setter
    def static_url_path(self, value: str | None) -> None:
        if value and not value.startswith("/"):
            raise SetupError(
                f"The static_url_path {value!r} must start with a slash: write {'/' + value!r}."
            )
        self._static_url_path = None if value is None else value.rstrip("/")

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """Return for how many seconds clients may keep a file without asking; None: they ask.

        Override it to decide by the name of the file (RFC 9111 section 5.2.2.1).

        :param filename: The path of the file, or None where it has none.

        .. code-block:: python

            class Shop(App):
                def get_send_file_max_age(self, filename):
                    return 86_400 if filename and filename.endswith(".woff2") else None
        """
        raise NotImplementedError

    def send_static_file(self, filename: str) -> Response:
        """Return a file of the static folder, for the current request.

        :param filename: The path below the static folder; it may come from the client.
        :raises NotFound: where there is no such file, or the path leads out of the folder.
        """
        raise NotImplementedError

    @lazy
    def jinja_loader(self) -> jinja2.BaseLoader | None:
        """What finds the templates of this scope: in its template folder, or None without one."""
        if self.template_folder is None:
            return None
        from jinja2 import FileSystemLoader

        return FileSystemLoader(os.path.join(self.root_path, os.fspath(self.template_folder)))

    def open_resource(
        self, resource: str, mode: str = "rb", encoding: str | None = None
    ) -> IO[Any]:
        """Open a file of the module's own folder for reading.

        :param resource: The path below :attr:`root_path`.
        :param mode: ``"rb"`` for bytes, ``"r"`` or ``"rt"`` for text.
        :param encoding: The encoding of a text; UTF-8 where it is None.
        :raises ValueError: for a mode that writes.

        .. code-block:: python

            with app.open_resource("schema.sql", "r") as file:
                database.executescript(file.read())
        """
        if mode not in ("r", "rt", "rb"):
            raise ValueError(f"open_resource only reads: mode {mode!r} is not 'r', 'rt' or 'rb'.")
        path = os.path.join(self.root_path, resource)
        return open(path, mode, encoding=None if "b" in mode else encoding or "utf-8")


#: Asked for each static file, by few scopes (0.1 µs against 0.7).
_joined = lru_cache(64)(os.path.join)


def find_root_path(import_name: str) -> str:
    """Return the folder of a module; the current one where it has none (as in a shell)."""
    module = sys.modules.get(import_name)
    filename = getattr(module, "__file__", None)
    if filename is None:
        try:
            spec = find_spec(import_name)
        except (ImportError, ValueError):
            spec = None
        filename = None if spec is None or not spec.has_location else spec.origin
    return os.getcwd() if filename is None else os.path.dirname(os.path.abspath(filename))


def static_view(folders: Folders) -> Callable[[str], Response]:
    """Return a view that sends the files of a static folder."""

    def send(filename: str) -> Response:
        # Looked up at each call, because it may be overridden.
        return folders.send_static_file(filename)

    return send
