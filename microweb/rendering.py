"""The application's templates: its Jinja environment, and what each template knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from werkzeug.local import LocalProxy

from . import signals
from .context import current, current_context, current_request_context
from .errors import MissingPackage, describe
from .lazy import lazy
from .scope import Naming, TemplateFunction, template_name
from .sessions import select_flashes, take_flashes
from .working import Working

if TYPE_CHECKING:
    import jinja2
    from blinker import Signal

    from .jinja import Environment

#: Endings of templates in which values are escaped; templates from strings are too.
ESCAPED_ENDINGS = (".html", ".htm", ".xml", ".xhtml", ".svg")


class EnvironmentClass:
    """Stands for the environment's class, which would import Jinja, until somebody looks at it."""

    def __get__(self, instance: object | None, owner: type) -> type[Environment]:
        return jinja().Environment  # type: ignore[no-any-return]  # imported late


class Rendering(Working):
    """The part of an application that renders its templates."""

    #: The class of the Jinja environment: `microweb.templating.Environment`.
    # What is read of it is a class; see `EnvironmentClass`.
    jinja_environment: type[Environment] = EnvironmentClass()  # type: ignore[assignment]

    @property
    def template_filter(self) -> Naming:
        """Make the decorated function a filter in templates, under its name or another one.

        .. code-block:: python

            @app.template_filter  # or @app.template_filter("euro")
            def price(cents):
                return f"{cents / 100:.2f} €"
        """
        return Naming(self.add_template_filter)

    def add_template_filter(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Make a function a filter in templates.

        :param f: The function.
        :param name: Its name in templates; the function's own where it is None.
        """
        self._add_template_function("filters", f, name)

    @property
    def template_test(self) -> Naming:
        """Make the decorated function a test in templates, under its name or another one.

        .. code-block:: python

            @app.template_test
            def weekend(day):  # {% if day is weekend %}
                return day.weekday() >= 5
        """
        return Naming(self.add_template_test)

    def add_template_test(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Make a function a test in templates.

        :param f: The function.
        :param name: Its name in templates; the function's own where it is None.
        """
        self._add_template_function("tests", f, name)

    @property
    def template_global(self) -> Naming:
        """Make the decorated function known to templates, under its name or another one.

        .. code-block:: python

            @app.template_global
            def now():  # {{ now() }}
                return datetime.now(timezone.utc)
        """
        return Naming(self.add_template_global)

    def add_template_global(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Make a function known to templates.

        :param f: The function.
        :param name: Its name in templates; the function's own where it is None.
        """
        self._add_template_function("globals", f, name)

    def _add_template_function(
        self,
        kind: Literal["filters", "tests", "globals"],
        f: Callable[..., Any],
        name: str | None,
    ) -> None:
        self._check_open(f"template_{kind[:-1]}")
        self._add_template_functions([(kind, template_name(f, name), f)])

    def _add_template_functions(self, functions: list[TemplateFunction]) -> None:
        super()._add_template_functions(functions)
        if "jinja_env" in self.__dict__:
            add_functions(self.jinja_env, functions)

    @lazy
    def jinja_env(self) -> Environment:
        """The Jinja environment. Change it before the first template is rendered."""
        return self.create_jinja_environment()

    def create_jinja_environment(self) -> Environment:
        """Make the Jinja environment, with the registered filters, tests and globals.

        Override it to change the environment; :attr:`jinja_options` are its arguments.
        """
        reload = self.config["TEMPLATES_AUTO_RELOAD"]
        options = {
            "auto_reload": self.debug if reload is None else reload,
            "autoescape": self.select_jinja_autoescape,
            **self.jinja_options,
        }
        environment = self.jinja_environment(self, **options)
        environment.policies["json.dumps_function"] = self._dumps
        # Jinja's own would sort the keys.
        environment.policies["json.dumps_kwargs"] = {}
        environment.globals.update(
            config=self.config,
            url_for=self.url_for,
            get_flashed_messages=flashed_messages,
            request=LocalProxy(lambda: current_request_context("request").request),
            session=LocalProxy(lambda: current_request_context("session").session),
            g=LocalProxy(lambda: current_context("g").g),
        )
        add_functions(environment, self.template_functions)
        return environment

    def create_global_jinja_loader(self) -> jinja2.BaseLoader:
        """Make what finds templates: with the application's loader, then with the blueprints'."""
        loader: jinja2.BaseLoader = jinja().DispatchingJinjaLoader(self)
        return loader

    def _dumps(self, value: Any, **kwargs: Any) -> str:
        # Not `self.json.dumps` once and for all: the application may set another provider.
        return self.json.dumps(value, **kwargs)

    def select_jinja_autoescape(self, filename: str | None) -> bool:
        """Whether values are escaped in a template of this name (None: from a string).

        :param filename: The name of the template, or None.
        """
        return filename is None or filename.endswith(ESCAPED_ENDINGS)

    def update_template_context(self, context: dict[str, Any]) -> None:
        """Add what the context processors return; names that `context` has already stay.

        :param context: The names of one rendering, changed in place.
        :raises TypeError: for a context processor that returns no dict.
        """
        given = context.copy()
        here = current.get()
        if here is not None:
            # For those who keep the context, after the request: not the names that follow it.
            context["g"] = here.g
            if here.environ is not None:
                context["request"] = here.request
        plan = None if here is None else here.plan
        processors = (
            map(self.ensure_sync, self.hooks.context_processors)
            if plan is None
            else plan.context_processors
        )
        for processor in processors:
            values = processor()
            if not isinstance(values, Mapping):
                raise TypeError(
                    f"The context processor {describe(processor)} returned {values!r}: it returns a"
                    " dict of names for the templates."
                )
            context.update(values)
        context.update(given)

    def _signal(self, signal: Signal, **values: Any) -> None:
        """Send a signal of this application; its receivers may be asynchronous."""
        wrapper: Any = self.ensure_sync
        signal.send(self, _async_wrapper=wrapper, **values)

    def render(self, template: jinja2.Template, context: dict[str, Any]) -> str:
        """Render a template with what the context processors add.

        :param template: The template.
        :param context: The names that it knows; the context processors' are added in place.
        """
        self._prepare(template, context)
        text = template.render(context)
        if signals.template_rendered.receivers:
            self._signal(signals.template_rendered, template=template, context=context)
        return text

    def render_block(self, template: jinja2.Template, block: str, context: dict[str, Any]) -> str:
        """Render one block of a template; see :func:`microweb.render_block`.

        :param template: The template.
        :param block: The name of the block.
        :param context: The names that it knows; the context processors' are added in place.
        :raises SetupError: where there is no such block.
        """
        self._prepare(template, context)
        text = jinja().render_block(template, block, context)
        if signals.template_rendered.receivers:
            self._signal(signals.template_rendered, template=template, context=context)
        return text  # type: ignore[no-any-return]  # the module is imported when it is used

    def stream(self, template: jinja2.Template, context: dict[str, Any]) -> Iterator[str]:
        """Render a template piece by piece; the request lasts until the last one.

        :param template: The template.
        :param context: The names that it knows; the context processors' are added in place.
        :returns: An iterator of the pieces.
        """
        self._prepare(template, context)
        yield from template.generate(context)
        if signals.template_rendered.receivers:
            self._signal(signals.template_rendered, template=template, context=context)

    def _prepare(self, template: jinja2.Template, context: dict[str, Any]) -> None:
        self.update_template_context(context)
        if signals.before_render_template.receivers:
            self._signal(signals.before_render_template, template=template, context=context)


def jinja() -> Any:
    """Import what needs Jinja, which is optional.

    :raises MissingPackage: where it is not installed.
    """
    try:
        from . import jinja
    except ModuleNotFoundError as error:
        if error.name != "jinja2":
            raise
        raise MissingPackage("Rendering templates", "Jinja2") from None
    return jinja


def add_functions(environment: jinja2.Environment, functions: list[TemplateFunction]) -> None:
    """Make functions known to an environment, as filters, tests or globals."""
    for kind, name, function in functions:
        getattr(environment, kind)[name] = function


def flashed_messages(
    with_categories: bool = False, category_filter: list[str] | tuple[str, ...] = ()
) -> list[Any]:
    """Return the flashed messages; see :func:`microweb.get_flashed_messages`."""
    context = current_request_context("get_flashed_messages")
    if context.flashes is None:
        context.flashes = take_flashes(context.session)
    return list(select_flashes(context.flashes, with_categories, category_filter))
