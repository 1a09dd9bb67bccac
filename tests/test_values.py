"""The values of a request by name: the parsers and the classes are Werkzeug's, by a shorter way."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import EnvironHeaders as WerkzeugHeaders
from werkzeug.datastructures import ImmutableMultiDict as WerkzeugMultiDict
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequestKeyError
from werkzeug.sansio.http import parse_cookie

from microweb import values

MANY = settings(deadline=None, database=None, derandomize=True, max_examples=500)

QUERIES = st.lists(
    st.sampled_from(
        [
            *["a", "b", "=", "&", "+", " ", ";", "é", "€", "😀", "_", ".", "\n", "\r", "\x00"],
            *["%", "%%", "%3D", "%26", "%0A", "%41", "%c3", "%A9", "%E2%82", "%AC", "%2", "=\n"],
            *["%\n", "%\r", "%zz", "&&", "=="],
        ]
    ),
    max_size=12,
).map("".join)


@MANY
@given(QUERIES)
def test_a_query_is_read_as_the_standard_library_reads_it(query: str) -> None:
    pairs = parse_qsl(query, keep_blank_values=True, errors="werkzeug.url_quote")
    expected = dict(MultiDict(pairs).lists())
    found = values.query_pairs(query)
    assert found == expected
    assert list(found) == list(expected)


COOKIES = st.lists(
    st.sampled_from(
        [*"ab=; \t,\\/", "; ", "\x00", "\x0b", "\n", "\x1c", "\x85", "\xa0", "é", "\xff"]
    ),
    max_size=14,
).map("".join)


@MANY
@given(COOKIES)
def test_cookies_are_read_as_werkzeug_reads_them(header: str) -> None:
    assert values.cookie_values(header) == dict(parse_cookie(header).lists())


def test_quoted_cookies_are_left_to_werkzeug() -> None:
    assert values.cookie_values('a=1; b="2"') is None


@pytest.mark.parametrize("query", ["a=1&b=2&a=3", "", "a"])
@pytest.mark.parametrize("cls", [WerkzeugMultiDict, MultiDict, dict, list])
def test_a_class_of_ones_own_gets_the_pairs_as_they_came(cls: Any, query: str) -> None:
    found = values.query_values(cls, query)
    assert found == cls(parse_qsl(query, keep_blank_values=True))
    assert isinstance(found, cls)


# --- the classes

SENT: dict[str, Any] = {"a": ["1", "2"], "b": [""], "x": ["text"]}
OPERATIONS: dict[str, Callable[[Any], Any]] = {
    "one": lambda found: found["a"],
    "get": lambda found: (found.get("a"), found.get("c"), found.get("c", 7), found.get(None)),
    "convert": lambda found: (found.get("a", type=int), found.get("x", 7, int)),
    "convert blank": lambda found: found.get("b", type=float),
    "convert nothing": lambda found: found.get("a", 7, lambda value: value + 1),
    "convert and raise": lambda found: found.get("a", type=lambda value: {}[value]),
    "all": lambda found: (found.getlist("a"), found.getlist("a", int), found.getlist("c")),
    "missing": lambda found: found["c"],
    "unhashable": lambda found: found.get([]),
    "repr": repr,
    "hash": hash,
    "dict": lambda found: (dict(found), found.to_dict(), found.to_dict(flat=False)),
    "items": lambda found: (list(found), list(found.items(multi=True)), list(found.lists())),
    "equal": lambda found: (found == WerkzeugMultiDict(SENT), found != {}),
    "copy": lambda found: (copy.copy(found) is found, type(found.copy())),
    "deep copy": lambda found: copy.deepcopy(found) == found,
    "pickle": lambda found: (type(pickle.loads(pickle.dumps(found))), pickle.dumps(found)),
    "change": lambda found: found.add("a", "3"),
    "delete": lambda found: found.pop("a"),
    "unite": lambda found: found | {"q": "1"},
}


def outcome(function: Callable[[Any], Any], value: Any) -> Any:
    """What a call returns, or what it raises, with its arguments."""
    try:
        return function(value)
    except Exception as error:
        return type(error), error.args


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_multi_dict_does_what_werkzeugs_does(name: str) -> None:
    ours = values.multi_dict({key: list(sent) for key, sent in SENT.items()})
    assert isinstance(ours, WerkzeugMultiDict)
    operation = OPERATIONS[name]
    assert outcome(operation, ours) == outcome(operation, WerkzeugMultiDict(SENT))


def test_a_missing_value_is_a_bad_request_that_names_it() -> None:
    with pytest.raises(BadRequestKeyError) as caught:
        values.multi_dict({})["page"]
    assert caught.value.args == ("page",)


ENVIRON = {"HTTP_X_ROWS": "7", "CONTENT_TYPE": "text/plain", "CONTENT_LENGTH": "", "PATH_INFO": "/"}
ON_HEADERS: dict[str, Callable[[Any], Any]] = {
    "one": lambda headers: (headers["x-rows"], headers["X_Rows"], headers["Content-Type"]),
    "missing": lambda headers: headers["X-Other"],
    "a number": lambda headers: headers[0],
    "get": lambda headers: (headers.get("x-rows"), headers.get("q"), headers.get("q", 3)),
    "get a number": lambda headers: headers.get(0, "none"),
    "convert": lambda headers: (
        headers.get("X-Rows", type=int),
        headers.get("content-type", 1, int),
    ),
    "convert and raise": lambda headers: headers.get("X-Rows", type=len).foo,
    "convert wrongly": lambda headers: headers.get("X-Rows", type=lambda value: value + 1),
    "contains": lambda headers: ("X-ROWS" in headers, "Path-Info" in headers, 0 in headers),
    "all": lambda headers: (headers.getlist("x-rows"), headers.get_all("q"), list(headers)),
    "length": len,
    "repr": repr,
    "text": str,
    "hash": hash,
    "equal": lambda headers: (headers == WerkzeugHeaders(ENVIRON), headers == {}),
    "equal from there": lambda headers: WerkzeugHeaders(ENVIRON) == headers,
    "copy": lambda headers: headers.copy(),
    "pickle": lambda headers: list(pickle.loads(pickle.dumps(headers))),
    "deep copy": lambda headers: list(copy.deepcopy(headers)),
    "set": lambda headers: headers.set("X-Rows", "8"),
    "assign": lambda headers: headers.__setitem__("X-Rows", "8"),
    "delete": lambda headers: headers.__delitem__("X-Rows"),
    "clear": lambda headers: headers.clear(),
    "pop": lambda headers: headers.pop("X-Rows"),
    "extend": lambda headers: headers.extend({"a": "b"}),
    "default": lambda headers: headers.setdefault("a", "b"),
    "unite": lambda headers: headers | {"a": "b"},
    "keys": lambda headers: (list(headers.keys()), list(headers.values()), list(headers.items())),
    "list": lambda headers: headers._list,
}


@pytest.mark.parametrize("name", ON_HEADERS)
def test_the_headers_do_what_werkzeugs_do(name: str) -> None:
    ours = values.EnvironHeaders(ENVIRON)
    assert isinstance(ours, WerkzeugHeaders)
    operation = ON_HEADERS[name]
    assert outcome(operation, ours) == outcome(operation, WerkzeugHeaders(ENVIRON))


def test_the_names_of_headers_that_are_kept_are_few() -> None:
    headers = values.EnvironHeaders(ENVIRON)
    assert not any(f"X-{number}" in headers for number in range(1_000))
    assert values._variable.cache_info().currsize <= 256
