"""What is read of a multipart form in one piece is what Werkzeug reads, whatever the client sends.

`MICROWEB_SOAK` in the environment multiplies the number of bodies that are tried.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.formparser import MultiPartParser
from werkzeug.wrappers import Request as WerkzeugRequest

from microweb import Request, multipart
from microweb.input import Body

# Of a body that breaks off in a file, Werkzeug leaves that file to the collector.
pytestmark = pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")

SOAK = float(os.environ.get("MICROWEB_SOAK", "1"))
MANY = settings(
    max_examples=max(1, round(500 * SOAK)),
    deadline=None,
    database=None,
    derandomize=SOAK == 1,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

#: A form is mostly made of whole pieces; among them are near misses of each.
PIECES = st.sampled_from(
    [
        *[b"--xyz", b"--xyz\r\n", b"\r\n--xyz\r\n", b"\r\n--xyz--", b"\r\n--xyz--\r\n"],
        *[b"\n--xyz\n", b"\r--xyz\r", b"--xyz \r\n", b"--xyzz", b"--xy", b"--", b"--xyz--x"],
        *[b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\n\n", b" ", b"\t", b"text", b"\xff", b"\x00"],
        *[b"\r\n\r\n\r\n", b"\r\r\n--xyz\r\n", "é".encode(), b'"', b"\\", b"%22", b";", b":"],
        b'Content-Disposition: form-data; name="a"\r\n\r\n',
        b'Content-Disposition: form-data; name="a"\r\n\r\nvalue\r\n',
        b'Content-Disposition: form-data; name="a"; filename="f.txt"\r\n\r\n',
        b'Content-Disposition: form-data; name="f"; filename="f.txt"\r\n',
        b'Content-Disposition: form-data; name=""; filename=""\r\n',
        'Content-Disposition: form-data; name="é"; filename="ü.txt"\r\n'.encode(),
        b'Content-Disposition: form-data; name="\xff"\r\n\r\n',
        b'content-disposition: form-data;name=a; filename="\\"%22"\r\n',
        b"Content-Disposition: form-data; name=\"a\"; filename*=utf-8''%c3%a9\r\n",
        b"Content-Disposition: attachment\r\n",
        *[
            b"Content-Type: text/plain\r\n\r\n",
            b"Content-Type: text/plain; charset=latin-1\r\n\r\n",
        ],
        *[b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\n", b"Content-Type: \r\n\r\n"],
        *[b"Content-Type: a/b \r\n\r\n", b"Content-Length: 3\r\n\r\n", b" continued\r\n"],
    ]
)
NAMES = st.sampled_from(["a", "b", "", "é", "a b", "a;b", "\x0b", "\x85", "\u2028", "'", "name="])
TYPES = st.sampled_from(["", "\r\nContent-Type: text/plain", "\r\nContent-Type: image/png; a=b"])
CONTENTS = st.one_of(
    st.binary(max_size=20), st.lists(PIECES, max_size=3).map(b"".join), st.just(b"\r" * 300)
)


@st.composite
def parts(draw: st.DrawFn) -> bytes:
    """One part as a browser sends it."""
    filename = f'; filename="{draw(NAMES)}"' if draw(st.booleans()) else ""
    headers = f'Content-Disposition: form-data; name="{draw(NAMES)}"{filename}{draw(TYPES)}'
    content = draw(CONTENTS)
    separator = b"" if not content and draw(st.booleans()) else b"\r\n"
    return b"--xyz\r\n" + headers.encode() + b"\r\n\r\n" + content + separator


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A form, with pieces replaced, taken out or put in."""
    body = (
        b"".join(draw(st.lists(parts(), max_size=4)))
        + b"--xyz--"
        + draw(st.sampled_from([b"\r\n", b"\r\n", b"", b"\r", b"\r\n\r\n", b"x"]))
    )
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(PIECES) + body[at + draw(st.sampled_from([0, 0, 1, 2, 5])) :]
    return body


def outcome(request_class: type[WerkzeugRequest], body: bytes, length: int, **limits: Any) -> Any:
    """Everything that can be seen of a form and its files, or the type of the exception."""
    stream: Any = BytesIO(body)
    if request_class is Request:
        stream = Body(stream, length)
    environ = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "multipart/form-data; boundary=xyz",
        "CONTENT_LENGTH": str(length),
        "wsgi.input": stream,
    }
    request = request_class(environ, populate_request=False)
    for name, limit in limits.items():
        setattr(request, name, limit)
    try:
        files = [
            (
                *(name, file.name, file.filename, list(file.headers), file.content_type),
                *(file.mimetype, file.content_length, file.read(), bool(file), repr(file)),
                *(type(file), type(file.headers), type(file.stream)),
            )
            for name, file in request.files.items(multi=True)
        ]
        left = request.stream.read()
        return list(request.form.items(multi=True)), files, left, request.get_data()
    except Exception as error:
        return type(error)
    finally:
        request.close()


def test_every_form_is_werkzeugs() -> None:
    plain = 0

    @MANY
    @given(bodies(), st.sampled_from([0, 0, 0, 1, 100, -1]))
    def compare(body: bytes, more: int) -> None:
        nonlocal plain
        length = max(0, len(body) + more)
        assert outcome(Request, body, length) == outcome(WerkzeugRequest, body, length)
        plain += multipart.parse(body, b"xyz", None, None) is not None

    compare()
    assert plain > 80 * SOAK


def test_the_limits_of_a_form_are_werkzeugs() -> None:
    @MANY
    @given(
        st.integers(0, 4),
        st.sampled_from([0, 10, 70_000, 140_000, 200_000]),
        st.sampled_from(["", '; filename="f"']),
        st.sampled_from([None, 0, 5, 70_000, 139_999, 140_000, 500_000]),
        st.sampled_from([None, 0, 1, 3, 4]),
    )
    def compare(count: int, size: int, extra: str, memory: int | None, most: int | None) -> None:
        head = f'--xyz\r\nContent-Disposition: form-data; name="a"{extra}\r\n\r\n'.encode()
        body = (head + b"x" * size + b"\r\n") * count + b"--xyz--\r\n"
        limits = {"max_form_memory_size": memory, "max_form_parts": most}
        ours = outcome(Request, body, len(body), **limits)
        assert ours == outcome(WerkzeugRequest, body, len(body), **limits)

    compare()


@pytest.mark.parametrize("size", [multipart.AT_ONCE - 200, multipart.AT_ONCE + 1])
def test_only_a_long_form_is_read_in_steps(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[int] = []
    parse: Callable[..., Any] = MultiPartParser.parse

    def counted(self: Any, *args: Any) -> Any:
        steps.append(size)
        return parse(self, *args)

    monkeypatch.setattr(MultiPartParser, "parse", counted)
    head = b'--xyz\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n'
    body = head + bytes(range(256)) * (size // 256) + b"\r\n--xyz--\r\n"
    (found,) = outcome(Request, body, len(body))[1]
    assert found[7] == body[len(head) : -len(b"\r\n--xyz--\r\n")]
    assert bool(steps) == (len(body) > multipart.AT_ONCE)


@pytest.mark.parametrize(
    "flood",
    [b"\r", b"\n", b"\r\n", b"\r\n-", b"\r\n--", b"\r\n--xy", b"\r\n--xy" * 2 + b"z", b"--xyz"],
)
def test_no_flood_takes_longer_than_its_bytes(flood: bytes) -> None:
    """The work of a search is counted in bytes looked at, by the time of one that finds nothing."""
    from time import process_time

    def seconds(size: int) -> float:
        head = b'--xyz\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n'
        body = head + flood * (size // len(flood)) + b"\r\n--xyz--\r\n"
        least = float("inf")
        for _ in range(3):
            start = process_time()
            multipart.parse(body, b"xyz", None, None)
            least = min(least, process_time() - start)
        return least

    assert seconds(1_600_000) < 0.005 + 40 * seconds(100_000)
