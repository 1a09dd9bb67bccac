"""The tagged JSON of session cookies: JSON that keeps a few more Python types apart."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from markupsafe import Markup
from werkzeug.http import http_date, parse_date

from .errors import SetupError
from .provider import Encoder, encodable


class JSONTag:
    """How values of one more type travel in a session; subclass it and register the class.

    :ivar key: The one key of the object that stands for the value; begin it with a space.
    :param serializer: The serializer that the tag is registered with.

    .. code-block:: python

        class TagSet(JSONTag):
            key = " s"

            def check(self, value):
                return isinstance(value, set)

            def to_json(self, value):
                return self.serializer.tag(sorted(value))

            def to_python(self, value):
                return set(value)

        app.session_interface.serializer.register(TagSet)
    """

    key = ""

    def __init__(self, serializer: TaggedJSONSerializer) -> None:
        self.serializer = serializer

    def check(self, value: Any) -> bool:
        """Whether this tag is for the value.

        :param value: Any value that is not of a JSON type.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method check.")

    def to_json(self, value: Any) -> Any:
        """Return what stands for the value; tag what is inside of it with `serializer.tag`.

        :param value: A value that :meth:`check` said yes to.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method to_json.")

    def to_python(self, value: Any) -> Any:
        """Return the value that :meth:`to_json` was given; what is inside of it is done already.

        :param value: What :meth:`to_json` returned.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method to_python.")

    def tag(self, value: Any) -> dict[str, Any]:
        """Return the object with one key that stands for the value.

        :param value: A value that :meth:`check` said yes to.
        """
        return {self.key: self.to_json(value)}


class TaggedJSONSerializer:
    """JSON that keeps a few more Python types apart, as in Flask's session cookies.

    A value of such a type becomes an object with one key that starts with a space: ``" t"`` for
    tuple, ``" b"`` for bytes (Base64), ``" m"`` for Markup, ``" u"`` for UUID and ``" d"`` for
    datetime (an HTTP date, whole seconds in UTC); ``" di"`` marks a plain object that would look
    like a tag.

    >>> TaggedJSONSerializer().dumps({"ids": (1, 2)})
    '{"ids":{" t":[1,2]}}'
    """

    def __init__(self) -> None:
        self._tags: list[JSONTag] = []
        self._readers = _READERS.copy()
        self._decoder = json.JSONDecoder(object_hook=self._untag)

    def register(
        self, tag_class: type[JSONTag], force: bool = False, index: int | None = None
    ) -> None:
        """Let values of one more type travel; see :class:`JSONTag`.

        :param tag_class: The class of the tag.
        :param force: Take over a key that is in use.
        :param index: The place among the registered tags, which are asked in order; the last one
            where it is None. All of them are asked before microweb's own types.
        :raises SetupError: for a key that is in use, without `force`.
        """
        tag = tag_class(self)
        if tag.key and tag.key in self._readers and not force:
            raise SetupError(
                f"The tag {tag_class.__name__} has the key {tag.key!r}, which is in use: give it"
                " another one, or register it with force=True to replace that one."
            )
        if tag.key:  # without one it has a `tag` of its own, which goes by the key of another
            self._tags = [other for other in self._tags if other.key != tag.key]
            self._readers[tag.key] = tag.to_python
        self._tags.insert(len(self._tags) if index is None else index, tag)

    @property
    def is_extended(self) -> bool:
        """Whether tags were registered, which may write anything in place of a value."""
        return bool(self._tags)

    def dumps(self, value: Any) -> str:
        """Return `value` as compact tagged JSON.

        :param value: A value of JSON's types, of those above, or of a registered tag.
        :raises TypeError: for a value of another type.
        """
        if (
            type(value) is dict
            and _AS_THEY_ARE.issuperset(map(type, value.values()))
            and (len(value) > 1 or self._readers.keys().isdisjoint(value))
            and not self._tags
        ):
            return "".join(_encoder.pieces(value, 0))  # there is nothing to tag in it
        return _encoder.encode(self.tag(value))

    def loads(self, value: str | bytes) -> Any:
        """Return what :meth:`dumps` was given.

        :param value: The text, or its UTF-8 bytes.
        :raises ValueError: where it is not JSON.

        >>> TaggedJSONSerializer().loads('{"ids":{" t":[1,2]}}')
        {'ids': (1, 2)}
        """
        text = value if isinstance(value, str) else value.decode()
        # Where no text begins with a space there are no tags to look for, and `dumps` writes no
        # white space around it (1 µs less).
        if '" ' not in text and "\\" not in text and not self._tags:
            try:
                found, end = _scan(text, 0)
                if end == len(text):
                    return found
            except StopIteration:
                pass  # it is no JSON, as the decoder says better
        return self._decoder.decode(text)

    def tag(self, value: Any) -> Any:
        """Return plain JSON values that stand for the value and what is inside of it.

        :param value: The value.
        :raises TypeError: for a type that neither JSON nor a tag knows.
        """
        if type(value) in _AS_THEY_ARE:
            return value
        for tag in self._tags:
            if tag.check(value):
                return tag.tag(value)
        # Markup is a str, so it is asked for before the subclasses of these types.
        if hasattr(value, "__html__"):
            return {" m": str(value.__html__())}
        if isinstance(value, (str, int, float)):
            return value
        if isinstance(value, list):
            return [self.tag(item) for item in value]
        if isinstance(value, dict):
            return self._tag_dict(value)
        if isinstance(value, tuple):
            return {" t": [self.tag(item) for item in value]}
        if isinstance(value, bytes):
            return {" b": b64encode(value).decode("ascii")}
        if isinstance(value, UUID):
            return {" u": value.hex}
        if isinstance(value, datetime):
            return {" d": http_date(value)}
        return self.tag(encodable(value))

    def _tag_dict(self, value: dict[Any, Any]) -> dict[str, Any]:
        tagged = {key: self.tag(item) for key, item in value.items()}
        if len(tagged) == 1:
            (key,) = tagged
            if key in self._readers:
                return {" di": {f"{key}__": tagged[key]}}
        return tagged

    def _untag(self, value: dict[str, Any]) -> Any:
        if len(value) != 1:
            return value
        ((key, item),) = value.items()
        reader = self._readers.get(key)
        return value if reader is None else reader(item)


_encoder = Encoder(separators=(",", ":"))
_scan = json.scanner.make_scanner(json.JSONDecoder())  # type: ignore[attr-defined]  # it is

_AS_THEY_ARE = frozenset((str, int, float, bool, type(None)))


def _read_dict(value: dict[str, Any]) -> dict[str, Any]:
    ((key, item),) = value.items()
    return {key[:-2]: item}


_READERS: dict[str, Callable[[Any], Any]] = {
    " di": _read_dict,
    " t": tuple,
    " b": b64decode,
    " m": Markup,
    " u": UUID,
    " d": parse_date,
}
