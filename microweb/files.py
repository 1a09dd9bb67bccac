"""Files as responses: `send_file`, and folders that are served under a URL."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any

import werkzeug.utils
from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join

from .response import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def send_file(
    path_or_file: str | os.PathLike[str] | IO[bytes],
    environ: WSGIEnvironment,
    *,
    root_path: str,
    **options: Any,
) -> Response:
    """Return a response with a file.

    :param root_path: The folder that a relative path starts from.
    :param options: Those of :func:`microweb.send_file`, `use_x_sendfile` and `response_class`.
    """
    response: Any = werkzeug.utils.send_file(path_or_file, environ, _root_path=root_path, **options)
    response.standalone_body = True
    return response  # type: ignore[no-any-return]  # of the response class that was given


def send_from_directory(
    directory: str | os.PathLike[str],
    path: str | os.PathLike[str],
    environ: WSGIEnvironment,
    *,
    root_path: str,
    debug: bool = False,
    **options: Any,
) -> Response:
    """Return a file from below a folder.

    :param directory: The folder; relative to `root_path`.
    :param path: The file in it, as it came from the URL.
    :param debug: Say in the error which file was looked for.
    :raises NotFound: where there is no such file, or `path` leads out of the folder.
    """
    found = safe_join(os.fspath(directory), os.fspath(path))
    if found is None:
        raise NotFound()
    found = os.path.join(root_path, found)
    if not os.path.isfile(found):
        raise NotFound(f"There is no file {found!r}." if debug else None)
    return send_file(found, environ, root_path=root_path, **options)
