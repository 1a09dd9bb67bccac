"""Rendering templates of the current application.

Jinja is imported with the first template: `Environment` and `DispatchingJinjaLoader` are found here
too, and need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .globals import current_app
from .rendering import jinja

if TYPE_CHECKING:
    import jinja2

    from .jinja import DispatchingJinjaLoader as DispatchingJinjaLoader
    from .jinja import Environment as Environment


def __getattr__(name: str) -> Any:
    if name in ("DispatchingJinjaLoader", "Environment"):
        return getattr(jinja(), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def render_template(
    template_name_or_list: str | jinja2.Template | list[str | jinja2.Template], **context: Any
) -> str:
    """Render a template of the `templates` folder.

    :param template_name_or_list: Its name, or several, of which the first that exists is taken.
    :param context: The names that it knows, besides those of the context processors.
    :raises MissingPackage: where Jinja is not installed.
    """
    template = current_app.jinja_env.get_or_select_template(template_name_or_list)
    return current_app.render(template, context)


def render_template_string(source: str, **context: Any) -> str:
    """Render a template from its text; values are escaped as in HTML."""
    return current_app.render(current_app.jinja_env.from_string(source), context)


def stream_template(
    template_name_or_list: str | jinja2.Template | list[str | jinja2.Template], **context: Any
) -> Iterator[str]:
    """Render a template piece by piece; return this from a view to stream it."""
    template = current_app.jinja_env.get_or_select_template(template_name_or_list)
    return current_app.stream(template, context)


def stream_template_string(source: str, **context: Any) -> Iterator[str]:
    """Render a template from its text piece by piece."""
    return current_app.stream(current_app.jinja_env.from_string(source), context)


def get_template_attribute(template_name: str, attribute: str) -> Any:
    """Return a macro or variable of a template, to call it from Python."""
    return getattr(current_app.jinja_env.get_template(template_name).module, attribute)


def render_block(
    template_name_or_list: str | jinja2.Template | list[str | jinja2.Template],
    block_name: str,
    /,
    **context: Any,
) -> str:
    """Render one block of a template: a fragment for a page that is there already.

    The template's imports and variables are known in it, and so are the blocks of its parents.

    :param template_name_or_list: The name of the template, or several names.
    :param block_name: What stands behind ``{% block``.
    :param context: The names that the block knows, besides those of the context processors.
    :raises SetupError: where the template has no such block, saying which it has.

    .. code-block:: python

        return render_block("cart.html", "rows", rows=rows)
    """
    template = current_app.jinja_env.get_or_select_template(template_name_or_list)
    return current_app.render_block(template, block_name, context)
