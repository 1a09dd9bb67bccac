"""The pictures of entries: what is accepted, where they are kept, and how they are sent."""

from __future__ import annotations

import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from werkzeug.datastructures import FileStorage

from microweb import Blueprint, Response, abort, current_app, request, send_from_directory

from .db import connection

bp = Blueprint("pictures", __name__, url_prefix="/pictures")

# The largest form with a picture, in bytes.
FORM_LIMIT = 5 * 1024 * 1024

# The type of each suffix that a picture can get.
TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}

# A picture may be without an entry for as long as its form is at work, but not longer (seconds).
GRACE = 3600


class Refused(ValueError):
    """What was sent is not a picture that is accepted; the message tells the visitor why."""


def folder() -> Path:
    return Path(current_app.instance_path, "pictures")


def received() -> FileStorage | None:
    """Return the picture in the form, if there is one."""
    if request.form.get("picture"):
        # The file's name arrives in its place where a form is not multipart/form-data.
        raise Refused("The picture did not arrive, only its name. Please choose it again.")
    file = request.files.get("picture")
    if file is None or not file.filename:
        return None
    if suffix_of(file.stream) is None:
        raise Refused("This is not a picture: please choose a PNG, JPEG, GIF or WebP file.")
    return file


def suffix_of(stream: IO[bytes]) -> str | None:
    """Tell the type by the first bytes; names and declared types can say anything."""
    head = stream.read(12)
    stream.seek(0)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return ".png"
    if head.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return ".gif"
    if head.startswith(b"RIFF") and head[8:] == b"WEBP":
        return ".webp"
    return None


def save(file: FileStorage) -> str:
    """Keep a picture that was `received`; return its new name, which nobody can guess."""
    name = f"{secrets.token_hex(16)}{suffix_of(file.stream)}"
    folder().mkdir(exist_ok=True)
    file.save(folder() / name)
    return name


def remove(name: str | None) -> None:
    if name is not None:
        folder().joinpath(name).unlink(missing_ok=True)


def sweep() -> None:
    """Remove the pictures without an entry, which a crash at the wrong moment can leave."""
    used = {name for (name,) in connection().execute("SELECT picture FROM entry")}
    for path in folder().glob("*"):
        # Another worker, or a visitor, may have removed it meanwhile.
        with suppress(FileNotFoundError):
            if path.name not in used and path.stat().st_mtime < time.time() - GRACE:
                path.unlink()


@bp.get("/<name>")
def show(name: str) -> Response:
    mimetype = TYPES.get(Path(name).suffix)
    if mimetype is None:
        abort(404)
    response = send_from_directory(folder(), name, mimetype=mimetype, max_age=31536000)
    # A name never gets another content.
    response.cache_control.immutable = True
    return response
