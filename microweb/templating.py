"""Jinja templates. Jinja is optional: it is imported when an application first needs it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from werkzeug.local import LocalProxy

from .errors import MissingPackage

if TYPE_CHECKING:
    import jinja2

#: Endings of templates in which values are escaped; templates from strings are too.
ESCAPED_ENDINGS = (".html", ".htm", ".xml", ".xhtml", ".svg")


def select_autoescape(filename: str | None) -> bool:
    """Whether values are escaped in a template of this name (None: from a string)."""
    return filename is None or filename.endswith(ESCAPED_ENDINGS)


def make_loader(folders: list[str]) -> jinja2.BaseLoader:
    """Return a loader that looks into the folders, in order.

    :param folders: Read at each look-up, so that it may grow.
    """
    jinja = _jinja()
    loader: jinja2.BaseLoader = jinja.FileSystemLoader([])
    # The same list, not a copy of it: blueprints that are registered later add to it.
    loader.searchpath = folders  # type: ignore[attr-defined]
    return loader


def make_environment(
    options: dict[str, Any],
    *,
    loader: jinja2.BaseLoader,
    dumps: Callable[..., str],
    values: dict[str, Any],
    current: dict[str, Callable[[], Any]],
) -> jinja2.Environment:
    """Return the environment that renders an application's templates.

    :param options: Arguments for :class:`jinja2.Environment`.
    :param dumps: What the filter `tojson` writes with.
    :param values: Names that every template knows.
    :param current: Names that stand for something else in each request; each function returns it.
    """
    options = {"loader": loader, **options}
    environment: jinja2.Environment = _jinja().Environment(**options)
    environment.policies["json.dumps_function"] = dumps
    # Jinja's own would sort the keys.
    environment.policies["json.dumps_kwargs"] = {}
    environment.globals.update(values)
    environment.globals.update({name: LocalProxy(find) for name, find in current.items()})
    return environment


def _jinja() -> Any:
    try:
        import jinja2
    except ImportError:
        raise MissingPackage("Rendering templates", "Jinja2") from None
    return jinja2
