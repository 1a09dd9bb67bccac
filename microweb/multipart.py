"""Multipart forms as browsers and HTTP libraries send them (RFC 7578), found in one piece.

:func:`parse` knows the plain form of a part only: what differs from it in any way is for Werkzeug's
parser, which gets the same bytes. Where both read a form they read the same.
"""

from __future__ import annotations

import re
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import Any

from werkzeug.datastructures import FileStorage, Headers

#: The longest form in bytes that is read in one piece; it is in memory twice at most.
AT_ONCE = 2 * 1024 * 1024

# A boundary that needs no quotes, as everything sends that is in use.
_CONTENT_TYPE = re.compile(r"multipart/form-data; ?boundary=([0-9A-Za-z_-]{1,70})")
# The headers of a part, behind its boundary. What Werkzeug would unescape is not plain: quotes,
# backslashes, percent signs.
_HEADERS = re.compile(
    rb'\r\nContent-Disposition: (form-data; name="([^"\\%\r\n]*)"(?:; filename="([^"\\%\r\n]*)")?)'
    rb"(?:\r\nContent-Type: ([!-~](?:[ -~]*[!-~])?))?\r\n\r\n"
)
# Werkzeug reads in steps of 64 KiB, counts what is left of the step before against the limit of
# memory too, and refuses headers beyond that.
_STEP = 64 * 1024
_LONGEST_HEADERS = 8 * 1024

#: Names and values of fields, names and values of files.
Form = tuple[dict[str, list[str]], dict[str, list[FileStorage]]]


def boundary_of(content_type: str) -> bytes | None:
    """Return the boundary of a multipart form, or None where the type is not plainly that."""
    match = _CONTENT_TYPE.fullmatch(content_type)
    return None if match is None else match[1].encode()


def parse(body: bytes, boundary: bytes, memory: int | None, parts: int | None) -> Form | None:
    """Return the fields and the files of a multipart form, in linear time.

    :param body: The whole body.
    :param boundary: The boundary of its parts.
    :param memory: How many bytes a field may take.
    :param parts: How many fields and files there may be.
    :returns: None where the form is not plain, or beyond a limit.
    """
    delimiter = b"--" + boundary
    if not body.startswith(delimiter) or (memory is not None and memory < 2 * _STEP):
        return None
    found: list[tuple[re.Match[bytes], int]] = []
    behind = len(delimiter)
    while not body.startswith(b"--", behind):
        headers = _HEADERS.match(body, behind)
        if headers is None or headers.end() - behind > _LONGEST_HEADERS:
            return None
        start = headers.end()
        at = body.find(delimiter, start)
        # Of an empty part, some clients do not send the end of the line that it does not have.
        end = max(start, at - 2)
        if at < 0 or body[at - 2 : at] != b"\r\n" or _is_beyond(headers, end - start, memory):
            return None
        found.append((headers, end))
        if parts is not None and len(found) > parts:
            return None
        behind = at + len(delimiter)
    if len(body) - behind > 4 or body[behind + 2 :] not in (b"", b"\r\n"):
        return None
    try:
        return _form(body, found)
    except UnicodeDecodeError:  # of a name
        return None


def _is_beyond(headers: re.Match[bytes], size: int, memory: int | None) -> bool:
    """Return whether a part is a field that is too long, or may be in an encoding of its own."""
    _, _, filename, content_type = headers.groups()
    if filename is not None:
        return False
    return (memory is not None and size > memory) or b";" in (content_type or b"")


def _form(body: bytes, found: list[tuple[re.Match[bytes], int]]) -> Form:
    # All of them before the first file is made, as one that is not UTF-8 ends it.
    names = [headers[2].decode() for headers, _ in found]
    filenames = [None if headers[3] is None else headers[3].decode() for headers, _ in found]
    fields: dict[str, list[str]] = {}
    files: dict[str, list[FileStorage]] = {}
    for (headers, end), name, filename in zip(found, names, filenames, strict=True):
        content = body[headers.end() : end]
        if filename is None:
            fields.setdefault(name, []).append(content.decode(errors="replace"))
        else:
            file = _stored(content, name, filename, headers)
            files.setdefault(name, []).append(file)
    return fields, files


def _stored(content: bytes, name: str, filename: str, headers: re.Match[bytes]) -> FileStorage:
    listed = [("Content-Disposition", headers[1].decode())]
    if headers[4] is not None:
        listed.append(("Content-Type", headers[4].decode()))
    # Of Werkzeug's class, which has a file on disk as soon as one is asked for. The bytes are in
    # memory already: to write them to disk, or to copy them, takes longer than all else (1 ms a
    # megabyte). Where they are kept has no public name; Werkzeug's FileStorage uses it too.
    stream: Any = SpooledTemporaryFile(max_size=AT_ONCE, mode="rb+")  # noqa: SIM115 - handed out
    stream._file = BytesIO(content)
    return FileStorage(stream, filename, name, headers=Headers(listed))
