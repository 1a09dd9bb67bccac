"""The module `microweb.json`: the current application's provider, or the default one."""

from __future__ import annotations

import json as standard
from datetime import date
from decimal import Decimal
from io import BytesIO, StringIO
from typing import Any
from uuid import UUID

import pytest

import microweb
from microweb import App, json, request
from microweb.errors import OutsideContext
from microweb.json import provider, tag
from microweb.provider import DefaultJSONProvider, JSONProvider
from microweb.tagged import JSONTag, TaggedJSONSerializer


class Marking(DefaultJSONProvider):
    """A provider that leaves its mark, and records its calls."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.calls: list[Any] = []

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        self.calls.append(("dumps", obj, kwargs))
        return f"<{super().dumps(obj)}>"

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        self.calls.append(("loads", s, kwargs))
        return ["loaded", s]


@pytest.fixture
def marked(app: App) -> Marking:
    app.json = marking = Marking(app)
    return marking


def test_it_is_the_json_of_the_package() -> None:
    assert microweb.json is json
    assert (provider.JSONProvider, provider.DefaultJSONProvider) == (
        JSONProvider,
        DefaultJSONProvider,
    )
    assert (tag.JSONTag, tag.TaggedJSONSerializer) == (JSONTag, TaggedJSONSerializer)
    assert json.jsonify is microweb.jsonify


# --- without an application

TYPES: list[tuple[Any, str]] = [
    ({"b": 1, "a": None}, '{"b": 1, "a": null}'),
    (date(2024, 2, 29), '"2024-02-29"'),
    (Decimal("1.50"), '"1.50"'),
    (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
    ("é", '"\\u00e9"'),
]


@pytest.mark.parametrize(("value", "text"), TYPES)
def test_without_an_application_values_are_written_by_default(value: Any, text: str) -> None:
    assert json.dumps(value) == text
    file = StringIO()
    json.dump(value, file)
    assert file.getvalue() == text


@pytest.mark.parametrize("given", ['{"a": [1.5, null]}', b'{"a": [1.5, null]}'])
def test_without_an_application_text_and_bytes_are_read(given: str | bytes) -> None:
    assert json.loads(given) == {"a": [1.5, None]}


@pytest.mark.parametrize("file", [StringIO("[1]"), BytesIO(b"[1]"), BytesIO(b"\xef\xbb\xbf[1]")])
def test_text_and_binary_files_are_read(file: Any) -> None:
    assert json.load(file) == [1]


def test_keywords_are_those_of_the_standard_library() -> None:
    assert json.dumps({"b": "é", "a": 1}, sort_keys=True, ensure_ascii=False) == (
        '{"a": 1, "b": "é"}'
    )
    assert json.dumps([1], indent=1) == "[\n 1\n]"
    assert json.loads("1.5", parse_float=Decimal) == Decimal("1.5")
    file = StringIO()
    json.dump({"a": 1}, file, separators=(",", ":"))
    assert file.getvalue() == '{"a":1}'
    assert json.load(StringIO("1"), parse_int=str) == "1"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")]])
def test_what_is_not_a_number_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="^NaN and infinity are not JSON"):
        json.dumps(value)


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", "", "nope", "[" * 100_000])
def test_what_is_not_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        json.loads(text)
    with pytest.raises(ValueError, match="."):
        json.load(StringIO(text))


def test_a_wrong_type_is_named() -> None:
    with pytest.raises(TypeError, match="^object cannot be written as JSON"):
        json.dumps(object())


def test_jsonify_needs_an_application() -> None:
    with pytest.raises(OutsideContext):
        json.jsonify(1)


# --- with one


def test_in_a_context_the_provider_of_the_application_does_it(app: App, marked: Marking) -> None:
    file = StringIO()
    with app.app_context():
        assert json.dumps([1], option=2) == "<[1]>"
        assert json.loads("x", option=3) == ["loaded", "x"]
        json.dump({"a": 1}, file, option=4)
        assert json.load(StringIO("y"), option=5) == ["loaded", "y"]
        assert json.load(BytesIO(b"z")) == ["loaded", b"z"]
    assert file.getvalue() == '<{"a": 1}>'
    assert marked.calls == [
        ("dumps", [1], {"option": 2}),
        ("loads", "x", {"option": 3}),
        ("dumps", {"a": 1}, {"option": 4}),
        ("loads", "y", {"option": 5}),
        ("loads", b"z", {}),
    ]
    assert json.dumps([1]) == "[1]"


def test_in_a_request_too(app: App, marked: Marking) -> None:
    app.add_url_rule("/", "view", lambda: json.dumps(request.args))
    assert app.test_client().get("/?a=1").text == '<{"a": "1"}>'


def test_each_application_has_its_own(app: App, marked: Marking) -> None:
    other = App("other", static_folder=None)
    with app.app_context():
        with other.app_context():
            assert json.dumps(1) == "1"
        assert json.dumps(1) == "<1>"


def test_a_provider_may_be_set_while_a_context_is_open(app: App) -> None:
    with app.app_context():
        before = json.dumps(1)
        app.json = Marking(app)
        assert [before, json.dumps(1)] == ["1", "<1>"]


def test_it_writes_what_the_standard_library_reads() -> None:
    value = {"a": [1, 2.5, True, None, "\u2028 </script> \U0001f600"], "b": {}}
    assert standard.loads(json.dumps(value)) == value
    assert json.loads(standard.dumps(value)) == value
