"""The test client: requests without a server, with cookies, redirects and an open context."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder as WerkzeugEnvironBuilder

from microweb import App, Response, current_app, g, has_request_context, redirect, request, session
from microweb.errors import OutsideContext, SetupError
from microweb.testing import Client, EnvironBuilder, make_environ


def describing(app: App) -> Client:
    """A client of an application that answers with the request that it got."""

    @app.route("/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    @app.route("/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def describe(path: str = "") -> dict[str, Any]:
        return {
            "method": request.method,
            "url": request.url,
            "root": request.root_path,
            "type": request.content_type,
            "body": request.get_data(as_text=True),
            "address": request.remote_addr,
            "cookies": request.cookies,
        }

    return app.test_client()


# --- requests


def test_a_request_has_a_method_a_url_and_an_address(app: App) -> None:
    client = describing(app)
    assert client.get("/a?b=1").json == {
        "method": "GET",
        "url": "http://localhost/a?b=1",
        "root": "",
        "type": None,
        "body": "",
        "address": "127.0.0.1",
        "cookies": {},
    }
    methods = [getattr(client, name)("/").json["method"] for name in ("post", "put", "patch")]
    assert [*methods, client.delete("/").json["method"]] == ["POST", "PUT", "PATCH", "DELETE"]  # type: ignore[index]
    assert client.head("/").data == b""


@pytest.mark.parametrize(
    ("arguments", "url"),
    [
        ({"path": "/a", "query_string": {"b": "é"}}, "http://localhost/a?b=é"),
        ({"path": "https://example.com:444/a"}, "https://example.com:444/a"),
        ({"path": "/a", "url_scheme": "https"}, "https://localhost/a"),
        ({"path": "/a", "base_url": "https://example.com/"}, "https://example.com/a"),
        ({"path": "/a", "base_url": "https://example.com/app"}, "https://example.com/app/a"),
        ({"path": "/a", "subdomain": "api"}, "http://api.localhost/a"),
        ({}, "http://localhost/"),
    ],
)
def test_path_and_host_are_given_in_several_ways(
    app: App, arguments: dict[str, Any], url: str
) -> None:
    assert describing(app).get(**arguments).json["url"] == url  # type: ignore[index]


def test_host_scheme_and_root_come_from_the_configuration(app: App) -> None:
    app.config.update(
        SERVER_NAME="example.com:8000", PREFERRED_URL_SCHEME="https", APPLICATION_ROOT="/app"
    )
    client = describing(app)
    assert client.get("/a").json["url"] == "https://example.com:8000/app/a"  # type: ignore[index]
    response = client.get("/a", subdomain="api")
    assert response.json["url"] == "https://api.example.com:8000/app/a"  # type: ignore[index]


@pytest.mark.parametrize("more", [{"subdomain": "api"}, {"url_scheme": "https"}])
def test_a_base_url_has_host_and_scheme_already(app: App, more: dict[str, str]) -> None:
    with pytest.raises(TypeError) as caught:
        describing(app).get("/", base_url="http://localhost", **more)
    assert str(caught.value) == (
        "base_url has host and scheme: leave out subdomain and url_scheme."
    )


def test_a_subdomain_reaches_its_rules() -> None:
    app = App("example", static_folder=None, subdomain_matching=True)
    app.config["SERVER_NAME"] = "example.com"
    app.add_url_rule("/", "main", lambda: "main")
    app.add_url_rule("/", "api", lambda: "api", subdomain="api")
    client = app.test_client()
    assert [client.get("/").text, client.get("/", subdomain="api").text] == ["main", "api"]


def test_json_is_written_and_read_by_the_provider_of_the_application(app: App) -> None:
    class Marking(type(app.json)):  # type: ignore[misc]
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return super().dumps({"marked": obj}, **kwargs)  # type: ignore[no-any-return]

        def loads(self, s: str | bytes, **kwargs: Any) -> Any:
            return ["read", super().loads(s, **kwargs)]

    app.json = Marking(app)

    @app.post("/")
    def echo() -> Response:
        assert request.content_type == "application/json"
        return app.response_class(request.get_data(), mimetype="application/json")

    response = app.test_client().post("/", json={"a": 1})
    assert response.data == b'{"marked": {"a": 1}}'
    assert response.json == ["read", {"marked": {"a": 1}}]


def test_forms_are_sent_as_a_browser_sends_them(app: App) -> None:
    response = describing(app).post("/", data={"a": "1", "b": "é"})
    assert response.json["type"] == "application/x-www-form-urlencoded"  # type: ignore[index]
    assert response.json["body"] == "a=1&b=%C3%A9"  # type: ignore[index]


def test_a_request_may_be_made_before(app: App) -> None:
    client = describing(app)
    builder = EnvironBuilder(app, "/a", method="PUT")
    assert client.open(builder).json["method"] == "PUT"  # type: ignore[index]
    assert client.open(builder.get_request()).json["url"] == "http://localhost/a"  # type: ignore[index]
    environ = make_environ(app, "/b", method="POST")
    assert client.open(environ).json["method"] == "POST"  # type: ignore[index]
    assert client.open(WerkzeugEnvironBuilder("/c")).json["url"] == "http://localhost/c"  # type: ignore[index]
    builder.close()


def test_what_is_in_environ_base_goes_into_every_request(app: App) -> None:
    client = describing(app)
    client.environ_base["REMOTE_ADDR"] = "10.0.0.1"
    client.environ_base["HTTP_COOKIE"] = "a=1"
    assert client.get("/").json["address"] == "10.0.0.1"  # type: ignore[index]
    again = client.get("/", environ_base={"REMOTE_ADDR": "10.0.0.2"})
    assert again.json["address"] == "10.0.0.2"  # type: ignore[index]
    assert app.test_client().get("/").json["address"] == "127.0.0.1"  # type: ignore[index]


# --- redirects


def redirecting(app: App) -> Client:
    app.add_url_rule("/first", "first", lambda: redirect("/second?a=1"), methods=["GET", "POST"])
    app.add_url_rule("/second", "second", lambda: redirect("/last"))
    app.add_url_rule("/last", "last", lambda: f"{request.method} {request.url}")
    app.add_url_rule("/out", "out", lambda: redirect("https://other.example/"))
    app.add_url_rule("/keep", "keep", lambda: redirect("/echo", 307), methods=["POST"])
    app.add_url_rule("/echo", "echo", lambda: request.get_data(cache=False), methods=["POST"])
    return app.test_client()


def test_redirects_are_followed_when_asked(app: App) -> None:
    client = redirecting(app)
    assert client.get("/first").status_code == 302
    response = client.get("/first", follow_redirects=True)
    assert response.text == "GET http://localhost/last"
    assert [step.request.path for step in response.history] == ["/first", "/second"]
    assert response.request.path == "/last"


def test_a_redirected_post_becomes_a_get_or_keeps_its_body(app: App) -> None:
    client = redirecting(app)
    assert client.post("/first", data=b"x", follow_redirects=True).text.startswith("GET ")
    assert client.post("/keep", data=b"body", follow_redirects=True).text == "body"


def test_a_redirect_to_another_host_is_not_followed(app: App) -> None:
    with pytest.raises(RuntimeError, match="external redirects"):
        redirecting(app).get("/out", follow_redirects=True)


# --- cookies


def counting(app: App) -> None:
    @app.get("/")
    def count() -> Response:
        response = app.response_class(request.cookies.get("n", "none"))
        response.set_cookie("n", str(int(request.cookies.get("n", "0")) + 1))
        return response


def test_a_client_keeps_its_cookies_for_itself(app: App) -> None:
    counting(app)
    first, second = app.test_client(), app.test_client()
    assert [first.get("/").text for _ in range(3)] == ["none", "1", "2"]
    assert second.get("/").text == "none"
    cookie = first.get_cookie("n")
    assert cookie is not None
    assert cookie.value == "3"


def test_cookies_are_set_and_deleted_by_hand(app: App) -> None:
    counting(app)
    client = app.test_client()
    client.set_cookie("n", "41")
    assert client.get("/").text == "41"
    client.delete_cookie("n")
    assert client.get("/").text == "none"


def test_cookies_belong_to_their_host(app: App) -> None:
    counting(app)
    client = app.test_client()
    assert client.get("/", base_url="http://a.example").text == "none"
    assert client.get("/", base_url="http://b.example").text == "none"
    assert client.get("/", base_url="http://a.example").text == "1"


def test_a_client_without_cookies_forgets_them(app: App) -> None:
    counting(app)
    client = app.test_client(use_cookies=False)
    assert [client.get("/").text for _ in range(2)] == ["none", "none"]


# --- the with block


def with_context(app: App) -> list[str]:
    """Views that leave something in the context, and a record of what ended."""
    ended: list[str] = []

    @app.teardown_request
    def end(error: BaseException | None) -> None:
        ended.append(request.path)

    @app.get("/<name>")
    def hello(name: str) -> str:
        g.name = name
        session["name"] = name
        return f"Hello {name}"

    @app.get("/stream")
    def stream() -> Iterator[str]:
        g.name = "streamed"
        yield "a"
        yield g.name

    @app.get("/error")
    def error() -> str:
        raise LookupError("broken")

    @app.get("/redirect")
    def elsewhere() -> Any:
        return redirect("/there")

    return ended


def test_inside_of_a_with_block_the_last_request_stays_open(app: App) -> None:
    ended = with_context(app)
    with app.test_client() as client:
        assert not has_request_context()
        assert client.get("/ada").text == "Hello ada"
        assert (request.path, request.view_args) == ("/ada", {"name": "ada"})
        assert (g.name, session["name"]) == ("ada", "ada")
        assert current_app.name == app.name
        assert ended == []
        client.get("/bob")
        assert (g.name, ended) == ("bob", ["/ada"])
    assert ended == ["/ada", "/bob"]
    assert not has_request_context()


def test_outside_of_a_with_block_nothing_stays_open(app: App) -> None:
    ended = with_context(app)
    app.test_client().get("/ada")
    assert ended == ["/ada"]
    with pytest.raises(OutsideContext):
        request.path  # noqa: B018


def test_a_with_block_ends_the_request_when_the_test_fails(app: App) -> None:
    ended = with_context(app)

    def fail() -> None:
        with app.test_client() as client:
            client.get("/ada")
            raise AssertionError("the test")

    with pytest.raises(AssertionError, match="the test"):
        fail()
    assert ended == ["/ada"]
    assert not has_request_context()


def test_a_request_that_fails_ends_at_the_latest_with_the_block(app: App) -> None:
    ended = with_context(app)
    with app.test_client() as client:
        with pytest.raises(LookupError, match="broken"):
            client.get("/error")
        assert request.path == "/error"
        assert client.get("/ada").status_code == 200
    assert ended == ["/error", "/ada"]


def test_of_redirects_that_are_followed_the_last_request_stays_open(app: App) -> None:
    ended = with_context(app)
    with app.test_client() as client:
        client.get("/redirect", follow_redirects=True)
        assert (request.path, ended) == ("/there", ["/redirect"])
    assert ended == ["/redirect", "/there"]


@pytest.mark.parametrize("buffered", [True, False])
def test_a_streamed_request_ends_once_with_the_block(app: App, buffered: bool) -> None:
    ended = with_context(app)
    with app.test_client() as client:
        response = client.get("/stream", buffered=buffered)
        assert response.text == "astreamed"
        response.close()
        assert (request.path, g.name) == ("/stream", "streamed")
    assert ended == ["/stream"]


def test_a_with_block_cannot_be_inside_of_itself(app: App) -> None:
    with app.test_client() as client:
        with pytest.raises(SetupError) as caught, client:
            pass
        assert str(caught.value) == "`with client:` cannot be used inside itself."


def test_a_client_can_be_used_in_a_with_block_again(app: App) -> None:
    ended = with_context(app)
    client = app.test_client()
    for name in ("ada", "bob"):
        with client:
            client.get(f"/{name}")
            assert session["name"] == name
    assert ended == ["/ada", "/bob"]


def test_two_clients_in_one_another_keep_their_own_requests(app: App) -> None:
    with_context(app)
    with app.test_client() as outer:
        outer.get("/ada")
        with app.test_client() as inner:
            inner.get("/bob")
            assert g.name == "bob"
        assert g.name == "ada"


def test_the_class_of_the_client_is_the_applications(app: App) -> None:
    class Authorized(Client):
        def __init__(self, *args: Any, token: str, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"

    app.test_client_class = Authorized
    app.add_url_rule("/", "view", lambda: request.headers["Authorization"])
    assert app.test_client(token="abc").get("/").text == "Bearer abc"


def test_a_request_context_is_made_of_the_same_arguments(app: App) -> None:
    with app.test_request_context("/a?b=1", method="POST", json={"c": 2}, subdomain="api"):
        assert request.url == "http://api.localhost/a?b=1"
        assert (request.method, request.json) == ("POST", {"c": 2})
