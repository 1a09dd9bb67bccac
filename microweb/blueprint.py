"""Blueprints: groups of views with a name and a prefix, which applications register."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from .errors import SetupError
from .routing import Route, View, make_route
from .scope import (
    After,
    Before,
    ContextProcessor,
    Handler,
    Hooks,
    Naming,
    Scope,
    Teardown,
    TemplateFunction,
    URLDefaults,
    ValuePreprocessor,
    error_key,
)


class Blueprint(Scope):
    """A group of views, hooks and error handlers, registered on an application in one go.

    :param name: Comes before the endpoints of its views: ``"blog.index"``. No dots.
    :param import_name: The module that it is written in, usually ``__name__``.
    :param static_folder: A folder of its own with static files, under `static_url_path`.
    :param template_folder: A folder of its own with templates; the application's come first.
    :param url_prefix: Comes before the URL rules of its views. The blueprint's error handlers also
        answer a 404 or 405 below the prefix.
    :param subdomain: The subdomain of its views.
    :param url_defaults: Values for the variables of its rules.

    .. code-block:: python

        blog = Blueprint("blog", __name__, url_prefix="/blog")

        @blog.get("/")
        def index(): ...

        app.register_blueprint(blog)
    """

    def __init__(
        self,
        name: str,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        url_prefix: str | None = None,
        subdomain: str | None = None,
        url_defaults: dict[str, Any] | None = None,
        root_path: str | None = None,
    ) -> None:
        super().__init__(import_name, static_folder, static_url_path, template_folder, root_path)
        if not name or "." in name:
            raise SetupError(
                f"A blueprint cannot be named {name!r}: the name is the part of its endpoints"
                " before the dot, so it is not empty and has no dot."
            )
        self.name = name
        self.url_prefix = url_prefix
        self.subdomain = subdomain
        self.url_values_defaults = url_defaults or {}
        #: The blueprints nested in this one, with the options that they were registered with.
        self.children: list[tuple[Blueprint, dict[str, Any]]] = []
        #: What `before_app_request`, `app_errorhandler` and their like wrote.
        self.app_hooks = Hooks()
        #: What `app_template_filter` and its like wrote.
        self.template_functions: list[TemplateFunction] = []
        #: What `record` and `record_once` wrote.
        self.recorded: list[Callable[[BlueprintSetupState], Any]] = []
        #: Where it has been registered first; nothing can be added from then on.
        self.registered_at: str | None = None

    def _check_open(self, call: str) -> None:
        if self.registered_at is not None:
            raise SetupError(
                f"{call}() comes too late for blueprint {self.name!r}: it has been registered by"
                f" {self.registered_at}. Register a blueprint after everything is on it."
            )

    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Nest another blueprint in this one; its name and prefix come behind this one's.

        :param options: `url_prefix`, `subdomain`, `url_defaults` and `name` in place of its own.
        :raises SetupError: where a blueprint is to be nested in itself.
        """
        self._check_open("register_blueprint")
        if blueprint is self:
            raise SetupError(f"Blueprint {self.name!r} cannot be nested in itself.")
        self.children.append((blueprint, options))

    def _add_route(self, route: Route) -> None:
        if "." in route.endpoint:
            raise SetupError(
                f"The endpoint {route.endpoint!r} of blueprint {self.name!r} has a dot: the name of"
                " the blueprint is put before it, so give it a name without one, with endpoint=."
            )
        super()._add_route(route)

    def _set_view(self, endpoint: str, view: View) -> None:
        self.record(
            lambda state: state.app.view_functions.update({f"{state.name}.{endpoint}": view})
        )

    def record(self, function: Callable[[BlueprintSetupState], Any]) -> None:
        """Call a function at each registration; extensions do with it what no decorator does."""
        self._append("record", self.recorded, function)

    def record_once(self, function: Callable[[BlueprintSetupState], Any]) -> None:
        """Call a function at the first registration on each application."""

        def once(state: BlueprintSetupState) -> None:
            if state.first_registration:
                function(state)

        self.record(once)

    def make_setup_state(
        self, app: Any, mount: Mount, first_registration: bool
    ) -> BlueprintSetupState:
        """Return what the functions of :meth:`record` are called with."""
        return BlueprintSetupState(app, mount, first_registration)

    def before_app_request(self, f: Before) -> Before:
        """Like :meth:`before_request`, for every request of the application."""
        self._append("before_app_request", self.app_hooks.before, f)
        return f

    def after_app_request(self, f: After) -> After:
        """Like :meth:`after_request`, for every request of the application."""
        self._append("after_app_request", self.app_hooks.after, f)
        return f

    def teardown_app_request(self, f: Teardown) -> Teardown:
        """Like :meth:`teardown_request`, for every request of the application."""
        self._append("teardown_app_request", self.app_hooks.teardown, f)
        return f

    def app_context_processor(self, f: ContextProcessor) -> ContextProcessor:
        """Like :meth:`context_processor`, for every template of the application."""
        self._append("app_context_processor", self.app_hooks.context_processors, f)
        return f

    def app_url_value_preprocessor(self, f: ValuePreprocessor) -> ValuePreprocessor:
        """Like :meth:`url_value_preprocessor`, for every request of the application."""
        self._append("app_url_value_preprocessor", self.app_hooks.url_value_preprocessors, f)
        return f

    def app_url_defaults(self, f: URLDefaults) -> URLDefaults:
        """Like :meth:`url_defaults`, for every URL of the application."""
        self._append("app_url_defaults", self.app_hooks.url_defaults, f)
        return f

    @property
    def app_template_filter(self) -> Naming:
        """Make the decorated function a filter of the application's templates."""
        return Naming(self.add_app_template_filter)

    def add_app_template_filter(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Make a function a filter of the application's templates."""
        self._add_template_function("filters", f, name)

    @property
    def app_template_test(self) -> Naming:
        """Make the decorated function a test of the application's templates."""
        return Naming(self.add_app_template_test)

    def add_app_template_test(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Make a function a test of the application's templates."""
        self._add_template_function("tests", f, name)

    @property
    def app_template_global(self) -> Naming:
        """Make the decorated function known to the application's templates."""
        return Naming(self.add_app_template_global)

    def add_app_template_global(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Make a function known to the application's templates."""
        self._add_template_function("globals", f, name)

    def _add_template_function(
        self,
        kind: Literal["filters", "tests", "globals"],
        f: Callable[..., Any],
        name: str | None,
    ) -> None:
        self._append(
            f"app_template_{kind[:-1]}", self.template_functions, (kind, name or f.__name__, f)
        )

    def app_errorhandler(
        self, code_or_exception: int | type[Exception]
    ) -> Callable[[Handler], Handler]:
        """Like :meth:`errorhandler`, for every request of the application."""

        def decorator(f: Handler) -> Handler:
            self._check_open("app_errorhandler")
            self.app_hooks.error_handlers[error_key(code_or_exception)] = f
            return f

        return decorator


@dataclass
class Mount:
    """One registration of a blueprint: where its views went.

    :ivar name: The full name, with those of the blueprints that it is nested in: ``"shop.cart"``.
    :ivar options: What the registration was given.
    :ivar parents: The names of those, outermost first.
    """

    blueprint: Blueprint
    name: str
    url_prefix: str | None
    subdomain: str | None
    url_defaults: dict[str, Any]
    options: dict[str, Any]
    parents: tuple[str, ...] = ()

    @property
    def chain(self) -> tuple[str, ...]:
        """The names from the outermost blueprint to this one."""
        return (*self.parents, self.name)

    def rule(self, rule: str) -> str:
        """Put the prefix before a URL rule."""
        return join_prefix(self.url_prefix, rule)


def mounts(
    blueprint: Blueprint, options: dict[str, Any], parent: Mount | None = None
) -> list[Mount]:
    """Return the registrations of a blueprint and of all that are nested in it."""
    own_name = options.get("name", blueprint.name)
    prefix = _given(options.get("url_prefix"), blueprint.url_prefix)
    subdomain = _given(options.get("subdomain"), blueprint.subdomain)
    defaults = {**blueprint.url_values_defaults, **options.get("url_defaults", {})}
    if parent is None:
        mount = Mount(blueprint, own_name, prefix, subdomain, defaults, options)
    else:
        nested_subdomain = ".".join(filter(None, (subdomain, parent.subdomain))) or None
        mount = Mount(
            blueprint,
            f"{parent.name}.{own_name}",
            parent.url_prefix if prefix is None else join_prefix(parent.url_prefix, prefix),
            nested_subdomain,
            defaults,
            options,
            parent.chain,
        )
    found = [mount]
    for child, child_options in blueprint.children:
        found += mounts(child, child_options, mount)
    return found


def _given(value: str | None, otherwise: str | None) -> str | None:
    return otherwise if value is None else value


class BlueprintSetupState:
    """What a function of :meth:`Blueprint.record` is called with: one registration.

    :ivar app: The application.
    :ivar blueprint: The blueprint.
    :ivar options: What `register_blueprint` was given.
    :ivar first_registration: This blueprint is new to the application.
    """

    def __init__(self, app: Any, mount: Mount, first_registration: bool) -> None:
        self.app = app
        self.blueprint = mount.blueprint
        self.options = mount.options
        self.first_registration = first_registration
        self.name = mount.name
        self.url_prefix = mount.url_prefix
        self.subdomain = mount.subdomain
        self.url_defaults = mount.url_defaults
        self._mount = mount

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: View | None = None,
        **options: Any,
    ) -> None:
        """Add a rule below the blueprint's prefix, with its name before the endpoint."""
        self.app.place_route(make_route(rule, endpoint, view_func, options), self._mount)


def join_prefix(prefix: str | None, rule: str) -> str:
    """Join a prefix and a rule by one slash; an empty rule is the prefix itself."""
    if prefix is None:
        return rule
    if not rule:
        return prefix
    return f"{prefix.rstrip('/')}/{rule.lstrip('/')}"


def caller_place() -> str:
    """Return ``file:line`` of the code that called into microweb."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
