"""What needs Jinja, which is optional: this module is imported when a template is rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from difflib import get_close_matches
from typing import Any
from weakref import WeakKeyDictionary

import jinja2
from jinja2 import nodes

from .errors import SetupError

#: The source of a template, its file name, and a function that says whether it is still that.
Source = tuple[str, str | None, Callable[[], bool] | None]


class Environment(jinja2.Environment):
    """The Jinja environment of an application; subclass it and set `App.jinja_environment`.

    :param app: The application, which brings the loader where `options` has none.
    :param options: Arguments for :class:`jinja2.Environment`.
    """

    def __init__(self, app: Any, **options: Any) -> None:
        if "loader" not in options:
            options["loader"] = app.create_global_jinja_loader()
        super().__init__(**options)
        self.app = app


class DispatchingJinjaLoader(jinja2.BaseLoader):
    """Asks the loader of the application, then those of its blueprints in their order.

    With `EXPLAIN_TEMPLATE_LOADING` each search is logged. In debug mode and in tests the error for
    a missing template says where it was looked for, and which name is near.

    :param app: The application.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    def get_source(self, environment: jinja2.Environment, template: str) -> Source:
        """Return a template of the first loader that has it."""
        tried: list[tuple[str, jinja2.BaseLoader, str | None]] = []
        try:
            for owner, loader in self._loaders():
                try:
                    source: Source = loader.get_source(environment, template)
                except jinja2.TemplateNotFound:
                    tried.append((owner, loader, None))
                else:
                    tried.append((owner, loader, source[1] or "found"))
                    return source
        finally:
            if self.app.config["EXPLAIN_TEMPLATE_LOADING"]:
                self.app.logger.info("%s", explanation(template, tried))
        if not (self.app.debug or self.app.testing):
            raise jinja2.TemplateNotFound(template)
        raise jinja2.TemplateNotFound(template, self._missing(template))

    def _loaders(self) -> Iterator[tuple[str, jinja2.BaseLoader]]:
        if self.app.jinja_loader is not None:
            yield f"application {self.app.name!r}", self.app.jinja_loader
        for name, blueprint in self.app.blueprints.items():
            if blueprint.jinja_loader is not None:
                yield f"blueprint {name!r}", blueprint.jinja_loader

    def list_templates(self) -> list[str]:
        """Return the names of all templates."""
        return sorted({name for _, loader in self._loaders() for name in loader.list_templates()})

    def _missing(self, template: str) -> str:
        places = [place for _, loader in self._loaders() for place in _places(loader)]
        looked = ", ".join(dict.fromkeys(places))
        message = f"There is no template {template!r}. " + (
            f"Looked into {looked}."
            if looked
            else "Neither the application nor a blueprint has a template_folder."
        )
        with suppress(Exception):  # a loader need not be able to list
            near = get_close_matches(template, self.list_templates(), n=1)
            if near:
                message += f" Is it {near[0]!r} that you mean?"
        return message


def _places(loader: jinja2.BaseLoader) -> list[str]:
    return list(getattr(loader, "searchpath", ())) or [type(loader).__name__]


def explanation(template: str, tried: list[tuple[str, jinja2.BaseLoader, str | None]]) -> str:
    """Return the lines that say where a template was looked for, and where it was found.

    :param tried: The owner of each loader, the loader, and what it found or None.
    """
    lines = [f"Looking for the template {template!r}:"]
    for number, (owner, loader, found) in enumerate(tried, 1):
        where = ", ".join(_places(loader))
        lines.append(f"  {number}. {owner} ({where}): {found or 'not there'}")
    if not any(found for _, _, found in tried):
        lines.append("  No loader has it.")
    return "\n".join(lines)


def render_block(template: jinja2.Template, block: str, values: dict[str, Any]) -> str:
    """Render one block of a template, with the imports, variables, macros and parents of the whole.

    Nothing else of the template runs: what it shows outside of the block may need values that a
    fragment has not, or take something, such as flashed messages, that the next page should show.

    :raises SetupError: where there is no such block, or the template is from a string.
    """
    environment = template.environment
    context = template.new_context(values)
    part: jinja2.Template | None = template
    while part is not None:
        parent = _prepare(part, context)
        part = None if parent is None else environment.get_template(parent, part.name)
        for name, render in ({} if part is None else part.blocks).items():
            context.blocks.setdefault(name, []).append(render)
    if block not in context.blocks:
        known = ", ".join(map(repr, sorted(context.blocks))) or "none at all"
        raise SetupError(
            f"The template {template.name!r} has no block {block!r}. Its blocks are: {known}."
        )
    return "".join(context.blocks[block][0](context))


def _prepare(template: jinja2.Template, context: jinja2.runtime.Context) -> Any:
    """Run what a template imports and sets outside of its blocks; return its parent or None."""
    prologue = _prologues.get(template)
    if prologue is None:
        prologue = _prologues[template] = _make_prologue(template)
    for _ in prologue.root_render_func(context):
        pass
    return context.vars.pop(_PARENT, None)


def _make_prologue(template: jinja2.Template) -> jinja2.Template:
    environment = template.environment
    if template.name is None or environment.loader is None:
        raise SetupError(
            "render_block needs a template that a loader finds by its name: one from a string has"
            " no source any more."
        )
    source, filename, _ = environment.loader.get_source(environment, template.name)
    tree = environment.parse(source, template.name, filename)
    tree.body = [
        _parent_kept(node) if isinstance(node, nodes.Extends) else node
        for node in tree.body
        if isinstance(node, _PROLOGUE)
    ]
    code = environment.compile(tree, template.name, filename)
    return environment.template_class.from_code(environment, code, template.globals)


def _parent_kept(node: nodes.Extends) -> nodes.Node:
    target = nodes.Name(_PARENT, "store", lineno=node.lineno)
    return nodes.Assign(target, node.template, lineno=node.lineno)


_PARENT = "_microweb_parent"
_PROLOGUE = (
    *(nodes.Assign, nodes.AssignBlock, nodes.Extends, nodes.FromImport, nodes.Import),
    nodes.Macro,
)
#: What runs of a template before one of its blocks, for as long as the template itself is kept.
_prologues: WeakKeyDictionary[jinja2.Template, jinja2.Template] = WeakKeyDictionary()
