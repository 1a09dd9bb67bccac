"""A `Set-Cookie` header is byte for byte what Werkzeug makes of the same cookie, or the same error.

`MICROWEB_SOAK` in the environment multiplies the number of cookies that are tried.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from werkzeug.http import dump_cookie
from werkzeug.wrappers import Response as WerkzeugResponse

from microweb import Response
from microweb.cookies import plain_cookie

SOAK = float(os.environ.get("MICROWEB_SOAK", "1"))
MANY = settings(
    max_examples=max(1, round(2_000 * SOAK)),
    deadline=None,
    database=None,
    derandomize=SOAK == 1,
)

#: All of Latin-1, what lies beyond it, and what must be quoted or refused.
texts = st.one_of(
    st.text(st.characters(max_codepoint=0x7F), max_size=8),
    st.text(max_size=5),
    st.sampled_from(["", "yes", "a b", 'say "x"', "a;b", "a,b", "\\", "é", "a\nb", "\x00", "😀"]),
)
names = st.one_of(st.sampled_from(["seen", "session", "a b", "é", "a\r\nb", "", "😀"]), texts)
zones = st.sampled_from([None, timezone.utc, timezone(timedelta(hours=-5))])
dates = st.builds(
    lambda when, zone: when.replace(tzinfo=zone),
    st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)),
    zones,
)
options = st.fixed_dictionaries(
    {},
    optional={
        "max_age": st.one_of(
            st.none(),
            st.integers(-10, 10**8),
            st.timedeltas(timedelta(-1), timedelta(1000)),
            st.sampled_from([True, 1.5]),
        ),
        "expires": st.one_of(
            st.none(),
            dates,
            st.integers(0, 2**31),
            st.floats(0, 2**31),
            st.sampled_from(["", "Thu, 01 Jan 1970 00:00:00 GMT", "a\nb", True, False]),
        ),
        "path": st.one_of(
            st.none(), st.sampled_from(["/", "/shop", "/a b;c", "/é", "a\nb"]), texts
        ),
        "domain": st.sampled_from(
            [None, "", "example.com", ".example.com:80", "bücher.example", "a\nb", "a" * 70, ".."]
        ),
        "secure": st.sampled_from([True, False, 1, 0, None, "x", "a\nb"]),
        "httponly": st.sampled_from([True, False, 1, 0]),
        "samesite": st.sampled_from([None, "Lax", "strict", "NONE", "other", ""]),
        "partitioned": st.sampled_from([True, False, 1, 0]),
    },
)


def outcome(call: Callable[[], Any]) -> Any:
    """Return what a call gives: headers, warnings and an error's type and text."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = call()
        except Exception as error:
            return type(error), str(error)
    return result, [str(warning.message) for warning in caught]


def in_one_second(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    """Return the outcomes of two calls; again, where a second ended between them."""
    outcomes = outcome(first), outcome(second)
    return outcomes if outcomes[0] == outcomes[1] else (outcome(first), outcome(second))


def with_cookie(response: WerkzeugResponse, *args: Any, **kwargs: Any) -> list[tuple[str, str]]:
    response.set_cookie(*args, **kwargs)
    return list(response.headers)


@MANY
@given(names, texts, options)
@example("seen", "yes", {})
@example("seen", "x" * 5_000, {})
@example("seen", "yes", {"max_age": 0, "expires": 0})
def test_a_response_sets_the_cookie_that_werkzeugs_sets(
    key: str, value: str, attributes: dict[str, Any]
) -> None:
    ours, theirs = in_one_second(
        lambda: with_cookie(Response("x", mimetype="text/plain"), key, value, **attributes),
        lambda: with_cookie(WerkzeugResponse("x"), key, value, **attributes),
    )
    assert ours == theirs


@MANY
@given(names, texts, options)
def test_what_is_written_directly_is_what_werkzeug_writes(
    key: str, value: str, attributes: dict[str, Any]
) -> None:
    def ours() -> str:
        return plain_cookie(key, value, **attributes) or dump_cookie(
            key, value, max_size=0, **attributes
        )

    written, expected = in_one_second(
        ours, lambda: dump_cookie(key, value, max_size=0, **attributes)
    )
    assert written == expected


def test_a_plain_cookie_takes_the_direct_way() -> None:
    assert plain_cookie("seen", "yes") == "seen=yes; Path=/"
    assert plain_cookie("a", "", path=None, samesite="lax", secure=True) == (
        "a=; Secure; SameSite=Lax"
    )
    cookie = plain_cookie("a", "b", max_age=timedelta(hours=1), httponly=True, domain="x.example")
    assert cookie is not None
    assert re.fullmatch(
        r"a=b; Domain=x\.example; Expires=[\w ,:]+ GMT; Max-Age=3600; HttpOnly; Path=/", cookie
    )


@pytest.mark.parametrize("name", ["a\nb", "é", "a\x7f"])
def test_a_name_that_is_not_plain_takes_werkzeugs(name: str) -> None:
    assert plain_cookie(name, "b") is None


def test_equal_dates_of_another_hour_are_not_mixed_up() -> None:
    zone = timezone(timedelta(hours=1))
    utc = datetime(2030, 1, 1, 12, tzinfo=timezone.utc)
    for when in (utc, utc.astimezone(zone), utc.replace(tzinfo=None), utc):
        response, other = Response("x"), WerkzeugResponse("x")
        response.set_cookie("a", "b", expires=when)
        other.set_cookie("a", "b", expires=when)
        assert response.headers["Set-Cookie"] == other.headers["Set-Cookie"]
