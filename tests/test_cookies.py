"""The line of a `Set-Cookie` header: what is written directly, and what is left to Werkzeug.

That both write the same is a property test; here is what must never be written directly.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from microweb import cookies
from microweb.cookies import plain_cookie


@pytest.mark.parametrize("value", ["a b", "a;b", "a,b", 'a"b', "a\\b", "é", "a\r\nb", "\x00", "\n"])
def test_a_value_that_must_be_quoted_is_left_to_werkzeug(value: str) -> None:
    assert plain_cookie("name", value) is None


@pytest.mark.parametrize("key", ["a\r\nb", "a\x00", "é", "a\n"])
def test_a_name_with_a_control_character_or_beyond_ascii_is_left_to_werkzeug(key: str) -> None:
    assert plain_cookie(key, "value") is None


@pytest.mark.parametrize(
    "options", [{"expires": "a\r\nSet-Cookie: b=c"}, {"expires": "é"}, {"max_age": 1.5}]
)
def test_so_is_an_attribute_that_must_not_reach_the_wire(options: dict[str, Any]) -> None:
    assert plain_cookie("name", "value", **options) is None


def test_a_path_cannot_add_an_attribute() -> None:
    written = plain_cookie("name", "value", path="/a; Domain=example.com\r\nX: y")
    assert written == "name=value; Path=/a%3B%20Domain=example.com%0D%0AX:%20y"


def test_another_samesite_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(ValueError, match="SameSite"):
            plain_cookie("name", "value", samesite="Sometimes")


def test_a_flag_that_is_a_number_does_not_share_the_text_of_one_that_is_true() -> None:
    assert plain_cookie("name", "value", secure=True) == "name=value; Secure; Path=/"
    assert plain_cookie("name", "value", secure=1) == "name=value; Secure=1; Path=/"  # type: ignore[arg-type]  # Werkzeug takes it
    assert plain_cookie("name", "value", partitioned=True) == (
        "name=value; Secure; Path=/; Partitioned"
    )


def test_an_age_is_sent_as_a_date_too() -> None:
    before = datetime.now(timezone.utc).replace(microsecond=0)
    for age in (60, timedelta(minutes=1)):
        written = plain_cookie("name", "value", max_age=age)
        assert written is not None
        _, expires, rest = written.split("; ", 2)
        when = datetime.strptime(expires, "Expires=%a, %d %b %Y %H:%M:%S GMT")
        late = when.replace(tzinfo=timezone.utc) - before
        assert timedelta(seconds=60) <= late < timedelta(seconds=70)
        assert rest == "Max-Age=60; Path=/"


def test_what_is_kept_of_the_attributes_is_little() -> None:
    for number in range(500):
        plain_cookie("name", "value", path=f"/{number}", expires=number)
    assert cookies._attributes.cache_info().currsize <= 128
    assert cookies._date.cache_info().currsize <= 32
