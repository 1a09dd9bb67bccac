"""The application's templates: its Jinja environment, and what each template knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from . import signals, templating
from .assembly import Assembly
from .context import current, current_context, current_request_context
from .errors import describe
from .lazy import lazy
from .scope import Naming, TemplateFunction
from .sessions import select_flashes, take_flashes

if TYPE_CHECKING:
    import jinja2


class Rendering(Assembly):
    """The part of an application that renders its templates."""

    #: Arguments for the Jinja environment, over microweb's own.
    jinja_options: Mapping[str, Any] = {}

    @property
    def template_filter(self) -> Naming:
        """Make the decorated function a filter in templates, under its name or another one."""
        return Naming(self.add_template_filter)

    def add_template_filter(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Make a function a filter in templates."""
        self._add_template_function("filters", f, name)

    @property
    def template_test(self) -> Naming:
        """Make the decorated function a test in templates, under its name or another one."""
        return Naming(self.add_template_test)

    def add_template_test(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Make a function a test in templates."""
        self._add_template_function("tests", f, name)

    @property
    def template_global(self) -> Naming:
        """Make the decorated function known to templates, under its name or another one."""
        return Naming(self.add_template_global)

    def add_template_global(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Make a function known to templates."""
        self._add_template_function("globals", f, name)

    def _add_template_function(
        self,
        kind: Literal["filters", "tests", "globals"],
        f: Callable[..., Any],
        name: str | None,
    ) -> None:
        self._check_open(f"template_{kind[:-1]}")
        self._add_template_functions([(kind, name or f.__name__, f)])

    def _add_template_functions(self, functions: list[TemplateFunction]) -> None:
        super()._add_template_functions(functions)
        if "jinja_env" in self.__dict__:
            add_functions(self.jinja_env, functions)

    @lazy
    def jinja_env(self) -> jinja2.Environment:
        """The Jinja environment. Change it before the first template is rendered."""
        return self.create_jinja_environment()

    def create_jinja_environment(self) -> jinja2.Environment:
        """Make the Jinja environment, with the registered filters, tests and globals."""
        reload = self.config["TEMPLATES_AUTO_RELOAD"]
        options = {
            "auto_reload": self.debug if reload is None else reload,
            "autoescape": self.select_jinja_autoescape,
            **self.jinja_options,
        }
        environment = templating.make_environment(
            options,
            loader=templating.make_loader(self.template_folders),
            dumps=self._dumps,
            values={
                "config": self.config,
                "url_for": self.url_for,
                "get_flashed_messages": flashed_messages,
            },
            current={
                "request": lambda: current_request_context("request").request,
                "session": lambda: current_request_context("session").session,
                "g": lambda: current_context("g").g,
            },
        )
        add_functions(environment, self.template_functions)
        return environment

    def _dumps(self, value: Any, **kwargs: Any) -> str:
        # Not `self.json.dumps` once and for all: the application may set another provider.
        return self.json.dumps(value, **kwargs)

    def select_jinja_autoescape(self, filename: str | None) -> bool:
        """Whether values are escaped in a template of this name (None: from a string)."""
        return templating.select_autoescape(filename)

    def update_template_context(self, context: dict[str, Any]) -> None:
        """Add what the context processors return; names that `context` has already stay."""
        given = context.copy()
        here = current.get()
        plan = None if here is None else here.plan
        processors = self.hooks.context_processors if plan is None else plan.context_processors
        for processor in processors:
            values = processor()
            if not isinstance(values, Mapping):
                raise TypeError(
                    f"The context processor {describe(processor)} returned {values!r}: it returns a"
                    " dict of names for the templates."
                )
            context.update(values)
        context.update(given)

    def render(self, template: jinja2.Template, context: dict[str, Any]) -> str:
        """Render a template with what the context processors add."""
        self._prepare(template, context)
        text = template.render(context)
        if signals.template_rendered.receivers:
            signals.template_rendered.send(self, template=template, context=context)
        return text

    def stream(self, template: jinja2.Template, context: dict[str, Any]) -> Iterator[str]:
        """Render a template piece by piece; the request lasts until the last one."""
        self._prepare(template, context)
        yield from template.generate(context)
        if signals.template_rendered.receivers:
            signals.template_rendered.send(self, template=template, context=context)

    def _prepare(self, template: jinja2.Template, context: dict[str, Any]) -> None:
        self.update_template_context(context)
        if signals.before_render_template.receivers:
            signals.before_render_template.send(self, template=template, context=context)


def add_functions(environment: jinja2.Environment, functions: list[TemplateFunction]) -> None:
    """Make functions known to an environment, as filters, tests or globals."""
    for kind, name, function in functions:
        getattr(environment, kind)[name] = function


def flashed_messages(
    with_categories: bool = False, category_filter: list[str] | tuple[str, ...] = ()
) -> list[Any]:
    """Return the flashed messages; see :func:`microweb.get_flashed_messages`."""
    context = current_request_context("session")
    if context.flashes is None:
        context.flashes = take_flashes(context.session)
    return list(select_flashes(context.flashes, with_categories, category_filter))
