"""Tagged JSON: types of one's own beside microweb's, as Flask's users register them."""

from __future__ import annotations

import json
from collections import OrderedDict
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import flask.json.tag
import pytest
from markupsafe import Markup

from microweb.errors import SetupError
from microweb.json import tag as face
from microweb.tagged import JSONTag, TaggedJSONSerializer


class TagSet(JSONTag):
    key = " s"

    def check(self, value: Any) -> bool:
        return isinstance(value, set)

    def to_json(self, value: Any) -> Any:
        return self.serializer.tag(sorted(value))

    def to_python(self, value: Any) -> Any:
        return set(value)


class TagOrdered(JSONTag):
    """As in Flask's documentation of tags."""

    __slots__ = ("serializer",)
    key = " od"

    def check(self, value: Any) -> bool:
        return isinstance(value, OrderedDict)

    def to_json(self, value: Any) -> Any:
        return [[key, self.serializer.tag(item)] for key, item in value.items()]

    def to_python(self, value: Any) -> Any:
        return OrderedDict(value)


class Temperature(float):
    pass


class TagTemperature(JSONTag):
    key = " temp"

    def check(self, value: Any) -> bool:
        return isinstance(value, Temperature)

    def to_json(self, value: Any) -> Any:
        return float(value)

    def to_python(self, value: Any) -> Any:
        return Temperature(value)


def serializer(*tags: type[JSONTag]) -> TaggedJSONSerializer:
    made = TaggedJSONSerializer()
    for tag in tags:
        made.register(tag)
    return made


def test_the_face_for_extensions_has_the_same_classes() -> None:
    assert (face.JSONTag, face.TaggedJSONSerializer) == (JSONTag, TaggedJSONSerializer)


# --- own types


@pytest.mark.parametrize(
    ("tags", "value", "text"),
    [
        ([TagSet], {2, 1}, '{" s":[1,2]}'),
        ([TagSet], {"a": [{1}]}, '{"a":[{" s":[1]}]}'),
        ([TagSet], ({1}, {2}), '{" t":[{" s":[1]},{" s":[2]}]}'),
        ([TagSet], {(1, 2)}, '{" s":[{" t":[1,2]}]}'),
        ([TagOrdered], OrderedDict(b=1, a=(2,)), '{" od":[["b",1],["a",{" t":[2]}]]}'),
        ([TagOrdered], OrderedDict(), '{" od":[]}'),
        ([TagTemperature], [Temperature(36.6), 36.6], '[{" temp":36.6},36.6]'),
        ([TagSet, TagOrdered], OrderedDict(a={1}), '{" od":[["a",{" s":[1]}]]}'),
    ],
)
def test_a_type_of_ones_own_travels(tags: Any, value: Any, text: str) -> None:
    own = serializer(*tags)
    assert own.dumps(value) == text
    back = own.loads(text)
    assert (back, type(back)) == (value, type(value))
    assert own.loads(text.encode()) == value


def test_a_dict_that_looks_like_a_tag_of_ones_own_comes_back() -> None:
    own = serializer(TagSet)
    for value in ({" s": 1}, {" s": {1}}, {" di": {" s": [2]}}, {" s": 1, "a": 2}):
        assert own.loads(own.dumps(value)) == value
    assert own.dumps({" s": 1}) == '{" di":{" s__":1}}'


def test_a_type_is_known_to_its_serializer_only() -> None:
    serializer(TagSet)
    with pytest.raises(TypeError, match="^set cannot be written as JSON"):
        TaggedJSONSerializer().dumps({1})
    assert TaggedJSONSerializer().loads('{" s":[1]}') == {" s": [1]}


def test_an_own_tag_is_asked_before_the_type_below_it() -> None:
    class Pair(tuple[int, int]):
        pass

    class TagPair(JSONTag):
        key = " p"

        def check(self, value: Any) -> bool:
            return isinstance(value, Pair)

        def to_json(self, value: Any) -> Any:
            return list(value)

        def to_python(self, value: Any) -> Any:
            return Pair(value)

    own = serializer(TagPair)
    assert own.dumps([Pair((1, 2)), (1, 2)]) == '[{" p":[1,2]},{" t":[1,2]}]'
    assert type(own.loads('{" p":[1,2]}')) is Pair


# --- the order of tags


class First(JSONTag):
    key = " 1"

    def check(self, value: Any) -> bool:
        return isinstance(value, complex)

    def to_json(self, value: Any) -> Any:
        return [value.real, value.imag]

    def to_python(self, value: Any) -> Any:
        return complex(*value)


class Second(First):
    key = " 2"


@pytest.mark.parametrize(
    ("index", "key"), [(None, " 1"), (0, " 2"), (1, " 1"), (-1, " 2"), (5, " 1")]
)
def test_tags_are_asked_in_their_order(index: int | None, key: str) -> None:
    own = TaggedJSONSerializer()
    own.register(First)
    own.register(Second, index=index)
    assert own.tag(1j) == {key: [0.0, 1.0]}
    assert own.loads('[{" 1":[0,1]},{" 2":[0,1]}]') == [1j, 1j]


# --- keys that are in use


@pytest.mark.parametrize("key", [" t", " b", " m", " u", " d", " di", " s"])
def test_a_key_in_use_is_refused(key: str) -> None:
    own = serializer(TagSet)
    tag = type("Taken", (First,), {"key": key})
    with pytest.raises(SetupError) as caught:
        own.register(tag)
    assert str(caught.value) == (
        f"The tag Taken has the key {key!r}, which is in use: give it another one, or register it"
        " with force=True to replace that one."
    )
    assert own.loads(own.dumps({"a": {1}, "b": (UUID(int=1),)})) == {"a": {1}, "b": (UUID(int=1),)}


def test_a_key_in_use_is_taken_over_by_force() -> None:
    class Reversed(TagSet):
        def to_json(self, value: Any) -> Any:
            return sorted(value, reverse=True)

        def to_python(self, value: Any) -> Any:
            return frozenset(value)

    own = serializer(TagSet)
    own.register(Reversed, force=True)
    assert own.dumps({1, 2}) == '{" s":[2,1]}'
    assert type(own.loads('{" s":[1]}')) is frozenset


def test_microwebs_own_types_can_be_replaced() -> None:
    class ExactDatetime(JSONTag):
        key = " d"

        def check(self, value: Any) -> bool:
            return isinstance(value, datetime)

        def to_json(self, value: Any) -> Any:
            return value.isoformat()

        def to_python(self, value: Any) -> Any:
            return datetime.fromisoformat(value)

    own = TaggedJSONSerializer()
    own.register(ExactDatetime, force=True)
    exact = datetime(2024, 2, 29, 12, 30, 1, 5, tzinfo=timezone.utc)
    assert own.dumps(exact) == '{" d":"2024-02-29T12:30:01.000005+00:00"}'
    assert own.loads(own.dumps(exact)) == exact


def test_a_tag_without_a_key_is_a_step_on_the_way() -> None:
    class AsList(JSONTag):
        def check(self, value: Any) -> bool:
            return isinstance(value, set)

        def to_json(self, value: Any) -> Any:
            return self.serializer.tag(sorted(value))

        tag = to_json

    class AsText(AsList):
        def check(self, value: Any) -> bool:
            return isinstance(value, Decimal)

        def to_json(self, value: Any) -> Any:
            return f"{value:f}"

        tag = to_json

    own = serializer(AsList, AsText)
    assert own.dumps({"a": {2, 1}, "b": Decimal("1E+2")}) == '{"a":[1,2],"b":"100"}'
    assert own.loads('{"":1}') == {"": 1}


def test_a_tag_must_be_completed() -> None:
    empty = JSONTag(TaggedJSONSerializer())
    for call in (empty.check, empty.to_json, empty.to_python):
        with pytest.raises(NotImplementedError):
            call(1)


def test_a_tag_knows_its_serializer_and_makes_the_object() -> None:
    own = TaggedJSONSerializer()
    tag = TagSet(own)
    assert tag.serializer is own
    assert tag.tag({1}) == {" s": [1]}


# --- beside Flask


class FlasksTagSet(flask.json.tag.JSONTag):
    key = " s"

    def check(self, value: Any) -> bool:
        return isinstance(value, set)

    def to_json(self, value: Any) -> Any:
        return self.serializer.tag(sorted(value))

    def to_python(self, value: Any) -> Any:
        return set(value)


@pytest.mark.parametrize(
    "value",
    [
        {"a": {1, 2}},
        {"a": ({1}, b"\x00", Markup("<b>"), UUID(int=3))},
        {" s": [1]},
        {" di": {" s": 1}},
        {"when": datetime(2024, 2, 29, tzinfo=timezone.utc), "s": {(1, "a")}},
        [{" s": {1}}],
    ],
    ids=repr,
)
def test_own_tags_and_flasks_write_and_read_the_same(value: Any) -> None:
    ours, flasks = serializer(TagSet), flask.json.tag.TaggedJSONSerializer()
    flasks.register(FlasksTagSet)
    assert json.loads(ours.dumps(value)) == json.loads(flasks.dumps(value))
    assert ours.loads(flasks.dumps(value)) == value
    assert flasks.loads(ours.dumps(value)) == value


@pytest.mark.parametrize(
    "value", [1, 1.5, None, True, "text", [1, "a"], {}, {"a": 1, "b": [None]}, ""], ids=repr
)
def test_plain_values_stay_as_they_are(value: Any) -> None:
    own = serializer(TagSet)
    assert own.tag(value) == value
    assert own.dumps(value) == json.dumps(value, separators=(",", ":"))
    assert own.loads(own.dumps(value)) == value


@pytest.mark.parametrize("text", ["", "{", "nope", '{"a":1}x'])
def test_what_is_not_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        TaggedJSONSerializer().loads(text)
