"""The values of a request by their names: query strings, forms, cookies and headers.

The classes are Werkzeug's with a shorter way to one value, and the parsers give what Werkzeug's do.
"""

from __future__ import annotations

from binascii import a2b_qp
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, unquote_to_bytes

from werkzeug.datastructures import EnvironHeaders as WerkzeugEnvironHeaders
from werkzeug.datastructures import ImmutableMultiDict as WerkzeugImmutableMultiDict
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequestKeyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import WSGIEnvironment

#: Returns all values of a name, or None; a call of C only.
_all_values = cast("Callable[[Any, Any], list[Any] | None]", dict.get)
_MISSING: Any = object()


# Of the same name as Werkzeug's class, which shows in its repr.
class ImmutableMultiDict(WerkzeugImmutableMultiDict[str, Any]):
    """Values of a request by name, several for one name where it was sent more than once.

    To ask for one value takes one call of Python instead of Werkzeug's four (0.7 µs).
    """

    def __getitem__(self, key: str) -> Any:
        values = _all_values(self, key)
        if values:
            return values[0]
        raise BadRequestKeyError(key)

    def get(  # type: ignore[override]  # the same, without an overload for each way to call it
        self, key: str, default: Any = None, type: Callable[[Any], Any] | None = None
    ) -> Any:
        """Return the first value of a name, or `default`.

        :param key: The name.
        :param default: What to return where there is no such value, or `type` refuses it.
        :param type: Called with the value; what it returns is returned.
        """
        values = _all_values(self, key)
        if not values:
            return default
        if type is None:
            return values[0]
        try:
            return type(values[0])
        except (ValueError, TypeError):
            return default

    def __reduce_ex__(self, protocol: Any) -> Any:
        return WerkzeugImmutableMultiDict, (list(self.items(multi=True)),)


class EnvironHeaders(WerkzeugEnvironHeaders):
    """The headers of a request, read from its environ.

    :param environ: The WSGI environ (PEP 3333).
    """

    # Werkzeug makes an empty list for each instance, and only its clear() asks for it.
    _list = property(lambda self: [])  # pyright: ignore[reportAssignmentType]  # read only

    def __init__(self, environ: WSGIEnvironment) -> None:
        self.environ = environ

    def __getitem__(self, key: str) -> str:  # type: ignore[override]  # as Werkzeug's
        if not isinstance(key, str):
            raise BadRequestKeyError(key)
        value: str = self.environ[_variable(key)]
        return value

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and _variable(key) in self.environ

    def get(  # type: ignore[override]  # the same, without an overload for each way to call it
        self, key: str, default: Any = None, type: Callable[[str], Any] | None = None
    ) -> Any:
        """Return the value of a header, or `default`.

        :param key: The name, in any case.
        :param default: What to return where there is no such header, or `type` refuses its value.
        :param type: Called with the value; what it returns is returned.
        """
        if not isinstance(key, str):
            return default
        value = self.environ.get(_variable(key), _MISSING)
        if value is _MISSING:
            return default
        if type is None:
            return value
        try:
            return type(value)
        except ValueError:
            return default


# An application asks for the same few headers again and again, and finding one is a call of C.
@lru_cache(maxsize=256)
def _variable(header: str) -> str:
    """Return the key of the environ that a header has (RFC 3875 section 4.1.18)."""
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


def multi_dict(values: dict[str, list[Any]]) -> Any:
    """Return a multi dict of the values.

    :param values: All values of each name; none of the lists is empty.
    """
    # A multi dict is a dict of lists, and these lists are its own: there is nothing to copy or to
    # convert (1.5 µs).
    made = _new(ImmutableMultiDict)
    _update(made, values)
    return made


_new = cast("Callable[[type[Any]], Any]", dict.__new__)
_update = cast("Callable[[Any, Any], None]", dict.update)


def query_values(cls: type[MultiDict[str, Any]], query: str) -> Any:
    """Return the values of an urlencoded text.

    :param cls: The class that was chosen for them.
    :param query: The text.
    """
    if cls is not WerkzeugImmutableMultiDict:
        # It gets the pairs as they came: it may keep their order, or only the last one of a name.
        return cls(parse_qsl(query, keep_blank_values=True, errors="werkzeug.url_quote"))
    made = _new(ImmutableMultiDict)  # as in `multi_dict`, without one more frame (0.06 µs)
    _update(made, query_pairs(query))
    return made


def query_pairs(query: str) -> dict[str, list[str]]:
    """Return the values of an urlencoded text by name (URL Standard, section 5.1).

    It gives what :func:`urllib.parse.parse_qsl` gives, blank values included, in a third of its
    time where little is escaped.

    >>> query_pairs("a=1&b=x+y&a=%C3%A9")
    {'a': ['1', 'é'], 'b': ['x y']}
    """
    values: dict[str, list[str]] = {}
    if "+" in query:
        query = query.replace("+", " ")
    for pair in query.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if "%" in pair:
            if "%" in name:
                name = unescaped(name)
            if "%" in value:
                value = unescaped(value)
        if name in values:
            values[name].append(value)
        else:
            values[name] = [value]
    return values


def unescaped(text: str) -> str:
    """Return a text, which has a percent sign, with its percent-encoded bytes decoded.

    Those that are not UTF-8 stay.

    >>> unescaped("caf%C3%A9"), unescaped("100%"), unescaped("%FF")
    ('café', '100%', '%FF')
    """
    # Quoted-printable is the same with another sign (RFC 2045 section 6.7), and is decoded in C. An
    # escape of the sign itself, one that is none, and the end of a line are for urllib (1 µs).
    if "=" not in text and "%\n" not in text and "%\r" not in text and text[-1] != "%":
        data = a2b_qp(text.replace("%", "=").encode())
        if b"=" not in data:
            try:
                return data.decode()
            except UnicodeDecodeError:
                pass
    return unquote_to_bytes(text).decode(errors="werkzeug.url_quote")


def cookie_values(header: str) -> dict[str, list[str]] | None:
    """Return the values of a `Cookie` header by name (RFC 6265 section 4.2), in linear time.

    :returns: None where a value is quoted, which Werkzeug's parser knows how to read.
    """
    if '"' in header:
        return None
    values: dict[str, list[str]] = {}
    for pair in header.split(";"):
        name, _, value = pair.strip(" \t").partition("=")
        if " " in name or "\t" in name or " " in value or "\t" in value:
            # Around the sign, white space does not count; what has it inside is not a cookie.
            name, value = name.rstrip(" \t"), value.lstrip(" \t")
            inside = name + value
            if " " in inside or "\t" in inside:
                continue
        if not name:  # a value without a name
            continue
        if name in values:
            values[name].append(value)
        else:
            values[name] = [value]
    return values
