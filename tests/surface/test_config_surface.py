"""The configuration as Flask's users know it: every key with its default, and what it does."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from werkzeug.exceptions import BadRequestKeyError

from microweb import App, Config, Response, render_template_string, request, send_file, url_for
from microweb.errors import ConfigError

DEFAULTS: dict[str, Any] = {
    "TESTING": False,
    "PROPAGATE_EXCEPTIONS": None,
    "TRAP_HTTP_EXCEPTIONS": False,
    "TRAP_BAD_REQUEST_ERRORS": None,
    "SECRET_KEY": None,
    "SECRET_KEY_FALLBACKS": None,
    "SESSION_COOKIE_NAME": "session",
    "SESSION_COOKIE_DOMAIN": None,
    "SESSION_COOKIE_PATH": None,
    "SESSION_COOKIE_HTTPONLY": True,
    "SESSION_COOKIE_SECURE": None,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "SESSION_COOKIE_PARTITIONED": False,
    "PERMANENT_SESSION_LIFETIME": timedelta(days=31),
    "SESSION_REFRESH_EACH_REQUEST": True,
    "MAX_COOKIE_SIZE": 4093,
    "MAX_CONTENT_LENGTH": 16_777_216,
    "MAX_FORM_MEMORY_SIZE": 500_000,
    "MAX_FORM_PARTS": 1_000,
    "TRUSTED_HOSTS": None,
    "SERVER_NAME": None,
    "APPLICATION_ROOT": "/",
    "PREFERRED_URL_SCHEME": "http",
    "USE_X_SENDFILE": False,
    "SEND_FILE_MAX_AGE_DEFAULT": None,
    "TEMPLATES_AUTO_RELOAD": None,
    "EXPLAIN_TEMPLATE_LOADING": False,
    "PROVIDE_AUTOMATIC_OPTIONS": True,
}


@pytest.mark.parametrize("key", DEFAULTS)
def test_every_key_has_its_default(key: str) -> None:
    assert App("example", static_folder=None).config[key] == DEFAULTS[key]


# --- what a key does


def outcome(app: App, path: str = "/") -> str | int:
    try:
        return app.test_client().get(path).status_code
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, 500),
        ({"TESTING": True}, "ZeroDivisionError"),
        ({"DEBUG": True}, "ZeroDivisionError"),
        ({"PROPAGATE_EXCEPTIONS": True}, "ZeroDivisionError"),
        ({"TESTING": True, "PROPAGATE_EXCEPTIONS": False}, 500),
        ({"DEBUG": True, "PROPAGATE_EXCEPTIONS": False}, 500),
        ({"TRAP_HTTP_EXCEPTIONS": True}, 500),
    ],
)
def test_an_unhandled_error_is_a_500_or_goes_to_the_server(
    config: dict[str, Any], expected: object
) -> None:
    app = App("example", static_folder=None)
    app.config.update(config)
    app.add_url_rule("/", "view", lambda: 1 / 0)
    assert outcome(app) == expected


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, 400),
        ({"TESTING": True}, 400),
        ({"DEBUG": True}, "BadRequestKeyError"),
        ({"DEBUG": True, "TRAP_BAD_REQUEST_ERRORS": False}, 400),
        ({"TRAP_BAD_REQUEST_ERRORS": True}, 500),
        ({"TRAP_BAD_REQUEST_ERRORS": True, "TESTING": True}, "BadRequestKeyError"),
        ({"TRAP_HTTP_EXCEPTIONS": True, "TESTING": True}, "BadRequestKeyError"),
    ],
)
@pytest.mark.parametrize("where", ["args", "form", "cookies", "files"])
def test_a_missing_key_is_a_400_or_trapped(
    where: str, config: dict[str, Any], expected: object
) -> None:
    app = App("example", static_folder=None)
    app.config.update(config)
    app.add_url_rule("/", "view", lambda: getattr(request, where)["missing"])
    assert outcome(app) == expected


@pytest.mark.parametrize(
    ("config", "shown"),
    [({}, False), ({"TRAP_BAD_REQUEST_ERRORS": False, "DEBUG": True}, True)],
)
def test_the_missing_key_is_shown_to_developers_only(config: dict[str, Any], shown: bool) -> None:
    app = App("example", static_folder=None)
    app.config.update(config)
    app.add_url_rule("/", "view", lambda: request.form["secret_name"])
    response = app.test_client().get("/")
    assert (response.status_code, "secret_name" in response.text) == (400, shown)


def test_a_trapped_error_meets_the_handler_of_its_class() -> None:
    app = App("example", static_folder=None)
    app.config["TRAP_BAD_REQUEST_ERRORS"] = True
    app.register_error_handler(BadRequestKeyError, lambda error: (f"trapped {error.args[0]}", 422))
    app.add_url_rule("/", "view", lambda: request.form["key"])
    response = app.test_client().get("/")
    assert (response.status_code, response.text) == (422, "trapped key")


def request_data() -> bytes:
    return request.get_data()


def test_a_key_that_changes_after_the_first_request_counts_for_the_next() -> None:
    app = App("example", static_folder=None)
    app.add_url_rule("/", "view", request_data, methods=["POST"])
    client = app.test_client()
    assert client.post("/", data=b"12345").status_code == 200
    app.config["MAX_CONTENT_LENGTH"] = 4
    assert client.post("/", data=b"12345").status_code == 413


@pytest.mark.parametrize(
    ("config", "url"),
    [
        ({"SERVER_NAME": "example.com"}, "http://example.com/view"),
        (
            {"SERVER_NAME": "example.com", "PREFERRED_URL_SCHEME": "https"},
            "https://example.com/view",
        ),
        (
            {"SERVER_NAME": "example.com:8000", "APPLICATION_ROOT": "/app"},
            "http://example.com:8000/app/view",
        ),
    ],
)
def test_urls_outside_of_a_request_are_made_of_the_configuration(
    config: dict[str, Any], url: str
) -> None:
    app = App("example", static_folder=None)
    app.config.update(config)
    app.add_url_rule("/view", "view", lambda: "")
    with app.app_context():
        assert url_for("view") == url


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (None, "no-cache"),
        (0, "no-cache, max-age=0"),
        (60, "public, max-age=60"),
        (timedelta(hours=1), "public, max-age=3600"),
    ],
)
def test_files_are_kept_as_long_as_the_default_says(tmp_path: Path, value: Any, sent: str) -> None:
    (tmp_path / "a.txt").write_text("a")
    app = App("example", root_path=str(tmp_path), static_folder=None)
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = value
    app.add_url_rule("/", "view", lambda: send_file("a.txt"))
    response = app.test_client().get("/", buffered=True)
    assert ", ".join(sorted(response.headers["Cache-Control"].split(", "), reverse=True)) == (
        ", ".join(sorted(sent.split(", "), reverse=True))
    )


def test_a_file_without_a_path_is_never_left_to_the_front_server() -> None:
    app = App("example", static_folder=None)
    app.config["USE_X_SENDFILE"] = True
    app.add_url_rule("/", "view", lambda: send_file(BytesIO(b"abc"), mimetype="text/plain"))
    response = app.test_client().get("/", buffered=True)
    assert (response.data, "X-Sendfile" in response.headers) == (b"abc", False)


def test_a_cookie_over_the_limit_of_browsers_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="cookie is too large"):
        Response().set_cookie("name", "x" * 5000)


def test_the_limit_of_other_cookies_belongs_to_the_class_of_responses() -> None:
    class Small(Response):
        max_cookie_size = 100

    app = App("example", static_folder=None)
    app.config["MAX_COOKIE_SIZE"] = 200
    app.response_class = Small
    with app.app_context(), pytest.warns(UserWarning, match="too large"):
        app.response_class().set_cookie("name", "x" * 150)
    assert Response.max_cookie_size == 4093


@pytest.mark.parametrize(
    ("debug", "value", "reload"),
    [
        (False, None, False),
        (True, None, True),
        (False, True, True),
        (True, False, False),
    ],
)
def test_templates_are_looked_at_again_in_debug_or_as_configured(
    debug: bool, value: bool | None, reload: bool
) -> None:
    app = App("example", static_folder=None)
    app.config.update(DEBUG=debug, TEMPLATES_AUTO_RELOAD=value)
    assert app.jinja_env.auto_reload is reload


def test_switching_debug_mode_on_reaches_an_environment_that_is_there_already() -> None:
    app = App("example", static_folder=None)
    assert app.jinja_env.auto_reload is False
    app.debug = True
    assert app.jinja_env.auto_reload is True


def test_templates_and_views_see_the_same_configuration() -> None:
    app = App("example", static_folder=None)
    app.config["TITLE"] = "microweb"
    with app.app_context():
        assert render_template_string("{{ config.TITLE }}") == "microweb"
        app.config["TITLE"] = "changed"
        assert render_template_string("{{ config['TITLE'] }}") == "changed"


# --- attributes of the application


@pytest.mark.parametrize(
    ("attribute", "key", "value"),
    [
        ("testing", "TESTING", True),
        ("debug", "DEBUG", True),
        ("secret_key", "SECRET_KEY", b"key"),
        ("permanent_session_lifetime", "PERMANENT_SESSION_LIFETIME", timedelta(hours=1)),
    ],
)
def test_an_attribute_and_its_key_are_one(attribute: str, key: str, value: Any) -> None:
    app = App("example", static_folder=None)
    setattr(app, attribute, value)
    assert app.config[key] == value
    other = App("example", static_folder=None)
    other.config[key] = value
    assert getattr(other, attribute) == value


def test_a_lifetime_in_seconds_is_read_as_a_timedelta() -> None:
    app = App("example", static_folder=None)
    app.config["PERMANENT_SESSION_LIFETIME"] = 90
    assert app.permanent_session_lifetime == timedelta(seconds=90)


def test_make_config_is_a_seam_of_the_class() -> None:
    class Own(App):
        def make_config(self, instance_relative: bool = False) -> Config:
            config = super().make_config(instance_relative)
            config["OWN"] = [instance_relative]
            return config

    assert Own("example", static_folder=None).config["OWN"] == [False]
    assert Own("example", static_folder=None, instance_relative_config=True).config["OWN"] == [True]


# --- loaders


def test_from_object_takes_a_module_a_class_an_instance_and_a_path(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Base:
        KEY = "base"
        lower = "ignored"

    class Derived(Base):
        OTHER = "derived"

    module = ModuleType("microweb_settings_of_a_test")
    vars(module).update(KEY="module", lower="ignored", Settings=Derived)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    found = []
    for source in (
        Derived,
        Derived(),
        module,
        SimpleNamespace(KEY="namespace", lower="ignored"),
        module.__name__,
        f"{module.__name__}.Settings",
        f"{module.__name__}:Settings",
    ):
        config = Config("")
        config.from_object(source)
        found.append(dict(config))
    base = {"KEY": "base", "OTHER": "derived"}
    of_the_module = {"KEY": "module"}
    assert found == [base, base, of_the_module, {"KEY": "namespace"}, of_the_module, base, base]


def test_every_loader_says_that_it_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.py").write_text("KEY = 1\nlower = 2\n")
    (tmp_path / "settings.json").write_text('{"KEY": 2, "lower": 3}')
    monkeypatch.setenv("THE_SETTINGS", str(tmp_path / "settings.py"))
    monkeypatch.setenv("OTHER_KEY", "5")
    config = Config(tmp_path)
    loaded = [
        (config.from_pyfile("settings.py"), dict(config)),
        (config.from_file("settings.json", json.load), dict(config)),
        (config.from_envvar("THE_SETTINGS"), dict(config)),
        (config.from_mapping({"KEY": 3, "lower": 4}, OTHER=4, other=5), dict(config)),
        (config.from_prefixed_env("OTHER"), dict(config)),
    ]
    assert loaded == [
        (True, {"KEY": 1}),
        (True, {"KEY": 2}),
        (True, {"KEY": 1}),
        (True, {"KEY": 3, "OTHER": 4}),
        (True, {"KEY": 5, "OTHER": 4}),
    ]


def test_a_file_that_is_not_there_is_an_error_unless_it_may_be_missing(tmp_path: Path) -> None:
    config = Config(tmp_path)
    for load in (
        config.from_pyfile,
        lambda name, silent: config.from_file(name, json.load, silent),
    ):
        assert load("missing", silent=True) is False
        with pytest.raises(ConfigError) as caught:
            load("missing", silent=False)
        assert caught.value.key == str(tmp_path / "missing")
    assert dict(config) == {}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1.5", 1.5),
        ("true", True),
        ("True", "True"),
        ("null", None),
        ('"quoted"', "quoted"),
        ('{"a": [1]}', {"a": [1]}),
        ("[1, 2]", [1, 2]),
        ("plain text", "plain text"),
        ("", ""),
        ("{broken", "{broken"),
    ],
)
def test_a_value_of_the_environment_is_json_or_text(
    monkeypatch: pytest.MonkeyPatch, text: str, value: Any
) -> None:
    monkeypatch.setenv("SURFACE_KEY", text)
    config = Config("")
    config.from_prefixed_env("SURFACE")
    assert config == {"KEY": value}


def test_variables_of_the_environment_reach_into_dicts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "SURFACE_MAIL": '{"host": "localhost"}',
        "SURFACE_MAIL__port": "25",
        "SURFACE_MAIL__auth__user": "ada",
        "SURFACE_NEW__A__B": "1",
    }.items():
        monkeypatch.setenv(name, text)
    config = Config("")
    config.from_prefixed_env("SURFACE")
    assert config == {
        "MAIL": {"host": "localhost", "port": 25, "auth": {"user": "ada"}},
        "NEW": {"A": {"B": 1}},
    }


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({}, {"host": 1, "port_number": 2}),
        ({"lowercase": False}, {"HOST": 1, "PORT_NUMBER": 2}),
        ({"trim_namespace": False}, {"mail_host": 1, "mail_port_number": 2}),
        (
            {"lowercase": False, "trim_namespace": False},
            {"MAIL_HOST": 1, "MAIL_PORT_NUMBER": 2},
        ),
    ],
)
def test_a_namespace_is_the_keys_of_a_prefix(
    options: dict[str, bool], found: dict[str, int]
) -> None:
    config = Config("", {"MAIL_HOST": 1, "MAIL_PORT_NUMBER": 2, "MAILER": 3, "OTHER": 4})
    assert config.get_namespace("MAIL_", **options) == found


def test_from_mapping_takes_one_mapping() -> None:
    with pytest.raises(TypeError):
        Config("").from_mapping({"A": 1}, {"B": 2})  # type: ignore[call-arg]
