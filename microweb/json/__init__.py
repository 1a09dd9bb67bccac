"""JSON as the current application writes it: its own provider, or the default one without it.

.. code-block:: python

    from microweb import json

    text = json.dumps({"today": date.today()})
"""

from __future__ import annotations

from typing import IO, Any

from ..context import current
from ..helpers import jsonify as jsonify
from ..provider import DefaultJSONProvider, JSONProvider

_without_app = DefaultJSONProvider(None)


def _provider() -> JSONProvider:
    context = current.get()
    provider: JSONProvider = _without_app if context is None else context.app.json
    return provider


def dumps(obj: Any, **kwargs: Any) -> str:
    """Return `obj` as JSON text.

    :param obj: The document.
    :param kwargs: For the provider; the default one takes those of :func:`json.dumps`.

    >>> dumps({"id": 1})
    '{"id": 1}'
    """
    return _provider().dumps(obj, **kwargs)


def dump(obj: Any, fp: IO[str], **kwargs: Any) -> None:
    """Write `obj` as JSON text to the text file `fp`.

    :param obj: The document.
    :param fp: A text file that is open for writing.
    :param kwargs: Those of :func:`dumps`.
    """
    _provider().dump(obj, fp, **kwargs)


def loads(s: str | bytes, **kwargs: Any) -> Any:
    """Return the value of the JSON text `s`.

    :param s: The text, or its UTF-8 bytes (RFC 8259 section 8.1).
    :param kwargs: For the provider; the default one takes those of :func:`json.loads`.
    :raises ValueError: where it is not JSON.

    >>> loads('[1, "two", null]')
    [1, 'two', None]
    """
    return _provider().loads(s, **kwargs)


def load(fp: IO[Any], **kwargs: Any) -> Any:
    """Read JSON from the text or binary file `fp`.

    :param fp: A file that is open for reading.
    :param kwargs: Those of :func:`loads`.
    :raises ValueError: where it is not JSON.
    """
    return _provider().load(fp, **kwargs)
