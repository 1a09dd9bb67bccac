"""JSON for responses and requests, and the tagged JSON of sessions."""

from __future__ import annotations

import json
import re
from collections import OrderedDict, UserDict
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from io import BytesIO, StringIO
from typing import Any, NamedTuple
from uuid import UUID

import flask.json.tag
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from microweb import App, jsonify, request
from microweb.provider import BytesJSON, DefaultJSONProvider, JSONProvider, encodable
from microweb.tagged import TaggedJSONSerializer

ID = UUID("0c7ec1f1-0e5c-4b4c-8f6e-5a1c2b3d4e5f")
STABLE = settings(deadline=None, database=None, derandomize=True)


@dataclass
class Point:
    x: int
    at: date | None = None
    tags: list[str] = field(default_factory=list)


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Fragment:
    def __html__(self) -> str:
        return "<b>bold</b>"


def provider(**attributes: Any) -> DefaultJSONProvider:
    made = type("Provider", (DefaultJSONProvider,), attributes)
    result = made(App("example", static_folder=None))
    assert isinstance(result, DefaultJSONProvider)
    return result


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, 1.5]}, '{"b": 1, "a": [true, null, 1.5]}'),
        (datetime(2024, 2, 29, 12, 30, tzinfo=timezone.utc), '"2024-02-29T12:30:00+00:00"'),
        (datetime(2024, 2, 29, 12, 30, 0, 5), '"2024-02-29T12:30:00.000005"'),
        (date(2024, 2, 29), '"2024-02-29"'),
        (time(12, 30), '"12:30:00"'),
        (timedelta(minutes=1, milliseconds=500), "60.5"),
        (ID, '"0c7ec1f1-0e5c-4b4c-8f6e-5a1c2b3d4e5f"'),
        (Decimal("1.10"), '"1.10"'),
        (Point(1, date(2024, 1, 2), ["a"]), '{"x": 1, "at": "2024-01-02", "tags": ["a"]}'),
        (Colour.RED, '"red"'),
        (Level.HIGH, "3"),
        (Fragment(), '"<b>bold</b>"'),
        (Markup("<i>"), '"<i>"'),
        ((1, 2), "[1, 2]"),
        ({1: "a", None: "b", False: "c"}, '{"1": "a", "null": "b", "false": "c"}'),
        ("é☃\U0001f600", '"\\u00e9\\u2603\\ud83d\\ude00"'),
        ("</script>", '"</script>"'),
        (10**30, "1000000000000000000000000000000"),
    ],
)
def test_values_are_written_as_documented(value: object, text: str) -> None:
    assert provider().dumps(value) == text


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), [float("-inf")], {"a": float("nan")}]
)
@pytest.mark.parametrize("options", [{}, {"separators": (",", ":")}, {"indent": 2}])
def test_not_a_number_is_refused_when_writing(value: object, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="^NaN and infinity are not JSON") as caught:
        provider().dumps(value, **options)
    assert str(caught.value) == (
        "NaN and infinity are not JSON (RFC 8259 section 6): send null or text instead."
    )


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("options", [{}, {"object_hook": dict}])
def test_not_a_number_is_refused_when_reading(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{name} is not JSON.$"):
        provider().loads(f"[{name}]", **options)


def test_a_type_that_json_does_not_know_is_named() -> None:
    with pytest.raises(TypeError) as caught:
        provider().dumps({"a": {1, 2}})
    assert str(caught.value) == (
        "set cannot be written as JSON: convert it first, or extend 'default' of the application's"
        " JSON provider. It stands at ['a']."
    )
    with pytest.raises(TypeError, match="^type cannot be written as JSON"):
        encodable(Point)


def test_the_place_of_an_unknown_value_is_named() -> None:
    async def later() -> None: ...

    coroutine = later()
    unknown: Any = object()
    documents: list[tuple[Any, str]] = [
        ({"users": [{"tags": {1}}]}, "['users'][0]['tags']"),
        ([1, (2, [Point(1, tags=[unknown])])], "[1][1][0]['tags'][0]"),
        ({"a": coroutine}, "['a']"),
    ]
    for document, place in documents:
        with pytest.raises(TypeError, match=rf" It stands at {re.escape(place)}\.$"):
            provider().dumps(document)
    with pytest.raises(TypeError, match=r"^coroutine cannot be written as JSON: await it first\."):
        provider().dumps(coroutine)
    coroutine.close()
    with pytest.raises(TypeError, match=r"provider\.$"):
        provider().dumps({1})


def test_a_value_that_contains_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(
        ValueError, match="^The document contains itself, or is nested too deeply for JSON.$"
    ):
        provider().dumps(value)


def test_bytes_are_read_as_utf8_with_or_without_a_byte_order_mark() -> None:
    assert provider().loads('"é"'.encode()) == "é"
    assert provider().loads(b"\xef\xbb\xbf[1]") == [1]
    assert provider().loads('{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "latin-1"])
def test_other_encodings_are_not_guessed(encoding: str) -> None:
    with pytest.raises(ValueError, match="."):
        provider().loads('{"a": "é"}'.encode(encoding))


def test_a_document_that_is_nested_too_deeply_is_a_value_error() -> None:
    for text in ("[" * 100_000, '{"a":' * 100_000, b"[" * 100_000):
        with pytest.raises(ValueError, match=r"^The document is nested too deeply\.$"):
            provider().loads(text)
    with pytest.raises(ValueError, match=r"^The document is nested too deeply\.$"):
        provider().loads("[" * 100_000, object_hook=dict)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "'a'", "01", "\ufeff1", "tru", "1 2", '"\n"'])
def test_what_is_not_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        provider().loads(text)


def test_a_number_of_too_many_digits_is_a_value_error() -> None:
    with pytest.raises(ValueError, match=r"Exceeds the limit \(4300"):
        provider().loads("1" * 5_000)


def test_keywords_are_those_of_the_standard_library() -> None:
    assert provider().dumps({"b": 1, "a": ID}, sort_keys=True, indent=1) == (
        '{\n "a": "0c7ec1f1-0e5c-4b4c-8f6e-5a1c2b3d4e5f",\n "b": 1\n}'
    )
    assert provider().dumps("é", ensure_ascii=False) == '"é"'
    assert provider().dumps({"a": {1}}, default=sorted) == '{"a": [1]}'
    assert provider().dumps([1, {"a": 2}], separators=(",", ":")) == '[1,{"a":2}]'
    assert provider().loads("1.5", parse_float=Decimal) == Decimal("1.5")
    assert provider().dumps([float("inf")], allow_nan=True) == "[Infinity]"


def test_attributes_of_a_subclass_decide_how_it_writes() -> None:
    assert provider(sort_keys=True).dumps({"b": 1, "a": 2}) == '{"a": 2, "b": 1}'
    assert provider(ensure_ascii=False).dumps("é") == '"é"'
    assert provider(default=staticmethod(lambda value: "odd")).dumps([{1}]) == '["odd"]'

    class Sets(DefaultJSONProvider):
        @staticmethod
        def default(value: Any) -> Any:
            return sorted(value) if isinstance(value, set) else encodable(value)

    sets = Sets(App("example", static_folder=None))
    assert sets.dumps({"a": {2, 1}, "b": ID}) == f'{{"a": [1, 2], "b": "{ID}"}}'
    assert sets.dumps([{1}], separators=(",", ":")) == "[[1]]"
    assert sets.dumps([{1}], indent=None) == "[[1]]"


def test_dump_and_load_work_on_files() -> None:
    text = StringIO()
    provider().dump({"a": ID}, text)
    assert text.getvalue() == f'{{"a": "{ID}"}}'
    assert provider().load(StringIO("[1]")) == [1]
    assert provider().load(BytesIO('"é"'.encode())) == "é"


def test_another_library_needs_two_methods() -> None:
    class Reversing(JSONProvider):
        def dumps(self, obj: Any, **kwargs: Any) -> str:
            return json.dumps(obj)[::-1]

        def loads(self, s: str | bytes, **kwargs: Any) -> Any:
            return json.loads(s[::-1])

    app = App("example", static_folder=None)
    other = Reversing(app)
    text = StringIO()
    other.dump({"a": 1}, text)
    assert text.getvalue() == '}1 :"a"{'
    assert other.load(StringIO('}1 :"a"{')) == {"a": 1}
    response = other.response(a=1)
    assert (response.get_data(), response.mimetype) == (b'}1 :"a"{', "application/json")


LIBRARIES = {
    "orjson": ("dumps", "loads", "default"),
    "msgspec.json": ("encode", "decode", "enc_hook"),
}


@pytest.fixture(params=LIBRARIES)
def bytes_json(request: pytest.FixtureRequest, app: App) -> BytesJSON:
    library = pytest.importorskip(request.param)
    write, read, hook = LIBRARIES[request.param]
    app.json = made = BytesJSON(app, getattr(library, write), getattr(library, read), hook=hook)
    return made


def test_a_library_of_bytes_writes_and_reads_everything(app: App, bytes_json: BytesJSON) -> None:
    @app.post("/")
    def echo() -> dict[str, Any]:
        return {"got": request.get_json(), "when": date(2024, 1, 2), "price": Decimal("1.10")}

    document = {"a": [1, None, "é"], "at": ID, "html": Fragment()}
    response = app.test_client().post("/", json=document)
    expected = {
        "got": {"a": [1, None, "é"], "at": str(ID), "html": "<b>bold</b>"},
        "when": "2024-01-02",
        "price": "1.10",
    }
    assert response.json == expected
    assert response.data == json.dumps(expected, separators=(",", ":"), ensure_ascii=False).encode()
    assert response.headers["Content-Type"] == "application/json"
    with app.app_context():
        assert jsonify(1, "é").data == '[1,"é"]'.encode()
    assert app.jinja_env.from_string("{{ value|tojson }}").render(value={"a": "<é>"}) == (
        '{"a":"\\u003cé\\u003e"}'
    )
    assert app.jinja_env.from_string("{{ [1]|tojson(indent=1) }}").render() == "[\n 1\n]"
    problem = app.test_client().get("/missing", headers={"Accept": "application/json"})
    assert problem.json is not None
    assert (problem.json["status"], problem.mimetype) == (404, "application/problem+json")


def test_a_library_of_bytes_gets_the_bytes_of_a_request_and_gives_those_of_a_response(
    app: App,
) -> None:
    given: list[object] = []
    written = b'{"a":1}'

    def read(text: str | bytes) -> Any:
        given.append(text)
        return json.loads(text)

    app.json = BytesJSON(app, lambda document: written, read, hook=None)

    @app.post("/")
    def view() -> list[Any]:
        return [request.get_json()]

    response = app.make_response({"a": 1})
    assert response.response == [written]
    assert next(iter(response.response)) is written
    body = b'\xef\xbb\xbf{"b": 2}'
    assert app.test_client().post("/", data=body, content_type="application/json").data == written
    assert given == [b'{"b": 2}']


def test_what_a_library_of_bytes_refuses_is_explained(app: App, bytes_json: BytesJSON) -> None:
    @app.route("/", methods=["GET", "POST"])
    def view() -> dict[str, Any]:
        return {"got": [request.get_json()]} if request.method == "POST" else {"a": [1j]}

    client = app.test_client()
    refused = client.post("/", data=b'{"a": ', content_type="application/json")
    assert refused.status_code == 400
    assert "The body is not JSON: " in refused.text
    with pytest.raises(TypeError) as caught:
        client.get("/")
    assert str(caught.value).startswith("The view 'view' (")
    assert str(caught.value).endswith(
        "complex cannot be written as JSON: convert it first, or extend 'default' of the"
        " application's JSON provider. It stands at ['a'][0]."
    )
    for text in (b"{", "[1,]", b"\xff", "[" * 100_000):
        with pytest.raises(ValueError, match="."):
            bytes_json.loads(text)
    deep: list[Any] = []
    deep.append(deep)
    with pytest.raises(ValueError, match="^The document contains itself, or is nested too deeply"):
        bytes_json.encode(deep)


def test_keywords_of_a_library_of_bytes_are_those_of_the_standard_one(
    bytes_json: BytesJSON,
) -> None:
    assert bytes_json.dumps({"b": 1, "a": ID}, sort_keys=True) == f'{{"a": "{ID}", "b": 1}}'
    assert bytes_json.loads("[1.5]", parse_float=Decimal) == [Decimal("1.5")]
    assert bytes_json.dumps({"a": "é"}) == '{"a":"é"}'


def test_what_a_library_of_bytes_does_not_know_goes_to_default(app: App) -> None:
    class Sets(BytesJSON):
        @staticmethod
        def default(value: Any) -> Any:
            return sorted(value) if isinstance(value, set) else encodable(value)

    orjson = pytest.importorskip("orjson")
    assert Sets(app, orjson.dumps, orjson.loads).encode({"a": {2, 1}}) == b'{"a":[1,2]}'


def test_the_base_class_writes_and_reads_nothing() -> None:
    base = JSONProvider(App("example", static_folder=None))
    with pytest.raises(NotImplementedError):
        base.dumps(1)
    with pytest.raises(NotImplementedError):
        base.loads("1")


def test_jsonify_takes_one_value_several_or_keywords(app: App) -> None:
    with app.app_context():
        assert jsonify({"b": 1, "a": 2}).get_data() == b'{"b":1,"a":2}\n'
        assert jsonify(1, "a").get_data() == b'[1,"a"]\n'
        assert jsonify(a=1, b=None).get_data() == b'{"a":1,"b":null}\n'
        assert jsonify().get_data() == b"null\n"
        assert jsonify([]).get_data() == b"[]\n"
        assert jsonify(None).get_data() == b"null\n"
        assert jsonify(1).headers["Content-Type"] == "application/json"
        with pytest.raises(TypeError) as caught:
            jsonify(1, a=2)
    assert str(caught.value) == "jsonify takes positional or keyword arguments, not both at once."


def test_in_debug_mode_responses_are_on_lines_of_their_own(app: App) -> None:
    app.debug = True
    with app.app_context():
        assert jsonify({"a": [1]}).get_data() == b'{\n  "a": [\n    1\n  ]\n}\n'


def test_compact_and_mimetype_of_the_provider_shape_the_response(app: App) -> None:
    app.json = provider(compact=False, mimetype="application/vnd.api+json")
    with app.app_context():
        response = jsonify(a=1)
    assert response.get_data() == b'{\n  "a": 1\n}\n'
    assert response.headers["Content-Type"] == "application/vnd.api+json"
    app.json = provider(compact=True)
    app.debug = True
    with app.app_context():
        assert jsonify(a=1).get_data() == b'{"a":1}\n'


def test_a_view_returns_dicts_and_lists(app: App) -> None:
    app.add_url_rule("/dict", "dict", lambda: {"when": date(2024, 1, 2)})
    app.add_url_rule("/list", "list", lambda: [1, {"a": None}])
    app.add_url_rule("/nan", "nan", lambda: {"a": float("nan")})
    client = app.test_client()
    assert client.get("/dict").data == b'{"when":"2024-01-02"}\n'
    assert client.get("/list").data == b'[1,{"a":null}]\n'
    with pytest.raises(ValueError, match="^NaN and infinity are not JSON"):
        client.get("/nan")


# --- sessions

tagged = TaggedJSONSerializer()
flasks = flask.json.tag.TaggedJSONSerializer()


class Pair(NamedTuple):
    left: int
    right: int


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, (2,)), '{" t":[1,{" t":[2]}]}'),
        (Pair(1, 2), '{" t":[1,2]}'),
        (b"\x00\xff", '{" b":"AP8="}'),
        (Markup("<b>"), '{" m":"<b>"}'),
        (ID, '{" u":"0c7ec1f10e5c4b4c8f6e5a1c2b3d4e5f"}'),
        (datetime(2024, 2, 29, 12, tzinfo=timezone.utc), '{" d":"Thu, 29 Feb 2024 12:00:00 GMT"}'),
        ({" t": 1}, '{" di":{" t__":1}}'),
        ({" di": {" t": [1]}}, '{" di":{" di__":{" di":{" t__":[1]}}}}'),
        ({" t": 1, "a": 2}, '{" t":1,"a":2}'),
        ({"a": [1, None, True, 1.5, "é"]}, '{"a":[1,null,true,1.5,"\\u00e9"]}'),
        (OrderedDict(b=1, a=2), '{"b":1,"a":2}'),
        ({}, "{}"),
        ({" x": 1}, '{" x":1}'),
    ],
)
def test_types_are_tagged_as_in_flask_and_come_back(value: Any, text: str) -> None:
    assert tagged.dumps(value) == text
    assert flasks.dumps(value) == text
    back = tagged.loads(text)
    assert back == value
    assert back == flasks.loads(text)
    assert type(back) is type(flasks.loads(text))


keys = st.one_of(
    st.text(max_size=3), st.sampled_from([" t", " b", " m", " u", " d", " di", " t__"])
)
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5),
        st.binary(max_size=5),
        st.uuids(),
        st.text(max_size=5).map(Markup),
        st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(
            lambda when: when.replace(microsecond=0, tzinfo=timezone.utc)
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=2),
    ),
    max_leaves=8,
)


@STABLE
@given(values)
def test_any_value_is_written_as_flask_writes_it_and_read_back(value: Any) -> None:
    text = tagged.dumps(value)
    assert json.loads(text) == json.loads(flasks.dumps(value))
    assert tagged.loads(text) == value
    assert tagged.loads(text.encode()) == value
    assert flasks.loads(text) == value
    assert tagged.loads(flasks.dumps(value)) == value


def test_further_types_become_what_json_responses_make_of_them() -> None:
    assert tagged.dumps({"a": Decimal("1.5"), "b": Colour.RED}) == '{"a":"1.5","b":"red"}'
    assert tagged.dumps(date(2024, 1, 2)) == '"2024-01-02"'


def test_types_inside_of_a_dataclass_are_written_as_well() -> None:
    assert tagged.loads(tagged.dumps({"point": Point(1, date(2024, 1, 2))})) == {
        "point": {"x": 1, "at": "2024-01-02", "tags": []}
    }


def test_what_a_session_cannot_hold_is_named() -> None:
    with pytest.raises(TypeError, match="^set cannot be written as JSON"):
        tagged.dumps({"a": {1}})
    with pytest.raises(TypeError, match="^UserDict cannot be written as JSON"):
        tagged.dumps({"a": UserDict()})
    with pytest.raises(ValueError, match="."):
        tagged.dumps(float("nan"))


def test_a_function_that_is_assigned_writes_responses_too(app: App) -> None:
    @app.get("/")
    def index() -> dict[str, int]:
        return {"a": 1}

    app.json.dumps = lambda obj, **kwargs: "written"  # type: ignore[method-assign]
    assert app.test_client().get("/").text == "written\n"
    assert app.json.response({"a": 1}).data == b"written\n"


def test_a_library_of_bytes_asks_the_default_that_was_assigned_last(app: App) -> None:
    def write(obj: Any, default: Any) -> bytes:
        return json.dumps(obj, default=default).encode()

    app.json = provider = BytesJSON(app, write, json.loads)
    assert provider.encode(date(2024, 1, 2)) == b'"2024-01-02"'
    provider.default = lambda value: "unknown"
    assert provider.encode(date(2024, 1, 2)) == b'"unknown"'
    assert provider.dumps([1j], indent=None) == '["unknown"]'
