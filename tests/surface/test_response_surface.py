"""The response as a view makes it: cookies, headers by attribute, conditions, and files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.http import COEP, COOP
from werkzeug.test import TestResponse
from werkzeug.wrappers import Response as WerkzeugResponse

from microweb import (
    App,
    Response,
    after_this_request,
    copy_current_request_context,
    g,
    make_response,
    request,
    send_file,
    send_from_directory,
    session,
    stream_with_context,
)
from microweb.errors import OutsideContext

THEN = datetime(2024, 2, 29, 12, 30, tzinfo=timezone.utc)


def answer(app: App, make: Callable[[Response], Any], **kwargs: Any) -> TestResponse:
    """Let a view do something with a response, and return what a client gets."""

    def view() -> Response:
        response = app.response_class("body")
        made = make(response)
        return made if isinstance(made, Response) else response

    app.add_url_rule("/", "view", view)
    return app.test_client(use_cookies=False).get("/", **kwargs)


# --- cookies


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, "name=value; Path=/"),
        ({"max_age": 60}, "name=value; Max-Age=60; Path=/"),
        ({"max_age": timedelta(hours=1)}, "name=value; Max-Age=3600; Path=/"),
        ({"max_age": 0}, "name=value; Max-Age=0; Path=/"),
        ({"expires": THEN}, "name=value; Expires=Thu, 29 Feb 2024 12:30:00 GMT; Path=/"),
        ({"expires": 0}, "name=value; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Path=/"),
        ({"path": "/app"}, "name=value; Path=/app"),
        ({"path": None}, "name=value"),
        ({"domain": "example.com"}, "name=value; Domain=example.com; Path=/"),
        ({"domain": ".example.com"}, "name=value; Domain=example.com; Path=/"),
        ({"secure": True}, "name=value; Secure; Path=/"),
        ({"httponly": True}, "name=value; HttpOnly; Path=/"),
        ({"samesite": "lax"}, "name=value; Path=/; SameSite=Lax"),
        ({"samesite": "Strict"}, "name=value; Path=/; SameSite=Strict"),
        ({"samesite": "None", "secure": True}, "name=value; Secure; Path=/; SameSite=None"),
        ({"partitioned": True}, "name=value; Secure; Path=/; Partitioned"),
        (
            {"max_age": 1, "secure": True, "httponly": True, "samesite": "Lax", "path": "/x"},
            "name=value; Max-Age=1; Secure; HttpOnly; Path=/x; SameSite=Lax",
        ),
    ],
)
def test_a_cookie_is_set_with_its_attributes(app: App, options: Any, sent: str) -> None:
    response = answer(app, lambda response: response.set_cookie("name", "value", **options))
    (header,) = response.headers.getlist("Set-Cookie")
    if "expires" not in options:  # Werkzeug computes it of max_age, for old browsers
        header = re.sub("Expires=[^;]+; ", "", header)
    assert header == sent


EXPIRED = "Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; "


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({}, f"name=; {EXPIRED}Path=/"),
        (
            {"path": "/app", "domain": "example.com"},
            f"name=; Domain=example.com; {EXPIRED}Path=/app",
        ),
        (
            {"secure": True, "httponly": True, "samesite": "Strict", "partitioned": True},
            f"name=; {EXPIRED}Secure; HttpOnly; Path=/; SameSite=Strict; Partitioned",
        ),
    ],
)
def test_a_cookie_is_deleted_by_an_empty_one_in_the_past(
    app: App, options: dict[str, Any], sent: str
) -> None:
    response = answer(app, lambda response: response.delete_cookie("name", **options))
    assert response.headers["Set-Cookie"] == sent


@pytest.mark.parametrize("value", ["a b", "a;b", "a,b", "é", '"quoted"', "", "a=b", "\\", "☃"])
def test_any_value_of_a_cookie_comes_back(app: App, value: str) -> None:
    app.add_url_rule("/get", "get", lambda: [request.cookies["name"]])

    @app.get("/set")
    def give() -> Response:
        response = make_response("")
        response.set_cookie("name", value)
        return response

    client = app.test_client()
    client.get("/set")
    assert client.get("/get").json == [value]


def test_several_cookies_are_several_headers(app: App) -> None:
    def make(response: Response) -> None:
        response.set_cookie("a", "1")
        response.set_cookie("b", "2")
        response.delete_cookie("c")

    sent = answer(app, make).headers.getlist("Set-Cookie")
    assert [header.partition("=")[0] for header in sent] == ["a", "b", "c"]


def test_a_cookie_of_an_unknown_samesite_is_refused(app: App) -> None:
    with pytest.raises(ValueError, match="SameSite must be"):
        answer(app, lambda response: response.set_cookie("a", samesite="Sometimes"))


# --- headers by attribute

PROPERTIES: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "status_code": (201, []),
    "status": ("418 Custom", []),
    "mimetype": ("text/plain", [("Content-Type", "text/plain; charset=utf-8")]),
    "content_type": ("text/x", [("Content-Type", "text/x")]),
    "content_length": (4, []),
    "content_encoding": ("identity", [("Content-Encoding", "identity")]),
    "content_location": ("/ü", [("Content-Location", "/%C3%BC")]),
    "content_md5": ("x", [("Content-MD5", "x")]),
    "content_range": ("bytes 0-3/4", [("Content-Range", "bytes 0-3/4")]),
    "content_language": (["de", "en"], [("Content-Language", "de, en")]),
    "content_security_policy": (
        "default-src 'self'",
        [("Content-Security-Policy", "default-src 'self'")],
    ),
    "content_security_policy_report_only": (
        "img-src *",
        [("Content-Security-policy-report-only", "img-src *")],
    ),
    "access_control_allow_credentials": (True, [("Access-Control-Allow-Credentials", "true")]),
    "access_control_allow_headers": (["X-A"], [("Access-Control-Allow-Headers", "X-A")]),
    "access_control_allow_methods": (["PUT"], [("Access-Control-Allow-Methods", "PUT")]),
    "access_control_allow_origin": ("*", [("Access-Control-Allow-Origin", "*")]),
    "access_control_expose_headers": (["X"], [("Access-Control-Expose-Headers", "X")]),
    "access_control_max_age": (5, [("Access-Control-Max-Age", "5")]),
    "cross_origin_opener_policy": (
        COOP.SAME_ORIGIN,
        [("Cross-Origin-Opener-Policy", "same-origin")],
    ),
    "cross_origin_embedder_policy": (
        COEP.REQUIRE_CORP,
        [("Cross-Origin-Embedder-Policy", "require-corp")],
    ),
    "accept_ranges": ("none", [("Accept-Ranges", "none")]),
    "age": (5, [("Age", "5")]),
    "allow": (["GET", "PUT"], [("Allow", "GET, PUT")]),
    "date": (THEN, [("Date", "Thu, 29 Feb 2024 12:30:00 GMT")]),
    "expires": (THEN, [("Expires", "Thu, 29 Feb 2024 12:30:00 GMT")]),
    "last_modified": (THEN, [("Last-Modified", "Thu, 29 Feb 2024 12:30:00 GMT")]),
    "location": ("/ü?a=b c", [("Location", "/%C3%BC?a=b%20c")]),
    "retry_after": (5, [("Retry-After", "5")]),
    "vary": (["Accept", "Cookie"], [("Vary", "Accept, Cookie")]),
    "www_authenticate": (
        WWWAuthenticate("basic", {"realm": "x"}),
        [("WWW-Authenticate", "Basic realm=x")],
    ),
    "data": (b"four", []),
    "headers": ({"X-A": "1"}, [("X-A", "1")]),
}


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_property_sends_its_header(app: App, name: str) -> None:
    value, expected = PROPERTIES[name]

    def make(response: Response) -> None:
        if name == "headers":
            response.headers.update(value)
        else:
            setattr(response, name, value)

    response = answer(app, make)
    usual = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", "4")]
    sent = [pair for pair in response.headers.items() if pair not in usual]
    assert sent == expected
    stock = WerkzeugResponse("body", mimetype="text/html")
    make(stock)  # type: ignore[arg-type]
    assert (response.status, response.data) == (stock.status, stock.get_data())


def test_cache_control_has_its_directives_as_attributes(app: App) -> None:
    def make(response: Response) -> None:
        control = response.cache_control
        control.public, control.max_age, control.must_revalidate = True, 60, True

    header = answer(app, make).headers["Cache-Control"]
    assert header == "public, max-age=60, must-revalidate"


def test_sets_of_names_grow_and_shrink(app: App) -> None:
    def make(response: Response) -> None:
        response.vary.add("Accept")
        response.vary.update(["Cookie", "accept"])
        response.vary.discard("cookie")
        response.allow.add("GET")
        response.content_security_policy.default_src = "'self'"
        response.content_security_policy.img_src = "*"

    headers = answer(app, make).headers
    assert (headers["Vary"], headers["Allow"]) == ("Accept", "GET")
    assert headers["Content-Security-Policy"] == "default-src 'self'; img-src *"


def test_json_is_read_back_from_a_response(app: App) -> None:
    response = app.response_class('{"a": 1}', mimetype="application/json")
    assert (response.is_json, response.json, response.get_json()) == (True, {"a": 1}, {"a": 1})
    other = app.response_class("text")
    assert (other.is_json, other.json, other.get_json(silent=True)) == (False, None, None)
    assert other.get_json(force=True, silent=True) is None
    with pytest.raises(ValueError, match="Expecting value"):
        other.get_json(force=True)


# --- conditions


@pytest.mark.parametrize(
    ("etag", "condition", "status"),
    [
        ({}, {}, 200),
        ({}, {"If-None-Match": '"mine"'}, 304),
        ({}, {"If-None-Match": 'W/"mine"'}, 304),
        ({}, {"If-None-Match": '"other"'}, 200),
        ({}, {"If-None-Match": "*"}, 304),
        ({"weak": True}, {"If-None-Match": '"mine"'}, 304),
        ({}, {"If-Match": '"mine"'}, 200),
        ({}, {"If-Match": '"other"'}, 412),
    ],
)
def test_a_response_with_a_tag_answers_conditions(
    app: App, etag: dict[str, bool], condition: dict[str, str], status: int
) -> None:
    def make(response: Response) -> Any:
        response.set_etag("mine", **etag)
        return response.make_conditional(request)

    response = answer(app, make, headers=condition)
    assert response.status_code == status
    assert response.headers["ETag"] == ('W/"mine"' if etag else '"mine"')
    assert response.data == (b"" if status == 304 else b"body")


def test_a_tag_is_computed_of_the_body_and_kept(app: App) -> None:
    response = app.response_class("body")
    response.add_etag()
    tag = response.get_etag()
    assert tag == ("02083f4579e08a612425c0c1a17ee47add783b94", False)
    response.set_data("other")
    response.add_etag()
    assert response.get_etag() == tag
    response.add_etag(overwrite=True, weak=True)
    assert response.get_etag()[1] is True


def test_a_frozen_response_has_tag_and_length_and_no_stream(app: App) -> None:
    response = app.response_class(piece for piece in ("a", "b"))
    assert (response.is_streamed, response.is_sequence) == (True, False)
    response.freeze()
    assert (response.is_streamed, response.is_sequence) == (False, True)
    assert response.headers["Content-Length"] == "2"
    assert response.get_etag()[0] is not None


def test_a_part_of_a_response_is_sent_when_asked(app: App) -> None:
    def make(response: Response) -> Any:
        return response.make_conditional(request, accept_ranges=True, complete_length=4)

    response = answer(app, make, headers={"Range": "bytes=1-2"}, buffered=True)
    assert (response.status_code, response.data) == (206, b"od")
    assert response.headers["Content-Range"] == "bytes 1-2/4"


# --- streams and functions of the request


def test_a_stream_has_its_request_to_the_end_with_and_without_the_alias(app: App) -> None:
    log: list[str] = []

    def pieces() -> Iterator[str]:
        for number in range(2):
            yield f"{number} {request.path} {g.name} {session.get('s')};"

    def begin(body: Any) -> Any:
        g.name = "g"
        return body

    app.add_url_rule("/plain", "plain", lambda: begin(pieces()))
    app.add_url_rule("/alias", "alias", lambda: begin(stream_with_context(pieces())))
    app.add_url_rule("/decorated", "decorated", lambda: begin(stream_with_context(pieces)()))
    app.add_url_rule("/response", "response", lambda: begin(app.response_class(pieces())))
    app.teardown_request(lambda error: log.append(request.path))
    client = app.test_client()
    for name in ("plain", "alias", "decorated", "response"):
        text = client.get(f"/{name}", buffered=True).text
        assert text == f"0 /{name} g None;1 /{name} g None;"
    assert log == ["/plain", "/alias", "/decorated", "/response"]


@pytest.mark.parametrize("function", [after_this_request, copy_current_request_context])
def test_what_belongs_to_a_request_needs_one(app: App, function: Any) -> None:
    with app.app_context(), pytest.raises(OutsideContext) as caught:
        function(lambda response: response)
    assert caught.value.name == function.__name__
    assert isinstance(caught.value, RuntimeError)


# --- send_file, in every form

MTIME = 1_709_209_800  # THEN
OTHER_TIME = timezone(timedelta(hours=2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = tmp_path / "files"
    files.mkdir()
    for name in ("a.txt", "ü.bin", "page.html", "archive.tar.gz"):
        (files / name).write_bytes(b"0123456789")
        os.utime(files / name, (MTIME, MTIME))
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path


def sent(
    folder: Path, what: Callable[[], Any], headers: Any = None, method: str = "GET", **options: Any
) -> TestResponse:
    app = App("example", root_path=str(folder), static_folder=None)
    app.testing = True
    app.add_url_rule("/", "view", lambda: send_file(what(), **options))
    return app.test_client().open("/", method=method, headers=headers, buffered=True)


@pytest.mark.parametrize("form", ["text", "Path", "absolute text", "absolute Path", "open file"])
def test_a_file_is_given_in_several_ways(folder: Path, form: str) -> None:
    absolute = folder / "files" / "a.txt"
    what: dict[str, Callable[[], Any]] = {
        "text": lambda: "files/a.txt",
        "Path": lambda: Path("files/a.txt"),
        "absolute text": lambda: str(absolute),
        "absolute Path": lambda: absolute,
        "open file": lambda: absolute.open("rb"),
    }
    options = {"download_name": "a.txt"} if form == "open file" else {}
    response = sent(folder, what[form], **options)
    assert (response.status_code, response.data) == (200, b"0123456789")
    assert response.content_type == "text/plain; charset=utf-8"
    named = form != "open file"
    assert response.headers.get("Content-Length") == ("10" if named else None)
    assert response.last_modified == (THEN if named else None)
    assert (response.get_etag()[0] is not None) is named


def test_bytes_of_memory_need_a_type_or_a_name(folder: Path) -> None:
    typed = sent(folder, lambda: BytesIO(b"x"), mimetype="application/x-own")
    assert (typed.data, typed.content_type) == (b"x", "application/x-own")
    assert typed.headers["Content-Length"] == "1"
    assert "Content-Disposition" not in typed.headers
    named = sent(folder, lambda: BytesIO(b"x"), download_name="a.csv", as_attachment=True)
    assert named.content_type == "text/csv; charset=utf-8"
    assert named.headers["Content-Disposition"] == "attachment; filename=a.csv"
    with pytest.raises(TypeError, match="Unable to detect the MIME type"):
        sent(folder, lambda: BytesIO(b"x"))
    with pytest.raises(TypeError, match="No name provided for attachment"):
        sent(folder, lambda: BytesIO(b"x"), mimetype="text/plain", as_attachment=True)


@pytest.mark.parametrize(
    ("name", "options", "disposition"),
    [
        ("a.txt", {}, "inline; filename=a.txt"),
        ("a.txt", {"as_attachment": True}, "attachment; filename=a.txt"),
        ("a.txt", {"as_attachment": True, "download_name": "b.c"}, "attachment; filename=b.c"),
        ("a.txt", {"download_name": "a b.txt"}, 'inline; filename="a b.txt"'),
        (
            "ü.bin",
            {"as_attachment": True},
            "attachment; filename=u.bin; filename*=UTF-8''%C3%BC.bin",
        ),
        (
            "a.txt",
            {"as_attachment": True, "download_name": "日本.txt"},
            "attachment; filename=.txt; filename*=UTF-8''%E6%97%A5%E6%9C%AC.txt",
        ),
        (
            "a.txt",
            {"as_attachment": True, "download_name": 'say "hi".txt'},
            'attachment; filename="say \\"hi\\".txt"',
        ),
    ],
)
def test_a_download_has_its_name(
    folder: Path, name: str, options: dict[str, Any], disposition: str
) -> None:
    response = sent(folder, lambda: f"files/{name}", **options)
    assert response.headers["Content-Disposition"] == disposition


def test_a_compressed_file_says_how_it_is_encoded(folder: Path) -> None:
    shown = sent(folder, lambda: "files/archive.tar.gz")
    assert (shown.mimetype, shown.content_encoding) == ("application/x-tar", "gzip")
    saved = sent(folder, lambda: "files/archive.tar.gz", as_attachment=True)
    assert saved.content_encoding is None


@pytest.mark.parametrize(
    ("etag", "sent_etag"),
    [("mine", '"mine"'), (False, None)],
)
def test_a_tag_is_ones_own_or_left_out(folder: Path, etag: Any, sent_etag: str | None) -> None:
    response = sent(folder, lambda: "files/a.txt", etag=etag)
    assert response.headers.get("ETag") == sent_etag
    memory = sent(folder, lambda: BytesIO(b"x"), etag=etag, mimetype="text/plain")
    assert memory.headers.get("ETag") == sent_etag


def test_the_tag_of_a_file_changes_with_it(folder: Path) -> None:
    first = sent(folder, lambda: "files/a.txt").headers["ETag"]
    assert sent(folder, lambda: "files/a.txt").headers["ETag"] == first
    os.utime(folder / "files" / "a.txt", (MTIME + 1, MTIME + 1))
    assert sent(folder, lambda: "files/a.txt").headers["ETag"] != first


@pytest.mark.parametrize(
    ("value", "header"),
    [
        (None, "Thu, 29 Feb 2024 12:30:00 GMT"),
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (MTIME, "Thu, 29 Feb 2024 12:30:00 GMT"),
        (MTIME + 0.9, "Thu, 29 Feb 2024 12:30:00 GMT"),
        (THEN, "Thu, 29 Feb 2024 12:30:00 GMT"),
        (datetime(2024, 2, 29, 12, 30), "Thu, 29 Feb 2024 12:30:00 GMT"),
        (datetime(2024, 2, 29, 14, 30, tzinfo=OTHER_TIME), "Thu, 29 Feb 2024 12:30:00 GMT"),
    ],
)
def test_last_modified_has_several_forms(folder: Path, value: Any, header: str) -> None:
    response = sent(folder, lambda: "files/a.txt", last_modified=value)
    assert response.headers["Last-Modified"] == header


@pytest.mark.parametrize(
    ("max_age", "control", "expires"),
    [
        (None, "no-cache", False),
        (0, "no-cache, max-age=0", True),
        (60, "public, max-age=60", True),
        (lambda path: len(Path(path).name), "public, max-age=5", True),
        (lambda path: None, "no-cache", False),
    ],
)
def test_max_age_is_a_number_or_a_function(
    folder: Path, max_age: Any, control: str, expires: bool
) -> None:
    headers = sent(folder, lambda: "files/a.txt", max_age=max_age).headers
    assert set(headers["Cache-Control"].split(", ")) == set(control.split(", "))
    assert ("Expires" in headers) is expires


OLD, NEW = "Thu, 29 Feb 2014 12:30:00 GMT", "Thu, 29 Feb 2034 12:30:00 GMT"
SAME = "Thu, 29 Feb 2024 12:30:00 GMT"


@pytest.mark.parametrize(
    ("headers", "status", "body"),
    [
        ({"If-None-Match": '"mine"'}, 304, b""),
        ({"If-None-Match": '"a", "mine"'}, 304, b""),
        ({"If-None-Match": "*"}, 304, b""),
        ({"If-None-Match": '"other"'}, 200, b"0123456789"),
        ({"If-None-Match": '"other"', "If-Modified-Since": SAME}, 200, b"0123456789"),
        ({"If-Modified-Since": SAME}, 304, b""),
        ({"If-Modified-Since": "not a date"}, 200, b"0123456789"),
        ({"If-Match": '"mine"'}, 200, b"0123456789"),
        ({"If-Match": '"other"'}, 412, b"0123456789"),
        ({"Range": "bytes=0-0"}, 206, b"0"),
        ({"Range": "bytes=2-4"}, 206, b"234"),
        ({"Range": "bytes=8-"}, 206, b"89"),
        ({"Range": "bytes=-3"}, 206, b"789"),
        ({"Range": "bytes=0-999"}, 206, b"0123456789"),
        ({"Range": "bytes=2-4", "If-Range": '"mine"'}, 206, b"234"),
        ({"Range": "bytes=2-4", "If-Range": SAME}, 206, b"234"),
        ({"Range": "bytes=2-4", "If-Range": '"other"'}, 200, b"0123456789"),
        ({"Range": "bytes=10-"}, 416, None),
        ({"Range": "bytes=-0"}, 416, None),
        ({"Range": "bytes=4-2"}, 416, None),
        ({"Range": "bytes=0-1,4-5"}, 416, None),  # several ranges, which Werkzeug does not send
        ({"Range": "bytes=x"}, 416, None),
        ({"Range": "items=0-1"}, 416, None),
    ],
)
@pytest.mark.parametrize("form", ["file", "memory"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_answers_conditions_and_ranges(
    folder: Path, method: str, form: str, headers: dict[str, str], status: int, body: bytes | None
) -> None:
    def what() -> Any:
        return "files/a.txt" if form == "file" else BytesIO(b"0123456789")

    response = sent(
        folder, what, headers, method, etag="mine", last_modified=THEN, mimetype="text/plain"
    )
    assert response.status_code == status
    if body is None:
        assert response.headers["Content-Range"] == "bytes */10"
        assert response.mimetype == "text/html"
        return
    assert response.data == (b"" if method == "HEAD" else body)
    assert response.headers["ETag"] == '"mine"'
    if status == 206:
        start = int(body[:1])
        assert response.headers["Content-Range"] == f"bytes {start}-{start + len(body) - 1}/10"
    if status in {200, 206}:
        assert response.headers["Content-Length"] == str(len(body))
        assert response.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_front_server_gets_the_path(folder: Path, method: str) -> None:
    app = App("example", root_path=str(folder), static_folder=None)
    app.config["USE_X_SENDFILE"] = True
    app.add_url_rule("/", "view", lambda: send_file("files/a.txt", etag="mine"))
    response = app.test_client().open("/", method=method)
    assert response.data == b""
    assert response.headers["X-Sendfile"] == str(folder / "files" / "a.txt")
    assert response.headers["ETag"] == '"mine"'


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("a.txt", 200),
        ("page.html", 200),
        ("missing.txt", 404),
        ("../secret.txt", 404),
        ("..%2fsecret.txt", 404),
        ("%2e%2e/secret.txt", 404),
        ("x/../../secret.txt", 404),
        ("%2fetc%2fpasswd", 404),
        ("a.txt%00", 404),
        (".", 404),
        ("..%5csecret.txt", 404),
    ],
)
def test_nothing_leads_out_of_a_folder(folder: Path, path: str, status: int) -> None:
    app = App("example", root_path=str(folder), static_folder=None)
    app.add_url_rule("/<path:path>", "view", lambda path: send_from_directory("files", path))
    assert app.test_client().get(f"/{path}", buffered=True).status_code == status


def test_static_files_have_what_caches_and_players_need(folder: Path) -> None:
    app = App("example", root_path=str(folder), static_folder="files")
    client = app.test_client()
    whole = client.get("/files/a.txt", buffered=True)
    assert (whole.status_code, whole.data, whole.last_modified) == (200, b"0123456789", THEN)
    assert (whole.headers["Cache-Control"], whole.accept_ranges) == ("no-cache", "bytes")
    tag = whole.headers["ETag"]
    statuses = [
        client.get("/files/a.txt", headers=headers, buffered=True).status_code
        for headers in ({"If-None-Match": tag}, {"If-Modified-Since": SAME}, {"Range": "bytes=1-"})
    ]
    assert statuses == [304, 304, 206]
