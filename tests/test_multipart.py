"""What is read of a multipart form in one piece, and what is left to Werkzeug's parser.

That both read the same is a property test; here are the limits of what is read at all.
"""

from __future__ import annotations

from io import BytesIO

import pytest
from werkzeug.exceptions import RequestEntityTooLarge

from microweb import Request, multipart
from microweb.input import Body

FIELD = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
FILE = (
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n'
    b"Content-Type: text/plain\r\n\r\n"
)
END = b"--x--\r\n"


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=----WebKitFormBoundaryA1", b"----WebKitFormBoundaryA1"),
        ("multipart/form-data;boundary=x", b"x"),
        ('multipart/form-data; boundary="x"', None),
        ("multipart/form-data; boundary=x; charset=utf-8", None),
        ("multipart/form-data; boundary=x\n", None),
        ("multipart/form-data; boundary=" + "x" * 71, None),
        ("multipart/form-data; boundary=é", None),
        ("multipart/form-data", None),
        ("multipart/mixed; boundary=x", None),
        ("", None),
    ],
)
def test_only_a_plain_boundary_is_one(content_type: str, boundary: bytes | None) -> None:
    assert multipart.boundary_of(content_type) == boundary


def test_fields_and_files_are_found_by_name() -> None:
    found = multipart.parse(FIELD + FILE + b"text\r\n" + FIELD + END, b"x", None, None)
    assert found is not None
    fields, files = found
    assert fields == {"a": ["1", "1"]}
    (file,) = files["f"]
    assert (file.name, file.filename, file.mimetype, file.read()) == (
        *("f", "a.txt", "text/plain"),
        b"text",
    )
    file.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"before" + FIELD + END,
        FIELD,
        FIELD + b"--x--behind",
        FIELD.replace(b"\r\n", b"\n") + END,
        FIELD.replace(b'"a"', b"a") + END,
        FIELD.replace(b'"a"', b'"a\\"b"') + END,
        FIELD.replace(b'"a"', b'"a%22b"') + END,
        FIELD.replace(b'"a"', b'"\xff"') + END,
        FIELD.replace(b'"a"', b"\"a\"; filename*=utf-8''b") + END,
        FIELD.replace(b'"a"', b'"a"\r\nX-Other: 1') + END,
        FIELD.replace(b'"a"', b'"a"\r\nContent-Disposition: form-data; name="b"') + END,
        FIELD.replace(b'"a"', b'"a"\r\nContent-Type: text/plain; charset=iso-8859-1') + END,
        FIELD.replace(b'"a"', b'"' + b"a" * 9_000 + b'"') + END,
        FIELD.replace(b"1", b"--xy") + END,
    ],
)
def test_what_is_not_plain_is_left_to_werkzeug(body: bytes) -> None:
    assert multipart.parse(body, b"x", None, None) is None


def test_what_is_beyond_a_limit_is_left_to_werkzeug_which_refuses_it() -> None:
    assert multipart.parse(FIELD * 2 + END, b"x", None, 2) is not None
    assert multipart.parse(FIELD * 3 + END, b"x", None, 2) is None
    long = FIELD.replace(b"1\r\n", b"1" * 200_000 + b"\r\n") + END
    assert multipart.parse(long, b"x", 200_000, None) is not None
    assert multipart.parse(long, b"x", 199_999, None) is None
    for name, body in (("max_form_parts", FIELD * 3 + END), ("max_form_memory_size", long)):
        request = made(body)
        setattr(request, name, 2 if name == "max_form_parts" else 199_999)
        with pytest.raises(RequestEntityTooLarge):
            request.form  # noqa: B018


def made(body: bytes) -> Request:
    return Request(
        {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": "multipart/form-data; boundary=x",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": Body(BytesIO(body), len(body)),
        }
    )


@pytest.mark.parametrize("read_before", [False, True])
@pytest.mark.parametrize("size", [1000, multipart.AT_ONCE])
def test_a_long_file_is_on_disk_whoever_read_the_body(size: int, read_before: bool) -> None:
    request = made(FILE + b"x" * size + b"\r\n" + END)
    if read_before:
        request.get_data()
    with request:
        file = request.files["f"]
        # Where the bytes are has no public name.
        assert file.stream._rolled is (size == multipart.AT_ONCE)  # type: ignore[attr-defined]
        assert len(file.read()) == size
        assert request.stream.read() == b""


def test_a_file_in_memory_is_on_disk_once_it_is_asked_for_its_number() -> None:
    with made(FILE + b"text\r\n" + END) as request:
        stream = request.files["f"].stream
        assert stream.fileno() > 2
        assert stream.read() == b"text"
        stream.write(b" and more")
        stream.seek(0)
        assert stream.read() == b"text and more"


@pytest.mark.parametrize(
    "flood",
    [
        b'--x\r\nContent-Disposition: form-data; name="' + b"a" * 50_000,
        b'--x\r\nContent-Disposition: form-data; name="a"; filename="' + b"a" * 50_000,
        FILE[:-4] + b"a " * 50_000,
        FILE[:-4] + b" " * 100_000,
        b"--x\r\n" * 20_000,
        b"--x" * 30_000,
    ],
)
def test_headers_without_an_end_take_no_longer_than_their_bytes(flood: bytes) -> None:
    from time import process_time

    def seconds(body: bytes) -> float:
        least = float("inf")
        for _ in range(3):
            start = process_time()
            assert multipart.parse(body, b"x", None, None) is None
            least = min(least, process_time() - start)
        return least

    assert seconds(flood + flood[-40_000:] * 16) < 0.005 + 40 * seconds(flood)
