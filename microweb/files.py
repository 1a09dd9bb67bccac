"""Files as responses: `send_file`, and folders that are served under a URL."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
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
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | int | float | None = None,
    max_age: int | Callable[[str | None], int | None] | None = None,
    use_x_sendfile: bool = False,
    response_class: type[Response] = Response,
    root_path: str,
) -> Response:
    """Return a response with a file; see :func:`microweb.send_file` for the parameters."""
    response: Any = werkzeug.utils.send_file(
        path_or_file,
        environ,
        mimetype=mimetype,
        as_attachment=as_attachment,
        download_name=download_name,
        conditional=conditional,
        etag=etag,
        last_modified=last_modified,
        max_age=max_age,
        use_x_sendfile=use_x_sendfile,
        response_class=response_class,
        _root_path=root_path,
    )
    response.standalone_body = True
    return response  # type: ignore[no-any-return]  # an instance of response_class


def send_from_directory(
    directory: str | os.PathLike[str],
    path: str | os.PathLike[str],
    environ: WSGIEnvironment,
    *,
    root_path: str,
    **options: Any,
) -> Response:
    """Return a file from below a folder.

    :param directory: The folder; relative to `root_path`.
    :param path: The file in it, as it came from the URL.
    :raises NotFound: where there is no such file, or `path` leads out of the folder.
    """
    found = safe_join(os.fspath(directory), os.fspath(path))
    if found is None:
        raise NotFound()
    found = os.path.join(root_path, found)
    if not os.path.isfile(found):
        raise NotFound()
    return send_file(found, environ, root_path=root_path, **options)
