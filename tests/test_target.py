"""Request targets that are no paths: whole URLs, as some servers hand them over, and nothing."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse, create_environ, run_wsgi_app
from werkzeug.wrappers import Request

from microweb import App, request
from microweb.target import take_path


def asked(app: App, target: str, **environ: str) -> TestResponse:
    # Not by a test client, which insists on what PEP 3333 has in this place.
    made = {**create_environ("/", query_string="a=1"), "PATH_INFO": target, **environ}
    answer = run_wsgi_app(app.wsgi_app, made, buffered=True)
    return TestResponse(*answer, request=Request(made))


@pytest.fixture
def site(app: App) -> App:
    @app.get("/")
    @app.get("/users/<name>")
    def show(name: str = "") -> str:
        return f"{name} {request.url}"

    return app


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("http://example.com/users/ada", "ada http://example.com/users/ada?a=1"),
        ("HTTP://example.com:81/users/ada", "ada http://example.com:81/users/ada?a=1"),
        ("https://user:word@example.com/", " http://example.com/?a=1"),
        ("http://example.com", " http://example.com/?a=1"),
        ("", " http://localhost/?a=1"),
    ],
)
def test_a_whole_url_is_its_path_on_its_host(site: App, target: str, told: str) -> None:
    assert asked(site, target).text == told


@pytest.mark.parametrize("target", ["*", "users/ada", "ftp://example.com/", "example.com:443"])
def test_what_is_neither_a_path_nor_a_url_is_not_there(site: App, target: str) -> None:
    environ: dict[str, Any] = {"PATH_INFO": target}
    assert not take_path(environ)
    assert environ == {"PATH_INFO": target}


def test_the_root_of_a_mounted_application_still_wants_its_slash(site: App) -> None:
    response = asked(site, "", SCRIPT_NAME="/prefix")
    assert (response.status_code, response.location) == (308, "http://localhost/prefix/?a=1")


def test_the_host_of_a_url_must_be_trusted_too(site: App) -> None:
    site.config["TRUSTED_HOSTS"] = ["localhost"]
    assert asked(site, "http://localhost/").status_code == 200
    assert asked(site, "http://evil.example/").status_code == 400
