"""Rendering templates of the current application.

Jinja is imported with the first template: `Environment` and `DispatchingJinjaLoader` are found here
too, and need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from .context import current_context
from .rendering import jinja

if TYPE_CHECKING:
    import jinja2

    from .app import App
    from .jinja import DispatchingJinjaLoader as DispatchingJinjaLoader
    from .jinja import Environment as Environment


#: The name of a template, or several, of which the first that exists is taken.
TemplateName: TypeAlias = (
    "str | jinja2.Template | list[str] | list[jinja2.Template] | list[str | jinja2.Template]"
)


def __getattr__(name: str) -> Any:
    if name in ("DispatchingJinjaLoader", "Environment"):
        return getattr(jinja(), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _app(function: str) -> App:
    app: App = current_context(function).app
    return app


def _template(function: str, name: Any) -> tuple[App, jinja2.Template]:
    app = _app(function)
    environment = app.jinja_env
    if type(name) is str:
        return app, environment.get_template(name)
    return app, environment.get_or_select_template(name)


def render_template(template_name_or_list: TemplateName, **context: Any) -> str:
    """Render a template of the `templates` folder.

    :param template_name_or_list: Its name, or several, of which the first that exists is taken.
    :param context: The names that it knows, besides those of the context processors.
    :raises MissingPackage: where Jinja is not installed.
    :raises jinja2.TemplateNotFound: where there is no such template.

    .. code-block:: python

        return render_template("user.html", user=user)
    """
    app, template = _template("render_template", template_name_or_list)
    return app.render(template, context)


def render_template_string(source: str, **context: Any) -> str:
    """Render a template from its text; values are escaped as in HTML.

    :param source: The text of the template; never from a client, because it can run code.
    :param context: The names that it knows, besides those of the context processors.

    .. code-block:: python

        return render_template_string("Hello, {{ name }}!", name=name)
    """
    app = _app("render_template_string")
    return app.render(app.jinja_env.from_string(source), context)


def stream_template(template_name_or_list: TemplateName, **context: Any) -> Iterator[str]:
    """Render a template piece by piece; return this from a view to stream it.

    :param template_name_or_list: Its name, or several, of which the first that exists is taken.
    :param context: The names that it knows, besides those of the context processors.
    :returns: An iterator of the pieces.

    .. code-block:: python

        return stream_template("report.html", rows=rows)
    """
    app, template = _template("stream_template", template_name_or_list)
    return app.stream(template, context)


def stream_template_string(source: str, **context: Any) -> Iterator[str]:
    """Render a template from its text piece by piece.

    :param source: The text of the template; never from a client, because it can run code.
    :param context: The names that it knows, besides those of the context processors.
    :returns: An iterator of the pieces.
    """
    app = _app("stream_template_string")
    return app.stream(app.jinja_env.from_string(source), context)


def render_block(
    template_name_or_list: TemplateName,
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
    app, template = _template("render_block", template_name_or_list)
    return app.render_block(template, block_name, context)
