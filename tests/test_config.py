"""The configuration: its defaults, every loader, and what each says when it cannot load."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import pytest

from microweb import App, Config
from microweb.checks import check_types
from microweb.config import (
    DEFAULTS,
    ConfigAttribute,
    debug_from_environment,
    is_on,
    load_dotenv,
    load_dotenv_files,
)
from microweb.errors import ConfigError


class Settings:
    KEY = "value"
    OTHER_KEY = 2
    lower = "ignored"
    Mixed = "ignored"
    _PRIVATE = "taken, because it is upper-case"

    @property
    def COMPUTED(self) -> str:  # noqa: N802 - a setting
        return "computed"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in os.environ:
        if name.startswith("MICROWEB"):
            monkeypatch.delenv(name)
    return monkeypatch


# --- defaults


def test_an_application_starts_with_the_defaults(environment: pytest.MonkeyPatch) -> None:
    app = App("example", static_folder=None)
    assert dict(app.config) == {**DEFAULTS, "DEBUG": False}


def test_the_defaults_are_flasks_except_for_those_that_are_meant_to_differ() -> None:
    import flask

    flasks = flask.Flask("example").config
    differing = {key: value for key, value in DEFAULTS.items() if value != flasks.get(key)}
    assert set(DEFAULTS) >= set(flasks)
    assert differing == {
        "BACKGROUND_TASK_QUEUE": 1_000,
        "BACKGROUND_TASK_THREADS": 4,
        "BACKGROUND_TASK_TIMEOUT": 10,
        "DEBUG": None,
        "MAX_CONTENT_LENGTH": 16 * 1024 * 1024,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": None,
    }


def test_two_applications_do_not_share_their_configuration() -> None:
    first, second = App("a", static_folder=None), App("b", static_folder=None)
    first.config["SECRET_KEY"] = "first"
    assert second.config["SECRET_KEY"] is None
    assert DEFAULTS["SECRET_KEY"] is None


@pytest.mark.parametrize(
    ("value", "debug"),
    [("1", True), ("true", True), ("0", False), ("False", False), ("no", False), ("", False)],
)
def test_the_environment_switches_debug_mode_on(
    environment: pytest.MonkeyPatch, value: str, debug: bool
) -> None:
    assert debug_from_environment() is False
    environment.setenv("MICROWEB_DEBUG", value)
    assert debug_from_environment() is debug
    app = App("example", static_folder=None)
    assert (app.debug, app.config["DEBUG"]) == (debug, debug)


@pytest.mark.parametrize("value", ["maybe", "flase", "2", "disabled"])
def test_a_text_that_is_neither_a_yes_nor_a_no_is_refused(
    environment: pytest.MonkeyPatch, value: str
) -> None:
    environment.setenv("MICROWEB_DEBUG", value)
    with pytest.raises(ConfigError) as caught:
        App("example", static_folder=None)
    assert caught.value.key == "MICROWEB_DEBUG"
    assert str(caught.value) == (
        f"MICROWEB_DEBUG is {value!r}, which is neither a yes nor a no. Write 1, true, yes or on,"
        " or else 0, false, no, off or nothing at all."
    )


def test_the_key_debug_may_be_a_text_that_is_a_yes_or_a_no(app: App) -> None:
    app.config["DEBUG"] = " On "
    assert app.debug is True
    app.config["DEBUG"] = "off"
    assert app.debug is False
    app.config["DEBUG"] = "flase"
    with pytest.raises(ConfigError, match="^DEBUG is 'flase', which is neither") as caught:
        app.test_client().get("/")
    app.config["DEBUG"] = False  # for the shutdown
    assert caught.value.key == "DEBUG"


@pytest.mark.parametrize("word", ["1", "TRUE", "Yes", "on\n"])
def test_the_words_for_yes(word: str) -> None:
    assert is_on(word) is True


@pytest.mark.parametrize("word", ["", " ", "0", "False", "NO", "off", "None", "null"])
def test_the_words_for_no(word: str) -> None:
    assert is_on(word) is False


def test_what_is_no_text_is_on_by_its_truth() -> None:
    assert [is_on(value) for value in (True, 1, [0], False, 0, None)] == [True] * 3 + [False] * 3


def test_the_variable_that_leaves_files_out_is_a_yes_or_a_no(
    environment: pytest.MonkeyPatch,
) -> None:
    environment.setenv("MICROWEB_SKIP_DOTENV", "perhaps")
    with pytest.raises(ConfigError, match="^MICROWEB_SKIP_DOTENV is 'perhaps', which is neither"):
        load_dotenv()


def test_a_subclass_of_the_application_has_its_own_defaults() -> None:
    class Own(App):
        default_config = {**DEFAULTS, "SESSION_COOKIE_SAMESITE": None, "DEBUG": True}  # noqa: RUF012

    app = Own("example", static_folder=None)
    assert app.config["SESSION_COOKIE_SAMESITE"] is None
    assert app.debug is True


# --- values that cannot be used

HOST = "write the host only, such as 'example.com' or 'example.com:8000'."
LIMIT = "it must be 0 or more, or None for no limit."
ROOT = "it must be a path that begins with a slash, such as '/' or '/app'."
SCHEME = "it must be a scheme alone, such as 'http' or 'https'."

MAPPING = (
    "each folder must be an absolute path, and each location a path that begins with a slash; both"
    " are text (str)."
)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("SERVER_NAME", "http://example.com", HOST),
        ("SERVER_NAME", "example.com/", HOST),
        ("SERVER_NAME", "example.com ", HOST),
        ("MAX_CONTENT_LENGTH", -1, LIMIT),
        ("MAX_FORM_MEMORY_SIZE", -1, LIMIT),
        ("MAX_FORM_PARTS", -1, LIMIT),
        ("BACKGROUND_TASK_THREADS", 0, "it must be 1 or more."),
        ("BACKGROUND_TASK_THREADS", -4, "it must be 1 or more."),
        ("BACKGROUND_TASK_QUEUE", 0, "it must be 1 or more."),
        ("BACKGROUND_TASK_TIMEOUT", -0.5, "it must be 0 or more, or None."),
        ("BACKGROUND_TASK_TIMEOUT", float("nan"), "it must be 0 or more, or None."),
        ("APPLICATION_ROOT", "app", ROOT),
        ("APPLICATION_ROOT", "", ROOT),
        ("SESSION_COOKIE_SAMESITE", "lax; Secure", "it must be 'Lax', 'Strict', 'None' or None."),
        ("SESSION_COOKIE_SAMESITE", "", "it must be 'Lax', 'Strict', 'None' or None."),
        ("SESSION_COOKIE_NAME", "", "it must be a name, such as 'session'."),
        ("PREFERRED_URL_SCHEME", "", SCHEME),
        ("PREFERRED_URL_SCHEME", "https://", SCHEME),
        ("X_ACCEL_MAPPING", {"files": "/files"}, MAPPING),
        ("X_ACCEL_MAPPING", {"/srv/files": "files"}, MAPPING),
        ("X_ACCEL_MAPPING", {"/srv/files": None}, MAPPING),
        ("X_ACCEL_MAPPING", {7: "/files"}, MAPPING),
        ("X_ACCEL_MAPPING", {Path("/srv/files"): "/files"}, MAPPING),
        ("X_ACCEL_MAPPING", {"/srv/files": Path("/files")}, MAPPING),
    ],
)
def test_a_value_that_cannot_be_used_is_told_with_what_it_must_be(
    key: str, value: Any, expected: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_types({**DEFAULTS, key: value})
    assert str(caught.value) == f"{key} is {value!r}: {expected}"
    assert caught.value.key == key


@pytest.mark.parametrize("fallbacks", ["an old secret", b"an old secret"])
def test_a_plain_text_of_fallback_keys_is_refused_without_being_shown(fallbacks: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        check_types({"SECRET_KEY_FALLBACKS": fallbacks})
    assert str(caught.value) == (
        "SECRET_KEY_FALLBACKS must be a list of the older keys, each of them text or bytes."
    )


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("SERVER_NAME", [None, "localhost", "example.com:8000", "[::1]:8000", ".example.com"]),
        ("MAX_CONTENT_LENGTH", [None, 0, 1]),
        ("BACKGROUND_TASK_THREADS", [1]),
        ("BACKGROUND_TASK_TIMEOUT", [None, 0, 0.05, 10, float("inf")]),
        ("APPLICATION_ROOT", ["/", "/app", "/app/"]),
        ("SESSION_COOKIE_SAMESITE", [None, "Lax", "strict", "NONE"]),
        ("PREFERRED_URL_SCHEME", ["http", "https", "HTTPS"]),
        ("SECRET_KEY_FALLBACKS", [None, "", [], ["old"], (b"old",)]),
        ("DEBUG", [None, True, 0, "true", ""]),
        ("X_ACCEL_MAPPING", [None, {}, {"/srv/files": "/files"}]),
    ],
)
def test_what_can_be_used_is_not_refused(key: str, values: list[Any]) -> None:
    check_types(DEFAULTS)
    for value in values:
        check_types({key: value})


# --- from_object


def test_from_object_takes_upper_case_attributes_of_a_class(config: Config) -> None:
    config.from_object(Settings)
    assert {key: config[key] for key in ("KEY", "OTHER_KEY", "_PRIVATE")} == {
        "KEY": "value",
        "OTHER_KEY": 2,
        "_PRIVATE": "taken, because it is upper-case",
    }
    assert set(config) == {"KEY", "OTHER_KEY", "_PRIVATE", "COMPUTED"}


def test_from_object_computes_the_properties_of_an_instance(config: Config) -> None:
    config.from_object(Settings())
    assert config["COMPUTED"] == "computed"


def test_from_object_imports_what_a_path_names(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings_of_this_test.py").write_text("A = 1\nclass Inner:\n    B = 2\nc = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    config.from_object("settings_of_this_test")
    assert dict(config) == {"A": 1}
    config.from_object("settings_of_this_test.Inner")
    config.from_object("settings_of_this_test:Inner")
    assert dict(config) == {"A": 1, "B": 2}


@pytest.mark.parametrize("path", ["no_such_module", "json.no_such_name", "no_such_module.Name"])
def test_from_object_says_which_path_cannot_be_imported(config: Config, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.from_object(path)
    assert caught.value.key == path
    assert str(caught.value).startswith(f"The configuration {path!r} cannot be imported: ")
    assert isinstance(caught.value.__cause__, ImportError)


def test_an_error_inside_of_the_imported_module_is_not_hidden(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_settings.py").write_text("A = 1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ZeroDivisionError):
        config.from_object("broken_settings")


# --- from_mapping


def test_from_mapping_takes_upper_case_keys_of_a_mapping_and_of_keywords(config: Config) -> None:
    assert config.from_mapping({"A": 1, "b": 2, "C": 3}, C=4, D=5, e=6) is True
    assert dict(config) == {"A": 1, "C": 4, "D": 5}


def test_from_mapping_of_nothing_changes_nothing(config: Config) -> None:
    config["A"] = 1
    assert config.from_mapping() is True
    assert config.from_mapping(None) is True
    assert config.from_mapping({}) is True
    assert dict(config) == {"A": 1}


# --- from_pyfile


def test_from_pyfile_runs_a_file_beside_the_application(config: Config, tmp_path: Path) -> None:
    (tmp_path / "settings.cfg").write_text(
        "import os\nA = 1\nB = A + 1\nc = 3\nHERE = __file__\n", encoding="utf-8"
    )
    assert config.from_pyfile("settings.cfg") is True
    assert dict(config) == {"A": 1, "B": 2, "HERE": str(tmp_path / "settings.cfg")}


def test_from_pyfile_takes_an_absolute_path_and_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "settings.py"
    path.write_bytes("# -*- coding: latin-1 -*-\nNAME = 'Zoë'\n".encode("latin-1"))
    config = Config("/nowhere")
    assert config.from_pyfile(path) is True
    assert dict(config) == {"NAME": "Zoë"}


def test_from_pyfile_names_the_file_that_does_not_exist(config: Config, tmp_path: Path) -> None:
    path = str(tmp_path / "missing.cfg")
    with pytest.raises(ConfigError) as caught:
        config.from_pyfile("missing.cfg")
    assert caught.value.key == path
    assert str(caught.value) == (
        f"The configuration file {path!r} cannot be read: No such file or directory."
    )
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_from_pyfile_is_silent_about_a_missing_file_when_asked(
    config: Config, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert config.from_pyfile("missing.cfg", silent=True) is False
    assert config.from_pyfile("file/missing.cfg", silent=True) is False
    assert config.from_pyfile(tmp_path, silent=True) is False
    assert dict(config) == {}


def test_from_pyfile_says_what_is_wrong_with_a_folder(config: Config, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        config.from_pyfile(tmp_path)
    assert str(caught.value) == (
        f"The configuration file {str(tmp_path)!r} cannot be read: Is a directory."
    )


def test_a_mistake_in_a_pyfile_names_its_file_and_line(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "settings.py"
    path.write_text("A = 1\nB = (\n")
    with pytest.raises(SyntaxError) as caught:
        config.from_pyfile("settings.py", silent=True)
    assert (caught.value.filename, caught.value.lineno) == (str(path), 2)
    path.write_text("A = 1\nB = missing\n")
    with pytest.raises(NameError, match="missing"):
        config.from_pyfile("settings.py", silent=True)
    assert dict(config) == {}


# --- from_envvar


def test_from_envvar_runs_the_file_that_the_variable_names(
    config: Config, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    (tmp_path / "settings.py").write_text("A = 1\n")
    environment.setenv("APP_SETTINGS", "settings.py")
    assert config.from_envvar("APP_SETTINGS") is True
    assert dict(config) == {"A": 1}


@pytest.mark.parametrize("value", [None, ""])
def test_from_envvar_says_which_variable_is_not_set(
    config: Config, environment: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is not None:
        environment.setenv("APP_SETTINGS", value)
    with pytest.raises(ConfigError) as caught:
        config.from_envvar("APP_SETTINGS")
    assert caught.value.key == "APP_SETTINGS"
    assert str(caught.value) == (
        "The environment variable 'APP_SETTINGS' is not set: it must name a configuration file."
    )
    assert config.from_envvar("APP_SETTINGS", silent=True) is False


def test_from_envvar_is_silent_about_a_missing_file_too(
    config: Config, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("APP_SETTINGS", "missing.py")
    assert config.from_envvar("APP_SETTINGS", silent=True) is False
    with pytest.raises(ConfigError, match=r"missing\.py"):
        config.from_envvar("APP_SETTINGS")


# --- from_file


def test_from_file_loads_text(config: Config, tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text('{"A": "é", "b": 2, "C": {"d": 1}}', encoding="utf-8")
    assert config.from_file("settings.json", load=json.load) is True
    assert dict(config) == {"A": "é", "C": {"d": 1}}


def test_from_file_loads_bytes(config: Config, tmp_path: Path) -> None:
    def load(file: IO[Any]) -> dict[str, Any]:
        return {"DATA": file.read(), "MODE": file.mode}

    (tmp_path / "settings.bin").write_bytes(b"\x00\xff")
    assert config.from_file("settings.bin", load, text=False) is True
    assert dict(config) == {"DATA": b"\x00\xff", "MODE": "rb"}


def test_from_file_may_be_silent_about_a_missing_file_only(config: Config, tmp_path: Path) -> None:
    assert config.from_file("missing.json", json.load, silent=True) is False
    with pytest.raises(ConfigError) as caught:
        config.from_file("missing.json", json.load)
    path = str(tmp_path / "missing.json")
    assert str(caught.value) == (
        f"The configuration file {path!r} cannot be read: No such file or directory."
    )
    (tmp_path / "broken.json").write_text("{")
    path = str(tmp_path / "broken.json")
    with pytest.raises(ConfigError) as broken:
        config.from_file("broken.json", json.load, silent=True)
    assert str(broken.value) == (
        f"The configuration file {path!r} cannot be read: Expecting property name enclosed in"
        " double quotes: line 1 column 2 (char 1)."
    )
    (tmp_path / "broken.json").write_text("[1]")
    with pytest.raises(ConfigError, match="holds list, not a dict$|holds a list and no dict\\.$"):
        config.from_file("broken.json", json.load)


def test_an_error_within_the_loading_is_not_that_of_the_file(
    config: Config, tmp_path: Path
) -> None:
    def load(file: Any) -> Any:
        raise FileNotFoundError("included")

    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match="^included$"):
        config.from_file("a.json", load, silent=True)


# --- from_prefixed_env


def test_from_prefixed_env_reads_json_and_keeps_other_text(
    config: Config, environment: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "MICROWEB_NUMBER": "5",
        "MICROWEB_FLAG": "true",
        "MICROWEB_NOTHING": "null",
        "MICROWEB_LIST": "[1, 2]",
        "MICROWEB_TEXT": "plain text",
        "MICROWEB_EMPTY": "",
        "OTHER_NUMBER": "6",
        "MICROWEBISH": "7",
    }.items():
        environment.setenv(name, value)
    assert config.from_prefixed_env() is True
    assert dict(config) == {
        "EMPTY": "",
        "FLAG": True,
        "LIST": [1, 2],
        "NOTHING": None,
        "NUMBER": 5,
        "TEXT": "plain text",
    }


def test_from_prefixed_env_takes_another_prefix_and_loader(
    config: Config, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("SHOP_A", "5")
    environment.setenv("SHOP_B", "b")
    assert config.from_prefixed_env("SHOP", loads=int) is True
    assert dict(config) == {"A": 5, "B": "b"}


def test_two_underscores_lead_into_dicts(config: Config, environment: pytest.MonkeyPatch) -> None:
    config["MAIL"] = {"HOST": "localhost", "PORT": 1}
    environment.setenv("MICROWEB_MAIL__PORT", "25")
    environment.setenv("MICROWEB_DB__main__URL", "sqlite://")
    environment.setenv("MICROWEB_DB__main__POOL", "3")
    config.from_prefixed_env()
    assert dict(config) == {
        "MAIL": {"HOST": "localhost", "PORT": 25},
        "DB": {"main": {"URL": "sqlite://", "POOL": 3}},
    }


def test_a_variable_that_leads_into_something_else_is_named(
    config: Config, environment: pytest.MonkeyPatch
) -> None:
    config["MAIL"] = "localhost"
    environment.setenv("MICROWEB_MAIL__PORT", "25")
    with pytest.raises(ConfigError) as caught:
        config.from_prefixed_env()
    assert caught.value.key == "MICROWEB_MAIL__PORT"
    assert str(caught.value) == (
        "MICROWEB_MAIL__PORT goes into 'MAIL', which is a str and not a dict."
    )


# --- reading


def test_get_namespace_returns_the_keys_of_a_prefix() -> None:
    config = Config("", {"MAIL_HOST": "localhost", "MAIL_PORT": 25, "MAILER": 1, "OTHER": 2})
    assert config.get_namespace("MAIL_") == {"host": "localhost", "port": 25}
    assert config.get_namespace("MAIL_", lowercase=False) == {"HOST": "localhost", "PORT": 25}
    assert config.get_namespace("MAIL_", trim_namespace=False) == {
        "mail_host": "localhost",
        "mail_port": 25,
    }
    assert config.get_namespace("NONE_") == {}


def test_the_configuration_is_a_dict_that_says_what_it_is() -> None:
    config = Config("/root", {"A": 1})
    assert isinstance(config, dict)
    assert repr(config) == "<Config {'A': 1}>"
    assert config.root_path == "/root"


def test_attributes_of_the_application_are_keys_of_its_configuration(app: App) -> None:
    app.secret_key = "another key"
    app.testing = False
    app.permanent_session_lifetime = timedelta(hours=1)
    assert app.config["SECRET_KEY"] == "another key"
    assert app.config["TESTING"] is False
    assert app.config["PERMANENT_SESSION_LIFETIME"] == timedelta(hours=1)
    app.config["PERMANENT_SESSION_LIFETIME"] = 90
    assert app.permanent_session_lifetime == timedelta(seconds=90)
    assert isinstance(App.testing, ConfigAttribute)


def test_relative_file_names_start_from_the_instance_folder_when_asked(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text("A = 1\n")
    app = App(
        "example",
        static_folder=None,
        instance_path=str(tmp_path),
        instance_relative_config=True,
    )
    assert app.config.from_pyfile("settings.py") is True
    assert app.config["A"] == 1


def test_the_application_uses_its_own_class_of_configuration() -> None:
    class Loud(Config):
        def __missing__(self, key: str) -> str:
            return f"no {key}"

    class Own(App):
        config_class = Loud

    assert Own("example", static_folder=None).config["NOTHING"] == "no NOTHING"


# --- .env files


def test_env_files_fill_what_the_environment_does_not_have(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dotenv", reason="python-dotenv is not installed")
    (tmp_path / ".env").write_text("DOTENV_A=env\nDOTENV_B=env\nDOTENV_C=env\n", encoding="utf-8")
    (tmp_path / ".microwebenv").write_text("DOTENV_B=own\nDOTENV_D=é\n", encoding="utf-8")
    inner = tmp_path / "inner"
    inner.mkdir()
    environment.chdir(inner)
    for name in "ABCD":
        # So that what is loaded here is taken away again.
        environment.setenv(f"DOTENV_{name}", "")
        environment.delenv(f"DOTENV_{name}")
    environment.setenv("DOTENV_C", "real")
    assert load_dotenv_files() is True
    assert [os.environ[f"DOTENV_{name}"] for name in "ABCD"] == ["env", "env", "real", "é"]


def test_without_env_files_nothing_is_loaded(
    tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    environment.chdir(tmp_path)
    assert load_dotenv_files() is False


def test_an_env_file_that_cannot_be_read_without_its_package_is_named(
    tmp_path: Path, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setitem(__import__("sys").modules, "dotenv", None)  # as if it were not installed
    environment.chdir(tmp_path)
    assert load_dotenv_files() is False
    assert capsys.readouterr() == ("", "")
    (tmp_path / ".env").write_text("A=1\n")
    assert load_dotenv_files() is False
    assert capsys.readouterr().err == (
        " * There is a file .env, which needs python-dotenv to be read: pip install python-dotenv\n"
    )
