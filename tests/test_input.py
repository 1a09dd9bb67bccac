"""The input adapter: where a body ends, and what becomes of one that nobody read."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from werkzeug.exceptions import ClientDisconnected, LengthRequired, RequestEntityTooLarge

from microweb import App, request
from microweb.input import DRAINED, Body, adapt

BODY = b"first line\nsecond line\nand what the next request begins with"
LENGTH = len(b"first line\nsecond line\n")


def environ(body: bytes = BODY, **more: Any) -> dict[str, Any]:
    return {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(LENGTH), **more}


def body_of(environ: dict[str, Any]) -> Body:
    body = adapt(environ)
    assert isinstance(body, Body)
    replaced: object = environ["wsgi.input"]
    assert replaced is body
    return body


def test_a_body_ends_where_its_length_says() -> None:
    body = body_of(environ())
    assert body.read() == b"first line\nsecond line\n"
    assert body.read() == b""
    assert body.read(10) == b""


def test_a_body_is_read_in_pieces_and_by_lines() -> None:
    assert list(body_of(environ())) == [b"first line\n", b"second line\n"]
    body = body_of(environ())
    assert [body.read(5), body.readline(), body.read()] == [b"first", b" line\n", b"second line\n"]


def test_a_body_that_comes_in_pieces_is_read_to_its_end() -> None:
    class Slow(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(3)

    for length in (LENGTH, 100_000):
        data = bytes(range(256)) * (length // 256 + 1)
        body = body_of({"wsgi.input": Slow(data), "CONTENT_LENGTH": str(length)})
        assert body.read() == data[:length]


@pytest.mark.parametrize("length", [LENGTH, 100_000])
def test_a_body_that_stops_too_early_is_the_clients_mistake(length: int) -> None:
    body = body_of({"wsgi.input": io.BytesIO(b"short"), "CONTENT_LENGTH": str(length)})
    with pytest.raises(ClientDisconnected):
        body.read()


@pytest.mark.parametrize("length", ["abc", "-1", "+5", "1_0", "٣", "9" * 5_000, "5, 5", " "])
def test_a_length_that_is_none_is_an_empty_body(length: str) -> None:
    assert body_of(environ(CONTENT_LENGTH=length)).read() == b""


def test_a_chunked_body_that_the_server_decodes_is_left_to_it_and_drained() -> None:
    terminated = environ(CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked")
    terminated["wsgi.input_terminated"] = True
    stream = terminated["wsgi.input"]
    body = adapt(terminated)
    assert terminated["wsgi.input"] is stream
    assert body is not None
    body.drain()
    assert stream.read() == b""


def test_a_chunked_body_that_nobody_decodes_needs_a_length() -> None:
    with pytest.raises(LengthRequired) as caught:
        adapt(environ(CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked"))
    assert caught.value.description == (
        "This server does not decode chunked bodies: send a Content-Length."
    )


class Uwsgi:
    """What a worker of uWSGI has of the module of this name."""

    def __init__(self, *options: str, chunks: tuple[bytes, ...] = (b"hello", b"")) -> None:
        self.opt = dict.fromkeys(options, True)
        self._chunks = list(chunks)

    def chunked_read(self) -> bytes:
        if not self._chunks:
            raise OSError("timeout during chunked read")
        return self._chunks.pop(0)


@pytest.mark.parametrize(
    ("options", "router"),
    [
        (["http-socket"], None),
        (["http", "http-chunked-input"], "http"),
        (["http", "http-raw-body"], "http"),
        # One port of each kind; and a router that is another process, of which nothing is known.
        (["http", "http-socket"], None),
        (["socket"], "http"),
    ],
)
def test_a_chunked_body_is_read_as_uwsgi_hands_it_over(
    monkeypatch: pytest.MonkeyPatch, options: list[str], router: str | None
) -> None:
    monkeypatch.setitem(sys.modules, "uwsgi", Uwsgi(*options))
    chunked = environ(CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked")
    chunked |= {} if router is None else {"UWSGI_ROUTER": router}
    adapt(chunked)
    assert chunked["wsgi.input"].read() == b"hello"


def test_chunks_that_uwsgis_router_keeps_are_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uwsgi = Uwsgi("http")
    monkeypatch.setitem(sys.modules, "uwsgi", uwsgi)
    chunked = environ(CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked", UWSGI_ROUTER="http")
    with pytest.raises(LengthRequired):
        adapt(chunked)
    assert uwsgi.chunked_read() == b"hello"  # nobody has asked


def test_a_chunked_body_that_a_proxy_has_counted_is_read_by_its_length() -> None:
    counted = environ(HTTP_TRANSFER_ENCODING="chunked")
    assert body_of(counted).read() == b"first line\nsecond line\n"
    assert "HTTP_TRANSFER_ENCODING" not in counted


def test_the_client_is_told_to_send_a_length(app: App) -> None:
    @app.post("/")
    def index() -> str:
        return request.get_data(as_text=True)

    client = app.test_client()
    refused = client.post(
        "/",
        input_stream=io.BytesIO(b"5\r\nhello\r\n0\r\n\r\n"),
        environ_overrides={
            "HTTP_TRANSFER_ENCODING": "chunked",
            "CONTENT_LENGTH": "",
            "wsgi.input_terminated": False,
        },
    )
    assert refused.status_code == 411
    assert client.post("/", data="hello").text == "hello"


@pytest.mark.parametrize("read", [0, 3, 200_000])
def test_what_a_view_leaves_unread_is_drained(app: App, read: int) -> None:
    @app.post("/")
    def index() -> str:
        request.stream.read(read) if read else None
        return "answer"

    stream = io.BytesIO(b"x" * 200_000)
    assert app.test_client().post("/", input_stream=stream).text == "answer"
    assert stream.read() == b""


def test_a_refused_body_is_drained_too(app: App) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10

    @app.post("/")
    def index() -> bytes:
        return request.get_data()

    for path, status in [("/", 413), ("/missing", 404)]:
        stream = io.BytesIO(b"x" * 200_000)
        response = app.test_client().post(path, input_stream=stream)
        assert (response.status_code, stream.read()) == (status, b"")


def test_draining_is_bounded() -> None:
    stream = io.BytesIO(b"x" * (DRAINED + 1_000_000))
    length = str(DRAINED + 1_000_000)
    body_of({"wsgi.input": stream, "CONTENT_LENGTH": length}).drain()
    assert stream.tell() == DRAINED


def test_draining_survives_a_client_that_has_gone() -> None:
    class Gone(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError

    body_of({"wsgi.input": Gone(), "CONTENT_LENGTH": "5"}).drain()


def test_the_body_of_a_stream_can_be_read_while_it_is_sent(app: App) -> None:
    @app.post("/")
    def index() -> Any:
        def echo() -> Any:
            yield "read: "
            yield request.stream.read()

        return echo()

    assert app.test_client().post("/", data=b"body", buffered=True).text == "read: body"


def test_a_length_over_the_limit_is_refused_before_anything_is_read(app: App) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 5
    read: list[int] = []

    @app.post("/")
    def index() -> str:
        with pytest.raises(RequestEntityTooLarge) as caught:
            request.stream  # noqa: B018 - raises
        read.append(request.environ["wsgi.input"].tell())
        return str(caught.value.description)

    assert app.test_client().post("/", data=b"123456").text == "A body may take 5 bytes."
    assert read == [0]


def test_a_chunked_body_over_the_limit_is_refused_and_not_cut(app: App) -> None:
    app.config["MAX_CONTENT_LENGTH"] = 10

    @app.post("/")
    def index() -> str:
        return str(len(request.get_data()))

    client = app.test_client()
    for size, expected in [
        (9, (200, "9")),
        (10, (200, "10")),
        (11, (413, "")),
        (3_000, (413, "")),
    ]:
        response = client.post(
            "/",
            input_stream=io.BytesIO(b"x" * size),
            environ_overrides={
                "HTTP_TRANSFER_ENCODING": "chunked",
                "CONTENT_LENGTH": "",
                "wsgi.input_terminated": True,
            },
        )
        text = response.text if response.status_code == 200 else ""
        assert (response.status_code, text) == expected
