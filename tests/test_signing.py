"""Signed text: by whichever road, it is read and refused as itsdangerous reads and refuses it."""

from __future__ import annotations

import copy
import hashlib
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from microweb import signing
from microweb.sessions import session_json_serializer
from microweb.signing import SessionSerializer, may_contain, serializer_of

NOW = 1_700_000_000
KEYS: tuple[str | bytes, ...] = ("old", b"older", "the newest")


def pair(
    keys: tuple[Any, ...] = KEYS, serializer: Any = session_json_serializer, digest: Any = None
) -> tuple[SessionSerializer, URLSafeTimedSerializer]:
    """Return what signs, and itsdangerous with the same keys."""
    digest = digest or hashlib.sha1
    stock = URLSafeTimedSerializer(
        list(keys),
        salt="salt",
        serializer=serializer,
        signer_kwargs={"key_derivation": "hmac", "digest_method": digest},
    )
    return serializer_of(keys, "salt", serializer, "hmac", digest), stock


@contextmanager
def at(now: float) -> Iterator[None]:
    """Let it be another time for both roads."""
    with (
        mock.patch.object(signing, "time", return_value=now),
        mock.patch("time.time", return_value=now),
    ):
        yield


def outcome(reader: Any, text: str | bytes, **kwargs: Any) -> Any:
    try:
        return reader.loads(text, **kwargs)
    except Exception as error:
        return type(error), str(error)


CHARACTERS = "abcXYZ019-_=.+/ \n\x00é"


@settings(deadline=None, database=None, derandomize=True, max_examples=500)
@given(st.data(), st.sampled_from([{"a": 1}, {}, {"a": "é", "b": (1,)}, {"a": "x" * 300}]))
def test_a_text_that_was_tampered_with_is_refused_as_by_itsdangerous(
    data: st.DataObject, content: dict[str, Any]
) -> None:
    ours, stock = pair()
    for text in (ours.dumps(content), str(stock.dumps(content))):
        at = data.draw(st.integers(0, len(text)))
        put = data.draw(st.text(CHARACTERS, max_size=2))
        tampered = text[:at] + put + text[at + data.draw(st.integers(0, 2)) :]
        assert outcome(ours, tampered, max_age=60) == outcome(stock, tampered, max_age=60)
        assert outcome(ours, tampered.encode()) == outcome(stock, tampered.encode())


@pytest.mark.parametrize("content", [{"a": 1}, {"a": "x" * 300}])
def test_a_signature_ends_one_second_after_its_age(content: dict[str, Any]) -> None:
    ours, _ = pair()
    with at(NOW):
        text = ours.dumps(content)
    for later in (0, 60, 60.9):
        with at(NOW + later):
            assert ours.loads(text, max_age=60) == content
    for later in (61, -1):
        with at(NOW + later), pytest.raises(SignatureExpired):
            ours.loads(text, max_age=60)


def test_the_last_key_signs_and_all_of_them_read() -> None:
    ours, stock = pair()
    assert pair(("the newest",))[1].loads(ours.dumps({"a": 1})) == {"a": 1}
    for key in KEYS:
        text = str(pair((key,))[1].dumps({"a": 1}))
        assert ours.loads(text, max_age=60) == stock.loads(text, max_age=60) == {"a": 1}
    with pytest.raises(BadSignature):
        ours.loads(str(pair(("another",))[1].dumps({"a": 1})), max_age=60)


def test_a_digest_may_be_a_name() -> None:
    ours, stock = pair(digest="sha256")
    assert stock.loads(ours.dumps({"a": 1}), max_age=60) == {"a": 1}
    assert ours.loads(str(stock.dumps({"a": 1})), max_age=60) == {"a": 1}


@pytest.mark.parametrize("content", [{"a": 1}, {"a": "x" * 500}])
def test_a_serializer_may_write_bytes(content: dict[str, Any]) -> None:
    ours, stock = pair(serializer=pickle)
    assert ours.loads(ours.dumps(content), max_age=60) == content
    assert stock.loads(ours.dumps(content), max_age=60) == content
    assert ours.loads(stock.dumps(content), max_age=60) == content


def test_threads_that_sign_at_once_do_not_disturb_each_other() -> None:
    ours, stock = pair()
    contents = [{"a": f"{number}" * 20} for number in range(200)]
    with ThreadPoolExecutor(4) as threads:
        texts = list(threads.map(ours.dumps, contents * 5))
    assert [stock.loads(text, max_age=60) for text in texts] == contents * 5


def test_it_has_what_itsdangerous_has_and_is_not_copied() -> None:
    ours, _ = pair()
    assert (ours.salt, ours.loads_unsafe("x")[0]) == (b"salt", False)
    assert copy.deepcopy({"serializer": ours})["serializer"] is ours
    with pytest.raises(AttributeError):
        ours._other  # noqa: B018


def test_few_keys_are_kept() -> None:
    for number in range(20):
        pair((f"key {number}",))
    assert serializer_of.cache_info().currsize <= 8


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b'{"_permanent":true}', True),
        (b'{"a":1}', False),
        (b'{"\\u005fpermanent":true}', True),
        (b"", True),
    ],
)
def test_a_glance_says_no_only_where_the_word_cannot_be(payload: bytes, expected: bool) -> None:
    text = signing.encoded(payload).decode()
    assert may_contain(f"{text}.stamp.signature", b"_permanent") is expected


@pytest.mark.parametrize("text", [".eJx.stamp.signature", "a.b.c", "é.b.c", "."])
def test_a_glance_at_what_it_cannot_read_says_yes(text: str) -> None:
    assert may_contain(text, b"_permanent")
