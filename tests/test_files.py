"""A file that was sent before is sent again from what is remembered, and nobody can tell.

What Werkzeug answers is the measure: a response class of the application's own is never answered
from memory.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.http import parse_date
from werkzeug.test import EnvironBuilder

from microweb import App, Blueprint, Response, send_file, send_from_directory
from microweb.bounded import Bounded
from microweb.files import AT_ONCE

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

THEN = 1_709_209_800.25
SAME = "Thu, 29 Feb 2024 12:30:00 GMT"
NAMES = ("a.txt", "deep/b.css", "c.tar.gz", "ü.bin", "no-suffix", "empty.js", "large.mp4")

Answer = tuple[str, list[tuple[str, str]], bytes]


class Own(Response):
    """A class of the application's own, for which Werkzeug answers each time."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("site")
    (root / "static" / "deep").mkdir(parents=True)
    (root / "secret.txt").write_text("secret")
    for name in NAMES:
        body = {"empty.js": b"", "large.mp4": b"0123456789" * (AT_ONCE // 8)}.get(
            name, b"0123456789" * 99
        )
        (root / "static" / name).write_bytes(body)
        os.utime(root / "static" / name, (THEN, THEN))
    return root


def site(folder: Path, response_class: type[Response] = Response, max_age: Any = None) -> App:
    app = App("site", root_path=str(folder))
    app.response_class = response_class
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = max_age

    @app.route("/saved/<path:name>", methods=["GET", "POST"])
    def saved(name: str) -> Response:
        return send_from_directory("static", name, as_attachment=True)

    @app.get("/named/<path:name>")
    def named(name: str) -> Response:
        return send_file(
            folder / "static" / name, "text/x-own", download_name="an other.txt", max_age=7
        )

    @app.get("/tagged/<path:name>")
    def tagged(name: str) -> Response:
        return send_file(f"static/{name}", etag="mine", last_modified=5)

    @app.get("/always/<path:name>")
    def always(name: str) -> Response:
        return send_file(f"static/{name}", conditional=False)

    return app


def asked(app: WSGIApplication, path: str, headers: Any = None, method: str = "GET") -> Answer:
    """Return the answer as a server gets it, which closes the body."""
    started: list[Any] = []
    environ = EnvironBuilder(path=path, headers=headers, method=method).get_environ()
    body = app(environ, lambda *start: started.append(start))  # type: ignore[arg-type]
    try:
        content = b"".join(body)
    finally:
        getattr(body, "close", lambda: None)()
    status, pairs = started[-1][:2]
    return status, pairs, content


def test_the_same_is_sent_again(folder: Path) -> None:
    roads = "static", "saved", "named", "tagged", "always"
    tag = dict(asked(site(folder), "/static/a.txt")[1])["ETag"]
    conditions: list[dict[str, str]] = [
        {},
        {"If-None-Match": tag},
        {"If-None-Match": f"W/{tag}"},
        {"If-None-Match": '"other"'},
        {"If-None-Match": f'"other", {tag}'},
        {"If-None-Match": "*"},
        {"If-None-Match": ""},
        {"If-None-Match": "", "If-Modified-Since": SAME},
        {"If-None-Match": tag, "If-Modified-Since": "Thu, 29 Feb 2014 12:30:00 GMT"},
        {"If-None-Match": '"other"', "If-Modified-Since": SAME},
        {"If-Modified-Since": SAME},
        {"If-Modified-Since": "Thu, 29 Feb 2014 12:30:00 GMT"},
        {"If-Modified-Since": "Thu, 29 Feb 2034 12:30:00 GMT"},
        {"If-Modified-Since": "not a date"},
        {"If-Match": tag},
        {"If-Match": '"other"'},
        {"Range": "bytes=2-4"},
        {"Range": "bytes=99999999-"},
        {"Range": "bytes=2-4", "If-Range": '"other"'},
        {"If-Range": tag},
    ]
    for max_age in (None, 60):
        app, oracle = site(folder, Response, max_age), site(folder, Own, max_age)
        for road, name in product(roads, NAMES):
            path = f"/{road}/{name}"
            asked(app, path)
            for headers, method in product(conditions, ("GET", "HEAD")):
                expected = asked(oracle, path, headers, method)
                assert alike(asked(app, path, headers, method), expected), (path, headers)


def alike(first: Answer, second: Answer) -> bool:
    """Whether two answers are the same, but for a second that has gone by."""
    names = [[name for name, _ in headers] for _, headers, _ in (first, second)]
    return (first[0], first[2], names[0]) == (second[0], second[2], names[1]) and all(
        one == other
        if name not in ("Date", "Expires")
        else abs(_seconds(one) - _seconds(other)) <= 2
        for (name, one), (_, other) in zip(first[1], second[1], strict=True)
    )


def _seconds(date: str) -> float:
    parsed = parse_date(date)
    assert parsed is not None
    return parsed.timestamp()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    path=st.one_of(
        st.sampled_from(NAMES),
        st.text("abcdepst./\\:%\0ü", max_size=12),
        st.lists(st.sampled_from(["..", ".", "", "deep", "b.css", "a.txt", "secret.txt"])).map(
            "/".join
        ),
    ),
    tag=st.none() | st.sampled_from(["*", '"x"']) | st.text('W/"x,* ', max_size=6),
    since=st.none() | st.sampled_from([SAME, SAME.lower()]) | st.text("0123 :GMT", max_size=9),
    method=st.sampled_from(["GET", "HEAD", "POST"]),
)
def test_whatever_a_client_asks_for_it_cannot_tell(
    folder: Path, path: str, tag: str | None, since: str | None, method: str
) -> None:
    app, oracle = site(folder), site(folder, Own)
    conditions = {"If-None-Match": tag, "If-Modified-Since": since}
    headers = {name: value for name, value in conditions.items() if value is not None}
    url = "/saved/" + path.replace("%", "%25").replace("\0", "%00").replace("\\", "%5c")
    answers = [asked(which, url, headers, method) for which in (oracle, app, app)]
    if answers[0][0].startswith(("200", "304")):
        assert alike(answers[0], answers[1])
        assert alike(answers[0], answers[2])
    else:  # a page that has nothing to do with files
        assert {answer[0] for answer in answers} == {answers[0][0]}


# --- files change


def test_a_file_that_changed_is_another_file(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    file = tmp_path / "static" / "a.txt"
    app, oracle = site(tmp_path), site(tmp_path, Own)
    for number, body in enumerate((b"one", b"two", b"three", b"", b"four")):
        file.write_bytes(body)
        os.utime(file, (THEN + number, THEN + number))
        for _ in range(2):
            answer = asked(app, "/static/a.txt")
            assert answer[2] == body
            assert alike(answer, asked(oracle, "/static/a.txt"))
            tag = {"If-None-Match": dict(answer[1])["ETag"]}
            assert alike(asked(app, "/static/a.txt", tag), asked(oracle, "/static/a.txt", tag))


def test_a_file_that_is_gone_is_not_found(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    file = tmp_path / "static" / "a.txt"
    app = site(tmp_path)
    file.write_bytes(b"one")
    tag = {"If-None-Match": dict(asked(app, "/static/a.txt")[1])["ETag"]}
    file.unlink()
    assert asked(app, "/static/a.txt")[0] == asked(app, "/static/a.txt", tag)[0] == "404 NOT FOUND"
    file.mkdir()
    assert asked(app, "/static/a.txt")[0] == asked(app, "/static/a.txt", tag)[0] == "404 NOT FOUND"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    file = tmp_path / "static" / "a.txt"
    file.write_bytes(b"")
    os.utime(file, (THEN, THEN))
    app = site(tmp_path)
    assert asked(app, "/static/a.txt")[0] == "200 OK"
    file.unlink()
    os.mkfifo(file)
    os.utime(file, (THEN, THEN))
    assert asked(app, "/static/a.txt")[0] == "404 NOT FOUND"


def test_the_first_answer_may_be_that_nothing_changed(tmp_path: Path) -> None:
    (tmp_path / "static").mkdir()
    file = tmp_path / "static" / "a.txt"
    file.write_bytes(b"one")
    tag = {"If-None-Match": dict(asked(site(tmp_path, Own), "/static/a.txt")[1])["ETag"]}
    app = site(tmp_path)
    answers = [asked(app, "/static/a.txt", headers)[::2] for headers in (tag, tag, {}, tag)]
    unchanged = "304 NOT MODIFIED", b""
    assert answers == [unchanged, unchanged, ("200 OK", b"one"), unchanged]


# --- what else is kept


@pytest.mark.skipif(sys.platform != "linux", reason="counts open files in /proc")
def test_no_file_stays_open(folder: Path) -> None:
    app = site(folder)
    before = len(os.listdir("/proc/self/fd"))
    for name, method in product(NAMES, ("GET", "HEAD", "GET")):
        asked(app, f"/static/{name}", method=method)
        asked(app, f"/static/{name}", {"If-Modified-Since": SAME})
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_large_file_is_streamed_each_time(folder: Path) -> None:
    app = site(folder)
    for _ in range(2):
        environ = EnvironBuilder(path="/static/large.mp4").get_environ()
        body: Any = app(environ, lambda *_: lambda _: None)
        assert not isinstance(body, list)
        assert max(map(len, body)) <= AT_ONCE
        body.close()


def test_a_server_sends_a_large_file_its_own_way(folder: Path) -> None:
    wrapped: list[io.BufferedReader] = []

    def wrapper(file: io.BufferedReader, size: int) -> list[bytes]:
        wrapped.append(file)
        return [b"by the server"]

    app = site(folder)
    for _ in range(2):
        environ = EnvironBuilder(path="/static/large.mp4").get_environ()
        environ["wsgi.file_wrapper"] = wrapper
        body = app(environ, lambda *_: lambda _: None)
        assert list(body) == [b"by the server"]
    assert len(wrapped) == 2
    for file in wrapped:
        file.close()


def test_how_long_a_file_is_kept_is_asked_once_for_each_request(folder: Path) -> None:
    asked_for: list[str | None] = []
    ages: list[int | None] = [60, 60, None, None, 0, 60]

    class Asking(App):
        def get_send_file_max_age(self, filename: str | None) -> int | None:
            asked_for.append(filename)
            return ages.pop(0)

    app = Asking("site", root_path=str(folder))
    controls = [dict(asked(app, "/static/a.txt")[1])["Cache-Control"] for _ in list(ages)]
    kept, kept_for = "no-cache", "public, max-age=60"
    assert controls == [kept_for, kept_for, kept, kept, "no-cache, max-age=0", kept_for]
    assert asked_for == [str(folder / "static" / "a.txt")] * 6


def test_hooks_may_change_the_headers_of_one_answer(folder: Path) -> None:
    app, oracle = site(folder), site(folder, Own)
    for one in (app, oracle):
        numbers = iter(range(99))

        @one.after_request
        def number(response: Response, numbers: Any = numbers) -> Response:
            assert response.direct_passthrough
            response.headers["X-Number"] = str(next(numbers))
            response.headers["Cache-Control"] = "private"
            return response

    for headers in ({}, {}, {"If-Modified-Since": SAME}, {}):
        assert alike(*(asked(one, "/static/a.txt", headers) for one in (app, oracle)))


def test_a_blueprint_sends_its_own_files_again(folder: Path) -> None:
    class Keeping(Blueprint):
        def get_send_file_max_age(self, filename: str | None) -> int | None:
            return 5

    app = App("site", root_path=str(folder))
    app.register_blueprint(
        Keeping("blog", "site", root_path=str(folder), static_folder="static", url_prefix="/blog")
    )
    controls = [
        dict(asked(app, path)[1])["Cache-Control"]
        for path in ("/static/a.txt", "/blog/static/a.txt") * 2
    ]
    assert controls == ["no-cache", "public, max-age=5"] * 2


def test_a_name_that_cannot_be_sent_is_refused_each_time(folder: Path) -> None:
    app = App("site", root_path=str(folder))
    app.testing = True
    app.add_url_rule("/", "bad", lambda: send_file("static/a.txt", download_name="a\x7f.txt"))
    for _ in range(2):
        with pytest.raises(ValueError, match="control character"):
            asked(app, "/")


def test_what_clients_name_is_bounded() -> None:
    names: Bounded[str, int] = Bounded(2)
    for number, name in enumerate("abac"):
        names[name] = number
    assert names == {"b": 1, "c": 3}
    fill: Callable[[str, int], None] = names.__setitem__
    for number in range(99):
        fill(str(number), number)
    assert names == {"97": 97, "98": 98}
