"""JSON for requests, responses and templates.

:class:`JSONProvider` is the seam: subclass it to use another library, and set
``App.json_provider_class``. The default writes what RFC 8259 allows and nothing else.
"""

from __future__ import annotations

import json
import json.encoder
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from functools import partial
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import IO, Any
from uuid import UUID

from .lazy import lazy
from .response import Response, made_response


class JSONProvider:
    """What an application needs of a JSON library; subclass it to plug another one in.

    Only :meth:`dumps` and :meth:`loads` must be written. :class:`BytesJSON` does it for a library
    that writes bytes.

    :param app: The application it serves.

    .. code-block:: python

        class Rapid(JSONProvider):
            def dumps(self, obj, **kwargs):
                return rapidjson.dumps(obj, **kwargs)

            def loads(self, s, **kwargs):
                return rapidjson.loads(s, **kwargs)

        class Shop(App):
            json_provider_class = Rapid
    """

    #: The content type of :meth:`response`.
    mimetype = "application/json"

    def __init__(self, app: Any) -> None:
        self._app = app

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return `obj` as JSON text.

        :param obj: The document.
        :param kwargs: For the library.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method dumps.")

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return the value of the JSON text `s`; raise `ValueError` where it is not JSON.

        :param s: The text, or its UTF-8 bytes.
        :param kwargs: For the library.
        """
        raise NotImplementedError(f"{type(self).__name__} needs a method loads.")

    def dump(self, obj: Any, fp: IO[str], **kwargs: Any) -> None:
        """Write `obj` as JSON text to the text file `fp`.

        :param obj: The document.
        :param fp: A text file that is open for writing.
        :param kwargs: For :meth:`dumps`.
        """
        fp.write(self.dumps(obj, **kwargs))

    def load(self, fp: IO[Any], **kwargs: Any) -> Any:
        """Read JSON from the text or binary file `fp`.

        :param fp: A file that is open for reading.
        :param kwargs: For :meth:`loads`.
        """
        return self.loads(fp.read(), **kwargs)

    def encode(self, obj: Any) -> bytes:
        """Return `obj` as the body of a response, which takes the bytes as they are.

        :param obj: The document.
        """
        return self.dumps(obj).encode()

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a response with the arguments as JSON; see :func:`microweb.jsonify`.

        One positional argument is the document, several become a list, keywords an object.

        :raises TypeError: for positional arguments and keywords at once.
        """
        obj = args[0] if len(args) == 1 and not kwargs else _document(args, kwargs)
        return made_response(self._app.response_class, self.encode(obj), self.mimetype)


def _document(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if args and kwargs:
        raise TypeError("jsonify takes positional or keyword arguments, not both at once.")
    return args or kwargs or None


def encodable(value: Any) -> Any:
    """Return a JSON value for one of the further types that microweb writes.

    :raises TypeError: for any other type, naming it.
    """
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID):
        return str(value)
    if hasattr(value, "__html__"):
        return str(value.__html__())
    return _rarely_encodable(value)


def _rarely_encodable(value: Any) -> Any:
    # Imported here because most applications never write these types.
    from dataclasses import fields, is_dataclass
    from decimal import Decimal
    from enum import Enum

    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    remedy = (
        "await it first"
        if hasattr(value, "__await__")
        else "convert it first, or extend 'default' of the application's JSON provider"
    )
    raise TypeError(f"{type(value).__name__} cannot be written as JSON: {remedy}.")


def _unwritable(value: Any, default: Callable[[Any], Any], path: str = "") -> str:
    """Return where in a document the first value stands that `default` refuses, or no text."""
    if isinstance(value, dict):
        steps = ((f"{path}[{key!r}]", item) for key, item in value.items())
    elif isinstance(value, (list, tuple)):
        steps = ((f"{path}[{number}]", item) for number, item in enumerate(value))
    elif isinstance(value, (str, int, float, type(None))):
        return ""
    else:
        try:
            return _unwritable(default(value), default, path)
        except Exception:
            return path
    return next(filter(None, (_unwritable(item, default, step) for step, item in steps)), "")


class Encoder(json.JSONEncoder):
    """The standard encoder, with the C function kept that it makes anew for each document.

    Making it takes more time than writing a small document does (1.5 µs of 2.3). Without the C
    function, as on PyPy, the standard encoder does it all.
    """

    def __init__(self, **options: Any) -> None:
        # A document that contains itself ends in a RecursionError.
        super().__init__(check_circular=False, allow_nan=False, **options)
        make = getattr(json.encoder, "c_make_encoder", None)
        quoted = encode_basestring_ascii if self.ensure_ascii else encode_basestring
        #: Returns the pieces of a text; called with the document and 0.
        self.pieces: Callable[[Any, int], Iterable[str]] = (
            make(
                *(None, self.default, quoted, self.indent, self.key_separator, self.item_separator),
                *(self.sort_keys, self.skipkeys, self.allow_nan),
            )
            if make
            else lambda o, _: super(Encoder, self).iterencode(o)
        )

    def encode(self, o: Any) -> str:
        return "".join(self.pieces(o, 0))


class DefaultJSONProvider(JSONProvider):
    """JSON by the standard library, with the types that web applications use.

    Beyond JSON's own types it writes `datetime`, `date` and `time` as ISO 8601, `timedelta` as
    seconds, `Decimal` and `UUID` as text, dataclasses as objects, enums as their value, and
    anything with an ``__html__`` method as that text. Keys keep their order. NaN and the
    infinities are not JSON (RFC 8259 section 6) and are refused in both directions.

    .. code-block:: python

        class Provider(DefaultJSONProvider):
            @staticmethod
            def default(value):
                if isinstance(value, set):
                    return sorted(value)
                return DefaultJSONProvider.default(value)

        app.json = Provider(app)
    """

    #: Called with a value that JSON does not know; returns one that it does.
    default: Callable[[Any], Any] = staticmethod(encodable)
    #: Escape everything outside ASCII, so that the text is safe in any encoding.
    ensure_ascii = True
    #: Sort the keys of objects instead of keeping their order.
    sort_keys = False
    #: Leave out white space; None does so unless the application is in debug mode.
    compact: bool | None = None

    # Whether a subclass leaves `dumps` alone, which writes the body of a response otherwise.
    _writes_directly = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._writes_directly = cls.dumps is DefaultJSONProvider.dumps

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return `obj` as JSON text; keywords are those of :func:`json.dumps`.

        :raises ValueError: for NaN, an infinity, or a value that contains itself.
        :raises TypeError: for a type that JSON does not know.
        """
        try:
            if not kwargs:
                return self._encoder.encode(obj)
            if kwargs == _COMPACT:
                return "".join(self._compact_pieces(obj, 0))
            kwargs.setdefault("default", self.default)
            kwargs.setdefault("ensure_ascii", self.ensure_ascii)
            kwargs.setdefault("sort_keys", self.sort_keys)
            kwargs.setdefault("allow_nan", False)
            return json.dumps(obj, **kwargs)
        except (ValueError, RecursionError) as error:
            explained = _explained(error)
            if explained is None:
                raise
            raise explained from None
        except TypeError as error:
            where = _unwritable(obj, kwargs.get("default", self.default))
            if where:
                error.args = (f"{error} It stands at {where}.",)
            raise

    def encode(self, obj: Any) -> bytes:
        """Return `obj` as the body of a response, on lines of their own in debug mode.

        :param obj: The document.
        """
        # The property `debug` costs two frames, for what most often is False.
        if self.compact is None and self._writes_directly and not self._app.config["DEBUG"]:
            try:
                return ("".join(self._compact_pieces(obj, 0)) + "\n").encode()
            except (ValueError, RecursionError, TypeError):
                pass  # `dumps` says what is wrong with it
        compact = not self._app.debug if self.compact is None else self.compact
        text = self.dumps(obj, **_COMPACT) if compact else self.dumps(obj, indent=2)
        return (text + "\n").encode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return the value of the JSON text `s`; bytes must be UTF-8 (RFC 8259 section 8.1).

        :raises ValueError: where the text is not JSON, is nested too deeply, or holds NaN.
        """
        if not isinstance(s, str):
            s = s.removeprefix(BOM_UTF8).decode()
        try:
            if not kwargs:
                return _decoder.decode(s)
            kwargs.setdefault("parse_constant", _refuse_constant)
            return json.loads(s, **kwargs)
        except RecursionError:
            raise ValueError("The document is nested too deeply.") from None

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in ("default", "ensure_ascii", "sort_keys"):
            for kept in ("_encoder", "_compact_pieces", "_write"):
                self.__dict__.pop(kept, None)
        elif name == "dumps":
            self._writes_directly = False

    # Making an encoder costs more than encoding a small document does, so both are kept.
    @lazy
    def _encoder(self) -> json.JSONEncoder:
        return self._make_encoder()

    @lazy
    def _compact_pieces(self) -> Callable[[Any, int], Iterable[str]]:
        return self._make_encoder(**_COMPACT).pieces

    def _make_encoder(self, **kwargs: Any) -> Encoder:
        return Encoder(
            default=self.default,
            ensure_ascii=self.ensure_ascii,
            sort_keys=self.sort_keys,
            **kwargs,
        )


class BytesJSON(DefaultJSONProvider):
    """JSON by a library that writes bytes, such as orjson or msgspec, without a detour over text.

    The bytes that it writes are the body of a response, and it reads the bytes of a request as they
    came. A value that it does not know is first handed to :attr:`default`, which knows microweb's
    further types. Calls with keywords (``tojson(indent=2)``) are those of the standard library.

    :param app: The application it serves.
    :param write: Returns a document as bytes in UTF-8.
    :param read: Returns the value of a text or bytes; raises `ValueError` where it is not JSON.
    :param hook: The keyword that `write` takes :attr:`default` by; None where it takes none.

    .. code-block:: python

        app.json = BytesJSON(app, orjson.dumps, orjson.loads)
        app.json = BytesJSON(app, msgspec.json.encode, msgspec.json.decode, hook="enc_hook")
    """

    def __init__(
        self,
        app: Any,
        write: Callable[..., bytes],
        read: Callable[[str | bytes], Any],
        hook: str | None = "default",
    ) -> None:
        super().__init__(app)
        self._writer = write
        self._hook = hook
        self._read = read

    @lazy
    def _write(self) -> Callable[..., bytes]:
        return (
            self._writer
            if self._hook is None
            else partial(self._writer, **{self._hook: self.default})
        )

    def encode(self, obj: Any) -> bytes:
        """Return `obj` as JSON in bytes.

        :param obj: The document.
        :raises ValueError: for a document that contains itself.
        :raises TypeError: for a type that neither the library nor :attr:`default` knows.
        """
        try:
            try:
                return self._write(obj)
            except TypeError as error:
                where = _unwritable(obj, self.default)
                # orjson has a message of its own, and the one of `default` as its cause.
                reason = f"{error.__cause__ or error}"
                raise TypeError(f"{reason} It stands at {where}." if where else reason) from error
        except RecursionError:
            raise ValueError(_TOO_DEEP) from None

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Return `obj` as JSON text.

        :param obj: The document.
        :param kwargs: Those of :func:`json.dumps`, which then writes it.
        """
        return super().dumps(obj, **kwargs) if kwargs else self.encode(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return the value of the JSON text `s`.

        :param s: The text, or its UTF-8 bytes.
        :param kwargs: Those of :func:`json.loads`, which then reads it.
        :raises ValueError: where it is not JSON, or nested too deeply.
        """
        if kwargs:
            return super().loads(s, **kwargs)
        try:
            return self._read(s.removeprefix(BOM_UTF8) if isinstance(s, bytes) else s)
        except RecursionError:
            raise ValueError("The document is nested too deeply.") from None


_COMPACT: dict[str, Any] = {"separators": (",", ":")}


_TOO_DEEP = "The document contains itself, or is nested too deeply for JSON."


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON.")


def _explained(error: ValueError | RecursionError) -> ValueError | None:
    if isinstance(error, RecursionError) or "Circular" in str(error):
        return ValueError(_TOO_DEEP)
    if "Out of range float" in str(error):
        return ValueError(
            "NaN and infinity are not JSON (RFC 8259 section 6): send null or text instead."
        )
    return None


_decoder = json.JSONDecoder(parse_constant=_refuse_constant)
