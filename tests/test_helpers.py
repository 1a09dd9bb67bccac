"""What views call: URLs, redirects, errors, responses, messages and files."""

from __future__ import annotations

from datetime import datetime, timezone
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import Aborter, Forbidden, HTTPException, NotFound
from werkzeug.routing import BuildError

from microweb import (
    App,
    Blueprint,
    Response,
    abort,
    flash,
    get_flashed_messages,
    jsonify,
    make_response,
    redirect,
    render_template_string,
    request,
    send_file,
    send_from_directory,
    session,
    url_for,
)
from microweb.errors import OutsideContext, SetupError


def with_urls(app: App) -> App:
    """Return the application with a few rules to build URLs of."""
    app.add_url_rule("/", "index", lambda: "")
    app.add_url_rule("/users/<int:id>", "user", lambda id: "")
    app.add_url_rule("/<path:path>", "file", lambda path: "")
    app.add_url_rule("/show/<name>", "page", lambda name: "")
    app.add_url_rule("/edit/<name>", "page", methods=["POST"])
    return app


# --- url_for


@pytest.mark.parametrize(
    ("endpoint", "values", "url"),
    [
        ("index", {}, "/"),
        ("user", {"id": 7}, "/users/7"),
        ("user", {"id": "7"}, "/users/7"),
        ("user", {"id": 7, "page": 2}, "/users/7?page=2"),
        ("index", {"q": "a b&c"}, "/?q=a+b%26c"),
        ("index", {"q": ["a", "b"]}, "/?q=a&q=b"),
        ("index", {"q": None}, "/"),
        ("index", {"q": ""}, "/?q="),
        ("index", {"q": "é"}, "/?q=%C3%A9"),
        ("page", {"name": "a/b c"}, "/show/a/b%20c"),
        ("file", {"path": "a/b c"}, "/a/b%20c"),
        ("page", {"name": "x", "_method": "POST"}, "/edit/x"),
        ("page", {"name": "x", "_method": "GET"}, "/show/x"),
        ("index", {"_anchor": "top"}, "/#top"),
        ("index", {"_anchor": "a b/é", "q": 1}, "/?q=1#a%20b/%C3%A9"),
        ("index", {"_anchor": ""}, "/#"),
        ("index", {"_external": True}, "http://localhost/"),
        ("index", {"_external": False}, "/"),
        ("index", {"_scheme": "https"}, "https://localhost/"),
        ("index", {"_scheme": "https", "_external": True}, "https://localhost/"),
    ],
)
def test_a_url_is_built_from_an_endpoint_and_values(
    app: App, endpoint: str, values: dict[str, Any], url: str
) -> None:
    with with_urls(app).test_request_context():
        assert url_for(endpoint, **values) == url
        assert app.url_for(endpoint, **values) == url


def test_a_whole_url_has_host_and_prefix_of_the_request(app: App) -> None:
    with with_urls(app).test_request_context("/", base_url="https://example.com:8443/app"):
        assert url_for("index") == "/app/"
        assert url_for("index", _external=True) == "https://example.com:8443/app/"


def test_a_scheme_needs_a_whole_url(app: App) -> None:
    with with_urls(app).test_request_context(), pytest.raises(ValueError, match="_scheme") as error:
        url_for("index", _scheme="https", _external=False)
    assert str(error.value) == (
        "url_for with _scheme builds a whole URL: leave out _external=False."
    )


def test_outside_of_a_request_a_url_is_whole_and_has_the_server_name(app: App) -> None:
    app.config.update(
        SERVER_NAME="example.com", APPLICATION_ROOT="/app", PREFERRED_URL_SCHEME="https"
    )
    with with_urls(app).app_context():
        assert url_for("user", id=7) == "https://example.com/app/users/7"
        assert url_for("user", id=7, _scheme="http") == "http://example.com/app/users/7"
        assert url_for("user", id=7, _external=False) == "/app/users/7"
        assert url_for("index", _anchor="top") == "https://example.com/app/#top"


def test_outside_of_any_context_the_application_builds_urls(app: App) -> None:
    app.config["SERVER_NAME"] = "example.com"
    assert with_urls(app).url_for("index") == "http://example.com/"


def test_outside_of_a_request_the_server_name_is_needed(app: App) -> None:
    with with_urls(app).app_context(), pytest.raises(SetupError) as caught:
        url_for("index")
    assert str(caught.value) == (
        "url_for('index') outside of a request does not know the host: set"
        " app.config['SERVER_NAME'], and APPLICATION_ROOT and PREFERRED_URL_SCHEME if they differ"
        " from '/' and 'http'."
    )


def test_a_dot_before_an_endpoint_outside_of_blueprints_is_the_application(app: App) -> None:
    with with_urls(app).test_request_context():
        assert url_for(".index") == "/"


def test_a_dot_before_an_endpoint_is_the_current_blueprint(app: App) -> None:
    blog = Blueprint("blog", __name__, url_prefix="/blog")
    blog.add_url_rule("/", "index", lambda: url_for(".index"))
    with_urls(app).register_blueprint(blog)
    assert app.test_client().get("/blog/").text == "/blog/"


def test_an_unknown_endpoint_suggests_a_known_one(app: App) -> None:
    with with_urls(app).test_request_context(), pytest.raises(BuildError) as caught:
        url_for("users", id=7)
    assert "Did you mean 'user'" in str(caught.value)


def test_a_missing_value_is_named(app: App) -> None:
    with with_urls(app).test_request_context(), pytest.raises(BuildError, match="'id'"):
        url_for("user")


def test_a_handler_may_build_what_nobody_else_can(app: App) -> None:
    seen: list[object] = []

    def elsewhere(error: Exception, endpoint: str, values: dict[str, Any]) -> Any:
        seen.extend([type(error), endpoint, values])
        return f"https://elsewhere.test/{endpoint}"

    app.url_build_error_handlers.append(lambda error, endpoint, values: None)  # type: ignore[arg-type, return-value]
    app.url_build_error_handlers.append(elsewhere)
    with app.test_request_context():
        assert url_for("unknown", id=7, _anchor="top") == "https://elsewhere.test/unknown"
    assert seen == [
        *(BuildError, "unknown"),
        {"id": 7, "_anchor": "top", "_method": None, "_scheme": None, "_external": False},
    ]


def test_a_handler_may_raise_a_build_error_of_its_own(app: App) -> None:
    def refuse(error: Exception, endpoint: str, values: dict[str, Any]) -> str:
        raise BuildError("mine", values, None)

    app.url_build_error_handlers.append(refuse)
    with app.test_request_context(), pytest.raises(BuildError, match="mine"):
        url_for("unknown")


def test_a_function_may_add_values_to_every_url(app: App) -> None:
    @app.url_defaults
    def add_version(endpoint: str, values: dict[str, Any]) -> None:
        values.setdefault("v", endpoint)

    with with_urls(app).test_request_context():
        assert url_for("index") == "/?v=index"
        assert url_for("index", v=1) == "/?v=1"


def test_a_subdomain_is_built_with_its_host() -> None:
    app = App("example", subdomain_matching=True, static_folder=None)
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule("/", "index", lambda: "")
    app.add_url_rule("/", "api", lambda: "", subdomain="api")
    with app.test_request_context():
        assert url_for("api") == "http://api.example.com/"
        assert url_for("index") == "/"


# --- redirect


def test_a_redirect_is_a_302(app: App) -> None:
    app.add_url_rule("/", "index", lambda: redirect("/target?a=1"))
    response = app.test_client().get("/")
    assert (response.status, response.location) == ("302 FOUND", "/target?a=1")
    assert '<a href="/target?a=1">' in response.text


@pytest.mark.parametrize("code", [301, 302, 303, 305, 307, 308])
def test_a_redirect_may_have_another_code(app: App, code: int) -> None:
    with app.test_request_context():
        assert redirect("/", code).status_code == code


def test_a_redirect_is_of_the_applications_class(app: App) -> None:
    class Own(Response):
        pass

    app.response_class = Own
    with app.test_request_context():
        assert type(redirect("/")) is Own
        assert type(redirect("/", Response=Response)) is Response
    assert redirect("/").status_code == 302


def test_a_redirect_is_followed_by_the_client(app: App) -> None:
    app.add_url_rule("/", "index", lambda: redirect(url_for("target")))
    app.add_url_rule("/target", "target", lambda: request.path)
    response = app.test_client().get("/", follow_redirects=True)
    assert (response.text, [step.status_code for step in response.history]) == ("/target", [302])


def test_a_location_cannot_smuggle_in_a_header(app: App) -> None:
    with app.test_request_context(), pytest.raises(ValueError, match="newline"):
        redirect("/a\r\nX-Evil: yes")


# --- abort


def test_abort_stops_with_an_error(app: App) -> None:
    with app.test_request_context():
        with pytest.raises(NotFound):
            abort(404)
        with pytest.raises(Forbidden, match="Not you"):
            abort(403, "Not you.")
        with pytest.raises(Forbidden, match="Not you"):
            abort(403, description="Not you.")


def test_abort_works_outside_of_a_context() -> None:
    with pytest.raises(NotFound):
        abort(404)


def test_abort_stops_with_a_response(app: App) -> None:
    @app.get("/")
    def index() -> str:
        abort(Response("not today", 418))

    response = app.test_client().get("/")
    assert (response.status_code, response.text) == (418, "not today")


def test_an_aborted_response_meets_no_error_handler(app: App) -> None:
    app.register_error_handler(Exception, lambda error: "caught")
    app.add_url_rule("/", "index", lambda: abort(redirect("/login")))
    response = app.test_client().get("/")
    assert (response.status_code, response.location) == (302, "/login")


def test_abort_knows_errors_only(app: App) -> None:
    with (
        app.test_request_context(),
        pytest.raises(LookupError, match=r"^abort\(299\): there is no such HTTP error\. "),
    ):
        abort(299)


def test_an_application_may_have_codes_of_its_own(app: App) -> None:
    class Enhance(HTTPException):
        code = 420
        description = "Enhance your calm."

    app.aborter.mapping[420] = Enhance
    app.add_url_rule("/", "index", lambda: abort(420))
    response = app.test_client().get("/")
    assert response.status_code == 420
    assert "Enhance your calm." in response.text


def test_an_application_may_have_an_aborter_of_its_own() -> None:
    class Own(Aborter):
        def __init__(self) -> None:
            super().__init__(extra={999: Forbidden})

    class OwnApp(App):
        aborter_class = Own

    app = OwnApp("example")
    app.add_url_rule("/", "index", lambda: abort(999))
    assert app.test_client().get("/").status_code == 403


# --- make_response, jsonify


def test_a_response_is_made_as_of_a_view(app: App) -> None:
    with app.test_request_context():
        assert make_response().data == b""
        assert make_response("text").data == b"text"
        assert make_response({"a": 1}).json == {"a": 1}
        assert make_response([1]).json == [1]
        made = make_response("text", 201, {"X-A": "1"})
        assert (made.status_code, made.data, made.headers["X-A"]) == (201, b"text", "1")
        assert make_response(("text", 202)).status_code == 202
        response = Response("same")
        assert make_response(response) is response


def test_a_response_is_made_without_a_request(app: App) -> None:
    with app.app_context():
        assert make_response("text").data == b"text"
        assert make_response({"a": 1}).json == {"a": 1}
        assert make_response(("text", 201)).status_code == 201


def test_what_cannot_be_a_response_is_refused(app: App) -> None:
    with app.test_request_context("/nowhere"), pytest.raises(TypeError, match="^make_response"):
        make_response(7)


def test_json_is_written_by_hand(app: App) -> None:
    with app.test_request_context():
        assert jsonify({"b": 1, "a": 2}).data == b'{"b":1,"a":2}\n'
        assert jsonify(a=1).json == {"a": 1}
        assert jsonify(1, 2).json == [1, 2]
        assert jsonify([1]).json == [1]
        assert jsonify().json is None
        assert jsonify("text").mimetype == "application/json"
        with pytest.raises(TypeError) as caught:
            jsonify(1, a=1)
    assert str(caught.value) == ("jsonify takes positional or keyword arguments, not both at once.")


def test_json_has_lines_in_debug(app: App) -> None:
    app.debug = True
    with app.test_request_context():
        assert jsonify(a=1).data == b'{\n  "a": 1\n}\n'


# --- flash


def test_a_message_is_shown_on_the_next_page_once(app: App) -> None:
    @app.post("/")
    def save() -> Any:
        flash("Saved.")
        return redirect("/")

    app.add_url_rule("/", "index", get_flashed_messages)
    client = app.test_client()
    client.post("/")
    assert client.get("/").json == ["Saved."]
    assert client.get("/").json == []


def test_messages_have_categories(app: App) -> None:
    with app.test_request_context():
        flash("plain")
        flash("bad", "error")
        flash("good", "success")
        assert get_flashed_messages() == ["plain", "bad", "good"]
        assert get_flashed_messages(with_categories=True) == [
            ("message", "plain"),
            ("error", "bad"),
            ("success", "good"),
        ]
        assert get_flashed_messages(category_filter=["error", "success"]) == ["bad", "good"]
        assert get_flashed_messages(True, ["error"]) == [("error", "bad")]
        assert get_flashed_messages(category_filter=["none"]) == []


def test_messages_stay_available_within_the_request(app: App) -> None:
    with app.test_request_context():
        flash("one")
        assert get_flashed_messages() == ["one"]
        assert get_flashed_messages() == ["one"]
        assert "_flashes" not in session


def test_a_message_flashed_after_the_reading_is_for_the_next_page(app: App) -> None:
    @app.get("/")
    def index() -> Any:
        seen = get_flashed_messages()
        flash("later")
        return {"seen": seen, "again": get_flashed_messages()}

    client = app.test_client()
    assert client.get("/").json == {"seen": [], "again": []}
    assert client.get("/").json == {"seen": ["later"], "again": ["later"]}


def test_templates_show_messages(app: App) -> None:
    source = "{% for category, text in get_flashed_messages(true) %}{{ category }}:{{ text }};{% endfor %}"  # noqa: E501
    with app.test_request_context():
        flash("<b>", "error")
        assert render_template_string(source) == "error:&lt;b&gt;;"


def test_flashing_needs_a_key(app: App) -> None:
    app.secret_key = None
    with app.test_request_context():
        assert get_flashed_messages() == []
        with pytest.raises(SetupError, match="SECRET_KEY"):
            flash("message")


# --- send_file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with files, and a secret beside it."""
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "files" / "deep").mkdir(parents=True)
    (tmp_path / "files" / "a.txt").write_text("0123456789")
    (tmp_path / "files" / "deep" / "b.html").write_text("<p>")
    return tmp_path


def serving(folder: Path, **options: Any) -> App:
    """Return an application in the folder that sends `files/a.txt`."""
    app = App("example", root_path=str(folder), static_folder=None)
    app.testing = True
    app.add_url_rule("/", "index", lambda: send_file("files/a.txt", **options))
    return app


def test_a_file_is_sent_with_what_caches_need(folder: Path) -> None:
    response = serving(folder).test_client().get("/", buffered=True)
    assert (response.status_code, response.text) == (200, "0123456789")
    assert response.content_type == "text/plain; charset=utf-8"
    assert response.headers["Content-Length"] == "10"
    assert response.headers["Content-Disposition"] == "inline; filename=a.txt"
    assert response.headers["Cache-Control"] == "no-cache"
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.last_modified is not None
    assert response.get_etag()[0] is not None


def test_a_relative_path_is_below_the_folder_of_the_application(folder: Path) -> None:
    app = serving(folder)
    app.add_url_rule("/absolute", "absolute", lambda: send_file(folder / "files" / "a.txt"))
    client = app.test_client()
    assert [client.get("/", buffered=True).text, client.get("/absolute", buffered=True).text] == [
        "0123456789"
    ] * 2


def test_a_file_that_did_not_change_is_not_sent_again(folder: Path) -> None:
    client = serving(folder).test_client()
    first = client.get("/", buffered=True)
    by_tag = client.get("/", headers={"If-None-Match": first.headers["ETag"]}, buffered=True)
    by_date = client.get(
        "/", headers={"If-Modified-Since": first.headers["Last-Modified"]}, buffered=True
    )
    other = client.get("/", headers={"If-None-Match": '"other"'}, buffered=True)
    assert [by_tag.status_code, by_date.status_code, other.status_code] == [304, 304, 200]
    assert (by_tag.data, by_date.data) == (b"", b"")
    assert by_tag.headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize(
    ("wanted", "status", "body", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=5-100", 206, b"56789", "bytes 5-9/10"),
        ("lines=0-3", 416, None, "bytes */10"),
        ("bytes=20-30", 416, None, "bytes */10"),
    ],
)
def test_a_part_of_a_file_is_sent(
    folder: Path, wanted: str, status: int, body: bytes | None, content_range: str
) -> None:
    response = serving(folder).test_client().get("/", headers={"Range": wanted}, buffered=True)
    assert response.status_code == status
    assert response.headers["Content-Range"] == content_range
    if body is not None:
        assert response.data == body
        assert response.headers["Content-Length"] == str(len(body))


def test_a_part_of_another_version_is_the_whole_file(folder: Path) -> None:
    headers = {"Range": "bytes=0-3", "If-Range": '"other"'}
    response = serving(folder).test_client().get("/", headers=headers, buffered=True)
    assert (response.status_code, response.data) == (200, b"0123456789")


def test_a_file_for_head_has_its_length_and_no_body(folder: Path) -> None:
    response = serving(folder).test_client().head("/", buffered=True)
    assert (response.data, response.headers["Content-Length"]) == (b"", "10")


def test_a_file_is_offered_for_saving(folder: Path) -> None:
    client = serving(folder, as_attachment=True, download_name="Résumé 1.txt").test_client()
    assert client.get("/", buffered=True).headers["Content-Disposition"] == (
        "attachment; filename=\"Resume 1.txt\"; filename*=UTF-8''R%C3%A9sum%C3%A9%201.txt"
    )


def test_a_file_may_have_another_type_and_tag(folder: Path) -> None:
    when = datetime(2024, 2, 29, tzinfo=timezone.utc)
    app = serving(folder, mimetype="text/css", etag="mine", last_modified=when, max_age=60)
    response = app.test_client().get("/", buffered=True)
    assert response.content_type == "text/css; charset=utf-8"
    assert response.headers["ETag"] == '"mine"'
    assert response.headers["Last-Modified"] == "Thu, 29 Feb 2024 00:00:00 GMT"
    assert response.headers["Cache-Control"] == "public, max-age=60"


def test_conditions_may_be_ignored(folder: Path) -> None:
    response = (
        serving(folder, conditional=False)
        .test_client()
        .get("/", headers={"Range": "bytes=0-3"}, buffered=True)
    )
    assert (response.status_code, response.data) == (200, b"0123456789")


def test_an_open_file_is_sent_with_a_name(app: App) -> None:
    @app.get("/")
    def index() -> Response:
        return send_file(BytesIO(b"content"), download_name="a.json")

    response = app.test_client().get("/", buffered=True)
    assert (response.data, response.content_type) == (b"content", "application/json")


def test_a_text_file_is_refused(app: App) -> None:
    from io import StringIO

    with app.test_request_context(), pytest.raises(ValueError, match="binary mode"):
        send_file(StringIO("text"), mimetype="text/plain")  # type: ignore[arg-type]


def test_how_long_files_are_kept_is_decided_by_the_application(folder: Path) -> None:
    class Own(App):
        def get_send_file_max_age(self, filename: str | None) -> int | None:
            return 3600 if filename is not None and filename.endswith(".txt") else None

    app = Own("example", root_path=str(folder), static_folder=None)
    app.add_url_rule("/<path:path_or_file>", "index", send_file)
    client = app.test_client()
    assert (
        client.get("/files/a.txt", buffered=True).headers["Cache-Control"] == "public, max-age=3600"
    )
    assert client.get("/files/deep/b.html", buffered=True).headers["Cache-Control"] == "no-cache"


def test_a_front_server_sends_the_file_where_it_is_configured(folder: Path) -> None:
    app = serving(folder)
    app.config["USE_X_SENDFILE"] = True
    response = app.test_client().get("/")
    assert response.data == b""
    assert response.headers["X-Sendfile"] == str(folder / "files" / "a.txt")


@pytest.fixture
def behind_nginx(folder: Path) -> App:
    app = serving(folder)
    mapping = {str(folder): "/all/", str(folder / "files"): "/internal"}
    app.config.update(USE_X_SENDFILE=True, X_ACCEL_MAPPING=mapping)
    return app


def test_nginx_sends_the_file_from_the_location_of_its_folder(
    behind_nginx: App, folder: Path
) -> None:
    (folder / "50% grüße?.txt").write_bytes(b"")
    behind_nginx.add_url_rule("/of/<path:path_or_file>", "of", send_file)
    client = behind_nginx.test_client()
    for path, location in {
        "/": "/internal/a.txt",
        "/of/files/deep/b.html": "/internal/deep/b.html",
        "/of/files/deep/../a.txt": "/internal/a.txt",
        "/of/50%25 grüße%3F.txt": "/all/50%25%20gr%C3%BC%C3%9Fe%3F.txt",
    }.items():
        response = client.get(path)
        assert (response.status_code, response.data) == (200, b"")
        assert response.headers["X-Accel-Redirect"] == location
        assert "X-Sendfile" not in response.headers


def test_what_the_client_has_is_no_file_for_nginx(behind_nginx: App) -> None:
    client = behind_nginx.test_client()
    etag = client.get("/").headers["ETag"]
    response = client.get("/", headers={"If-None-Match": etag})
    assert response.status_code == 304
    assert "X-Accel-Redirect" not in response.headers


def test_a_file_that_nginx_does_not_have_is_sent_by_the_application(
    behind_nginx: App, folder: Path
) -> None:
    for mapping in ({str(folder / "file"): "/of another folder"}, {}, {}):
        behind_nginx.config["X_ACCEL_MAPPING"] = mapping
        response = behind_nginx.test_client().get("/", buffered=True)
        assert response.data == b"0123456789"
        assert "X-Accel-Redirect" not in response.headers


def test_the_mapping_for_nginx_waits_for_its_switch(behind_nginx: App) -> None:
    behind_nginx.config["USE_X_SENDFILE"] = False
    assert behind_nginx.test_client().get("/", buffered=True).data == b"0123456789"


def test_a_file_is_closed_after_its_last_byte_and_teardown_runs_once(folder: Path) -> None:
    log: list[str] = []
    app = serving(folder)
    app.teardown_request(lambda exc: log.append(f"teardown {exc!r}"))
    assert app.test_client().get("/", buffered=True).data == b"0123456789"
    assert log == ["teardown None"]


def test_sending_a_file_needs_a_request(app: App) -> None:
    with app.app_context(), pytest.raises(OutsideContext, match="'send_file'"):
        send_file("a.txt")


# --- send_from_directory


def test_a_file_is_sent_from_a_folder(folder: Path) -> None:
    app = App("example", root_path=str(folder), static_folder=None)
    app.add_url_rule("/<path:name>", "index", lambda name: send_from_directory("files", name))
    client = app.test_client()
    assert client.get("/a.txt", buffered=True).data == b"0123456789"
    assert client.get("/deep/b.html", buffered=True).content_type == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "name",
    [
        "../secret.txt",
        "deep/../../secret.txt",
        "/etc/passwd",
        "..",
        "",
        ".",
        "deep",
        "missing.txt",
        "a.txt\0.html",
        "a.txt/../../secret.txt",
    ],
)
def test_a_path_that_leads_out_or_nowhere_is_not_found(folder: Path, name: str) -> None:
    app = App("example", root_path=str(folder), static_folder=None)
    with app.test_request_context(), pytest.raises(NotFound):
        send_from_directory("files", name)


@pytest.mark.parametrize(
    "url", ["/../secret.txt", "/%2e%2e/secret.txt", "/deep/..%2f..%2fsecret.txt"]
)
def test_a_url_that_leads_out_of_a_folder_is_not_found(folder: Path, url: str) -> None:
    app = App("example", root_path=str(folder), static_folder=None)
    app.add_url_rule("/<path:name>", "index", lambda name: send_from_directory("files", name))
    assert app.test_client().get(url).status_code == 404


def test_a_file_from_a_folder_takes_the_options_of_a_file(folder: Path) -> None:
    app = App("example", root_path=str(folder), static_folder=None)

    @app.get("/<path:name>")
    def index(name: str) -> Response:
        return send_from_directory(folder / "files", name, as_attachment=True, max_age=5)

    headers = app.test_client().get("/a.txt", buffered=True).headers
    assert headers["Content-Disposition"] == "attachment; filename=a.txt"
    assert headers["Cache-Control"] == "public, max-age=5"
