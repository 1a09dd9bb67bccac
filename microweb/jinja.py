"""What needs Jinja, which is optional: this module is imported when a template is rendered."""

from __future__ import annotations

import os
from collections import ChainMap
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from difflib import SequenceMatcher
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any
from weakref import WeakKeyDictionary

import jinja2
import markupsafe
from jinja2 import nodes
from jinja2.runtime import Macro
from jinja2.utils import LRUCache, internalcode

from .bounded import Bounded
from .errors import SetupError

#: The source of a template, its file name, and a function that says whether it is still that.
Source = tuple[str, str | None, Callable[[], bool] | None]


def escape(value: Any) -> str:
    """Return a value as HTML text, in the spelling of :func:`markupsafe.escape`.

    What a template shows is joined at once, so it need not be `Markup`, which is most of the price
    of a short text there (0.6 µs against 0.25).

    :param value: Any value; `Markup`, and what has an ``__html__``, is HTML already.

    >>> escape("Salt & pepper")
    'Salt &amp; pepper'
    """
    if type(value) is str and len(value) < 64:
        text: str = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return text.replace("'", "&#39;").replace('"', "&#34;")
    if type(value) is int:
        return str(value)
    escaped: str = markupsafe.escape(value)
    return escaped


class Context(jinja2.runtime.Context):
    """What one rendering knows; it calls functions, methods and macros without many questions."""

    @internalcode
    def call(__self, __obj: Any, /, *args: Any, **kwargs: Any) -> Any:  # noqa: N805 - as Jinja's
        """Call what a template calls, as Jinja does."""
        # Jinja asks each object twice whether it wants the context, and the "no" of a method is an
        # exception. This way a function takes 0.8 µs less, a macro 0.9 and a loop.cycle() 1.4.
        kind = type(__obj)
        function = __obj.__func__ if kind is MethodType else __obj
        if kind is Macro:
            args = (__self.eval_ctx, *args)
        elif kind not in _FUNCTIONS or hasattr(function, "jinja_pass_arg"):
            return super().call(__obj, *args, **kwargs)
        kwargs.pop("_block_vars", None)
        kwargs.pop("_loop_vars", None)
        try:
            return __obj(*args, **kwargs)
        except StopIteration:
            return __self.environment.undefined(
                "value was undefined because a callable raised a StopIteration exception"
            )


_FUNCTIONS = FunctionType, MethodType, BuiltinFunctionType


class Template(jinja2.Template):
    """A template that escapes short texts cheaply, and looks through its globals in C."""

    @classmethod
    def from_code(
        cls,
        environment: jinja2.Environment,
        code: CodeType,
        globals: MutableMapping[str, Any],
        uptodate: Callable[[], bool] | None = None,
    ) -> jinja2.Template:
        """Make a template of what Jinja has compiled.

        :param environment: The environment.
        :param code: The compiled template.
        :param globals: What it knows besides the names of a rendering.
        :param uptodate: Says whether the template is still what it was compiled from.
        """
        template = super().from_code(environment, code, globals, uptodate)
        # The names that the compiled functions call, of which this is for output alone.
        names = template.root_render_func.__globals__
        if names.get("escape") is markupsafe.escape:
            names["escape"] = escape
        return template

    def new_context(
        self,
        vars: dict[str, Any] | None = None,
        shared: bool = False,
        locals: Mapping[str, Any] | None = None,
    ) -> jinja2.runtime.Context:
        """Return what one rendering knows.

        :param vars: The names that it was given.
        :param shared: Leave the globals out.
        :param locals: More names, for an import.
        """
        if type(self.globals) is not ChainMap:
            return super().new_context(vars, shared, locals)
        # Jinja goes through a ChainMap twice, name by name in Python (9 of a small page's 35 µs).
        known: dict[str, Any] = {}
        for names in reversed(self.globals.maps):
            known.update(names)
        return jinja2.runtime.new_context(
            self.environment, self.name, self.blocks, vars, shared, known, locals
        )


class Environment(jinja2.Environment):
    """The Jinja environment of an application; subclass it and set `App.jinja_environment`.

    :param app: The application, which brings the loader where `options` has none.
    :param options: Arguments for :class:`jinja2.Environment`.
    """

    context_class = Context
    template_class = Template

    def __init__(self, app: Any, **options: Any) -> None:
        if "loader" not in options:
            options["loader"] = app.create_global_jinja_loader()
        super().__init__(**options)
        cache: Any = self.cache
        if type(cache) is LRUCache:
            # It takes a lock and moves the name to the end of a queue at each look (0.5 µs).
            self.cache = Bounded(cache.capacity)
        self.app = app

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return what a template means by ``obj.attribute``: an attribute, else an item.

        :param obj: The object.
        :param attribute: The name.
        """
        # Rows are often dicts, and to miss an attribute first means to raise an error (0.4 µs).
        if type(obj) is dict and attribute in obj and attribute not in _OF_EACH_DICT:
            return obj[attribute]
        return super().getattr(obj, attribute)


_OF_EACH_DICT = frozenset(dir(dict))


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
        raise MissingTemplate(template, self._missing)

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
            near = nearest(template, self.list_templates())
            if near is not None:
                message += f" Is it {near!r} that you mean?"
        return message


class MissingTemplate(jinja2.TemplateNotFound):
    """A template that no loader has; what it says is found out when somebody reads it.

    :param name: The name of the template.
    :param explain: Returns the text for a name.
    """

    def __init__(self, name: str, explain: Callable[[str], str]) -> None:
        super().__init__(name)
        self._explain = explain

    def __str__(self) -> str:
        return self._explain(str(self.name))


def nearest(template: str, names: Iterable[str]) -> str | None:
    """Return the name that is most like that of a template, or None where none is near.

    Endings say nothing, since most templates share them, and neither does a common folder.
    """
    asked = template.replace("\\", "/")
    best = max(((_likeness(asked, name), name) for name in names), default=((0.0, 0.0), ""))
    return best[1] if best[0][0] >= _NEAR else None


#: How much two names must have in common to be near each other (1: all).
_NEAR = 0.7


def _likeness(first: str, second: str) -> tuple[float, float]:
    """Return how alike two names are in the part that is less so, and as a whole."""
    whole = _ratio(first, second)
    if first.endswith(f"/{second}") or second.endswith(f"/{first}"):
        return 1.0, whole  # a folder too much or too little
    folders, stems = zip(_split(first), _split(second), strict=True)
    return min(_ratio(*folders), _ratio(*stems)), whole


def _split(name: str) -> tuple[str, str]:
    """Return the folder of a template and its name without the ending, such as ``.html.j2``."""
    folder, _, base = name.rpartition("/")
    stem, ending = os.path.splitext(base)
    return folder, os.path.splitext(stem)[0] if ending in (".j2", ".jinja", ".jinja2") else stem


def _ratio(first: str, second: str) -> float:
    return SequenceMatcher(None, first.casefold(), second.casefold(), autojunk=False).ratio()


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
    try:
        return "".join(context.blocks[block][0](context))
    except Exception:
        environment.handle_exception()  # with the lines of the template in the traceback


def _prepare(template: jinja2.Template, context: jinja2.runtime.Context) -> Any:
    """Run what a template imports and sets outside of its blocks; return its parent or None."""
    prologue = _prologues.get(template)
    if prologue is None:
        prologue = _prologues[template] = _make_prologue(template)
    try:
        for _ in prologue.root_render_func(context):
            pass
    except Exception:
        template.environment.handle_exception()
    return context.vars.pop(_PARENT, None)


def _make_prologue(template: jinja2.Template) -> jinja2.Template:
    environment = template.environment
    try:
        if template.name is None or environment.loader is None:
            raise RuntimeError("it is from a string")
        source, filename, _ = environment.loader.get_source(environment, template.name)
    except RuntimeError as error:  # a loader of compiled templates has no sources
        raise SetupError(
            f"render_block needs the source of its template {template.name!r}, and there is none:"
            f" {error}. Keep it in a template folder."
        ) from error
    tree = environment.parse(source, template.name, filename)
    tree.body = list(_prologue(tree.body))
    code = environment.compile(tree, template.name, filename)
    return environment.template_class.from_code(environment, code, template.globals)


def _prologue(body: list[nodes.Node]) -> Iterator[nodes.Node]:
    """Yield the statements of a template that its blocks may depend on."""
    for node in body:
        if isinstance(node, nodes.Extends):
            target = nodes.Name(_PARENT, "store", lineno=node.lineno)
            yield nodes.Assign(target, node.template, lineno=node.lineno)
        elif isinstance(node, nodes.If):
            branches = [node, *node.elif_]
            for branch in branches:
                branch.body = list(_prologue(branch.body))
            node.else_ = list(_prologue(node.else_))
            if node.else_ or any(branch.body for branch in branches):
                yield node
        elif isinstance(node, _KEPT):
            yield node


_PARENT = "_microweb_parent"
_KEPT = nodes.Assign, nodes.AssignBlock, nodes.FromImport, nodes.Import, nodes.Macro
#: What runs of a template before one of its blocks, for as long as the template itself is kept.
_prologues: WeakKeyDictionary[jinja2.Template, jinja2.Template] = WeakKeyDictionary()
