"""`TRUSTED_PROXIES`: which headers of proxies count, and for what."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from werkzeug.middleware.proxy_fix import ProxyFix

from microweb import App, request, url_for
from microweb.errors import ConfigError

FORWARDED = {
    "X-Forwarded-For": "192.0.2.7, 198.51.100.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "shop.example, other.example:8443",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/shop",
}


def seen() -> dict[str, Any]:
    return {
        "address": request.remote_addr,
        "url": request.url,
        "root": request.root_path,
        "link": url_for("view", _external=True),
    }


def shop(proxies: Any) -> App:
    app = App("shop", static_folder=None)
    app.config["TRUSTED_PROXIES"] = proxies
    app.add_url_rule("/", "view", seen)
    return app


def answer(app: App, **headers: str) -> Any:
    return app.test_client().get("/", headers={**FORWARDED, **headers}, buffered=True).json


@pytest.mark.parametrize("proxies", [None, 0, {}, {"x_for": 0}])
def test_no_header_counts_where_nothing_is_trusted(proxies: Any) -> None:
    assert answer(shop(proxies)) == {
        "address": "127.0.0.1",
        "url": "http://localhost/",
        "root": "",
        "link": "http://localhost/",
    }


@pytest.mark.parametrize(("number", "address"), [(1, "198.51.100.1"), (2, "192.0.2.7")])
def test_a_number_counts_for_the_address_and_the_scheme(number: int, address: str) -> None:
    found = answer(shop(number), **{"X-Forwarded-Proto": "https, https"})
    assert found == {
        "address": address,
        "url": "https://localhost/",
        "root": "",
        "link": "https://localhost/",
    }


@pytest.mark.parametrize(
    ("proxies", "changed"),
    [
        ({"x_for": 2}, {"address": "192.0.2.7"}),
        ({"x_proto": 1}, {"url": "https://localhost/", "link": "https://localhost/"}),
        (
            {"x_host": 1},
            {"url": "http://other.example:8443/", "link": "http://other.example:8443/"},
        ),
        ({"x_port": 1}, {"url": "http://localhost:444/", "link": "http://localhost:444/"}),
        (
            {"x_prefix": 1},
            {"root": "/shop", "url": "http://localhost/shop/", "link": "http://localhost/shop/"},
        ),
    ],
)
def test_a_mapping_counts_for_the_headers_that_it_names(
    proxies: dict[str, int], changed: dict[str, str]
) -> None:
    assert answer(shop(proxies)) == {**answer(shop(None)), **changed}


def test_a_header_with_fewer_values_than_proxies_is_ignored() -> None:
    assert answer(shop(3)) == answer(shop(None))


def test_trusted_hosts_are_compared_with_the_corrected_host() -> None:
    app = shop({"x_host": 1})
    app.config["TRUSTED_HOSTS"] = ["other.example"]
    client = app.test_client()
    assert client.get("/", headers=FORWARDED).status_code == 200
    assert client.get("/").status_code == 400


@pytest.mark.parametrize("proxies", [1, {"x_for": 1, "x_prefix": 1}])
def test_the_headers_count_once_where_applications_call_each_other(proxies: Any) -> None:
    inner = shop(proxies)
    outer = App("outer", static_folder=None)
    outer.config["TRUSTED_PROXIES"] = proxies
    outer.add_url_rule("/", "inner", lambda: inner.wsgi_app)
    once = answer(shop(proxies))
    assert answer(outer) == once


def test_the_headers_count_once_where_the_middleware_is_around_the_application() -> None:
    app = shop({"x_for": 1})
    # Two proxies; the setting would take the first address for the second one's.
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=2)  # type: ignore[method-assign]  # as one does
    assert answer(app)["address"] == "192.0.2.7"


def test_a_context_by_hand_is_corrected_too() -> None:
    app = shop(1)
    with app.test_request_context("/", headers=FORWARDED):
        assert (request.remote_addr, request.scheme) == ("198.51.100.1", "https")


def test_a_failing_startup_is_answered_by_what_sees_the_corrected_request() -> None:
    app = shop(1)
    addresses: list[str | None] = []

    @app.before_serving
    def fail() -> None:
        raise LookupError("no database")

    @app.errorhandler(500)
    def note(error: Exception) -> str:
        addresses.append(request.remote_addr)
        return "sorry"

    assert app.test_client().get("/", headers=FORWARDED).text == "sorry"
    assert addresses == ["198.51.100.1"]


REMEDY = (
    "write how many proxies are trusted, such as 1, or how many for each header, such as"
    " {'x_for': 1, 'x_host': 1}; the headers are x_for, x_proto, x_host, x_port, x_prefix."
)
WANTED = (
    "it must be a number of proxies, such as 1, or a mapping, such as {'x_for': 1, 'x_host': 1},"
    " or None."
)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1, f"is -1: {REMEDY}"),
        ({"x_for": -1}, f"is {{'x_for': -1}}: {REMEDY}"),
        ({"x_for": True}, f"is {{'x_for': True}}: {REMEDY}"),
        ({"x_for": "1"}, f"is {{'x_for': '1'}}: {REMEDY}"),
        ({"for": 1}, f"is {{'for': 1}}: {REMEDY}"),
        (True, f"is True (bool): {WANTED}"),
        (1.5, f"is 1.5 (float): {WANTED}"),
        (["x_for"], f"is ['x_for'] (list): {WANTED}"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(value: Any, message: str) -> None:
    app = shop(value)
    with pytest.raises(ConfigError) as caught, app.test_request_context("/"):
        pass
    assert caught.value.key == "TRUSTED_PROXIES"
    assert str(caught.value) == f"TRUSTED_PROXIES {message}"
    assert app.test_client().get("/").status_code == 500


def test_the_environment_may_set_it_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    app = shop(None)
    monkeypatch.setenv("MICROWEB_TRUSTED_PROXIES", '{"x_for": 2}')
    app.config.from_prefixed_env()
    assert answer(app)["address"] == "192.0.2.7"
    monkeypatch.setenv("MICROWEB_TRUSTED_PROXIES", "one")
    app.config.from_prefixed_env()
    with (
        pytest.raises(ConfigError) as caught,
        shop(app.config["TRUSTED_PROXIES"]).test_request_context(),
    ):
        pass
    assert str(caught.value) == (
        f"TRUSTED_PROXIES is 'one' (str): {WANTED} In an environment variable write it as JSON."
    )


def test_the_middleware_is_imported_only_where_it_is_used() -> None:
    code = (
        "import sys; from microweb import App; from werkzeug.test import Client;"
        "app = App('x', static_folder=None); app.config['TRUSTED_PROXIES'] = {value};"
        "Client(app).get('/'); print('werkzeug.middleware.proxy_fix' in sys.modules)"
    )
    for value, imported in (("None", "False"), ("1", "True")):
        output = subprocess.run(
            [sys.executable, "-c", code.format(value=value)],
            capture_output=True,
            text=True,
            check=True,
        )
        assert output.stdout.strip() == imported
