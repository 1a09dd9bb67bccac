"""Blueprints: groups of views with a name and a prefix, which applications register."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from .context import current_context, current_request_context
from .errors import SetupError
from .folders import static_view
from .lazy import lazy
from .response import Response
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
    template_name,
)

if TYPE_CHECKING:
    from .commands import AppGroup

#: A command group that is called like its blueprint; no group can have this name.
OWN_NAME = "\0"


class Blueprint(Scope):
    """A group of views, hooks and error handlers, registered on an application in one go.

    Registering on it after it has been registered itself is a `SetupError`.

    :param name: Comes before the endpoints of its views: ``"blog.index"``. No dots.
    :param import_name: The module that it is written in, usually ``__name__``.
    :param static_folder: A folder of its own with static files; None serves none.
    :param static_url_path: The URL prefix of these, below `url_prefix`; the folder's name where it
        is None.
    :param template_folder: A folder of its own with templates; the application's come first.
    :param url_prefix: Comes before the URL rules of its views. The blueprint's error handlers also
        answer a 404 or 405 below the prefix.
    :param subdomain: The subdomain of its views.
    :param url_defaults: Values for the variables of its rules.
    :param root_path: The module's folder, where it cannot be found from `import_name`.
    :param cli_group: The group that its commands go into: one of its own name unless another one
        is given; None puts them among the application's.

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
        cli_group: str | None = OWN_NAME,
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
        self.cli_group = cli_group
        self.url_values_defaults = url_defaults or {}
        #: The blueprints nested in this one, with the options that they were registered with.
        self.children: list[tuple[Blueprint, dict[str, Any]]] = []
        #: What `before_app_request`, `app_errorhandler` and their like wrote.
        self.app_hooks = Hooks()
        #: What `app_template_filter` and its like wrote.
        self.template_functions: list[TemplateFunction] = []
        #: What `record` and `record_once` wrote, each with the number of routes before it.
        self.recorded: list[tuple[int, Callable[[BlueprintSetupState], Any]]] = []
        #: Where it has been registered first; nothing can be added from then on.
        self.registered_at: str | None = None

    @lazy
    def cli(self) -> AppGroup:
        """The blueprint's commands; see `cli_group`.

        .. code-block:: python

            @blog.cli.command()
            def publish(): ...
        """
        from .commands import AppGroup

        return AppGroup(self.name, help=f"Commands of the blueprint {self.name!r}.")

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """Return for how many seconds clients may keep a file, as the application says."""
        age: int | None = current_context("get_send_file_max_age").app.get_send_file_max_age(
            filename
        )
        return age

    def send_static_file(self, filename: str) -> Response:
        """Return a file of the blueprint's static folder, for the current request."""
        app = current_request_context("send_static_file").app
        response: Response = app.send_static(self, filename)
        return response

    def _check_open(self, call: str) -> None:
        if self.registered_at is not None:
            raise SetupError(
                f"{call}() comes too late for blueprint {self.name!r}: it has been registered by"
                f" {self.registered_at}. Register a blueprint after everything is on it."
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Nest another blueprint in this one; its name and prefix come behind this one's.

        :param blueprint: The blueprint to nest.
        :param options: `url_prefix`, `subdomain`, `url_defaults` and `name` in place of its own.
        :raises SetupError: where a blueprint is to be nested in itself.
        """
        self._check_open("register_blueprint")
        if not isinstance(blueprint, Blueprint):
            raise TypeError(f"register_blueprint takes a Blueprint, not {blueprint!r}.")
        blueprint.refuse_unknown(options)
        if blueprint is self or blueprint.holds(self):
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

    def record(self, func: Callable[[BlueprintSetupState], Any]) -> None:
        """Call a function at each registration; extensions do with it what no decorator does.

        It is called between the rules that were added before it and those that come after it.

        .. code-block:: python

            @blog.record
            def read_title(state):
                state.app.extensions["blog"] = state.app.config["BLOG_TITLE"]
        """
        self._append("record", self.recorded, (len(self.routes), func))

    def record_once(self, func: Callable[[BlueprintSetupState], Any]) -> None:
        """Call a function at the first registration on each application."""

        def once(state: BlueprintSetupState) -> None:
            if state.first_registration:
                func(state)

        self.record(once)

    def make_setup_state(
        self, app: Any, options: dict[str, Any], first_registration: bool = False
    ) -> BlueprintSetupState:
        """Return what the functions of :meth:`record` are called with, and what adds the rules.

        :param app: The application.
        :param options: What `register_blueprint` was given.
        :param first_registration: Whether this blueprint is new to the application.
        """
        return BlueprintSetupState(self, app, options, first_registration)

    def register(self, app: Any, options: dict[str, Any]) -> None:
        """Put the blueprint on an application, and those that are nested in it.

        `register_blueprint` calls this; override it to do more.

        :param app: The application.
        :param options: What `register_blueprint` was given.
        """
        state: BlueprintSetupState = app.mount(self, options)
        for child, child_options in self.children:
            child.register(app, state.options_for(child, child_options))

    def holds(self, blueprint: Blueprint) -> bool:
        """Whether a blueprint is nested in this one, at any depth.

        :param blueprint: The other blueprint.
        """
        return any(child is blueprint or child.holds(blueprint) for child, _ in self.children)

    def refuse_unknown(self, options: dict[str, Any]) -> None:
        """Refuse options of a registration that nothing would look at.

        :param options: What `register_blueprint` was given.
        :raises SetupError: naming the option, and those that there are.
        """
        unknown = sorted(set(options) - _OPTIONS)
        # What is recorded, or overridden, may look at options of its own.
        own = type(self).register, type(self).make_setup_state
        if (
            unknown
            and not self.recorded
            and own == (Blueprint.register, Blueprint.make_setup_state)
        ):
            raise SetupError(
                f"The registration of blueprint {self.name!r} has the option {unknown[0]!r}, which"
                f" nothing looks at. There are: {', '.join(sorted(_OPTIONS))}."
            )

    def place_on(self, state: BlueprintSetupState) -> None:
        """Add the rules, and call the functions of :meth:`record`, in the order they came in.

        :param state: The registration.
        """
        if self.has_static_folder:
            rule = f"{self.static_url_path}/<path:filename>"
            state.add_url_rule(rule, "static", static_view(self))
        recorded = list(self.recorded)
        for number, route in enumerate(self.routes):
            while recorded and recorded[0][0] <= number:
                recorded.pop(0)[1](state)
            state.add_url_rule(route.rule, route.endpoint, route.view, **route.arguments())
        for _, function in recorded:
            function(state)

    def before_app_request(self, f: Before) -> Before:
        """Like :meth:`before_request`, for every request of the application.

        .. code-block:: python

            @users.before_app_request
            def load_user():
                g.user = User.find(session.get("user"))
        """
        self._append("before_app_request", self.app_hooks.before, f)
        return f

    def after_app_request(self, f: After) -> After:
        """Like :meth:`after_request`, for every request of the application.

        .. code-block:: python

            @users.after_app_request
            def name_server(response):
                response.headers["X-Served-By"] = gethostname()
                return response
        """
        self._append("after_app_request", self.app_hooks.after, f)
        return f

    def teardown_app_request(self, f: Teardown) -> Teardown:
        """Like :meth:`teardown_request`, for every request of the application."""
        self._append("teardown_app_request", self.app_hooks.teardown, f)
        return f

    def app_context_processor(self, f: ContextProcessor) -> ContextProcessor:
        """Like :meth:`context_processor`, for every template of the application.

        .. code-block:: python

            @users.app_context_processor
            def add_user():
                return {"user": g.user}
        """
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
        """Make the decorated function a filter of the application's templates.

        .. code-block:: python

            @blog.app_template_filter  # or @blog.app_template_filter("euro")
            def price(cents):
                return f"{cents / 100:.2f} €"
        """
        return Naming(self.add_app_template_filter)

    def add_app_template_filter(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Make a function a filter of the application's templates.

        :param f: The function.
        :param name: Its name in templates; the function's own where it is None.
        """
        self._add_template_function("filters", f, name)

    @property
    def app_template_test(self) -> Naming:
        """Make the decorated function a test of the application's templates.

        .. code-block:: python

            @blog.app_template_test
            def draft(post):  # {% if post is draft %}
                return post.published_at is None
        """
        return Naming(self.add_app_template_test)

    def add_app_template_test(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Make a function a test of the application's templates.

        :param f: The function.
        :param name: Its name in templates; the function's own where it is None.
        """
        self._add_template_function("tests", f, name)

    @property
    def app_template_global(self) -> Naming:
        """Make the decorated function known to the application's templates.

        .. code-block:: python

            @blog.app_template_global
            def newest_posts(): ...  # {% for post in newest_posts() %}
        """
        return Naming(self.add_app_template_global)

    def add_app_template_global(self, f: Callable[..., Any], name: str | None = None) -> None:
        """Make a function known to the application's templates.

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
        self._append(
            f"app_template_{kind[:-1]}", self.template_functions, (kind, template_name(f, name), f)
        )

    def app_errorhandler(self, code: int | type[Exception]) -> Callable[[Handler], Handler]:
        """Like :meth:`errorhandler`, for every request of the application.

        :param code: A status code of an error, such as 404, or a class of exceptions.
        :raises SetupError: for what is neither, saying what is.

        .. code-block:: python

            @blog.app_errorhandler(PostNotFound)
            def missing(error):
                return render_template("missing.html"), 404
        """

        error_key(code)  # raises here, where the decorator is written

        def decorator(f: Handler) -> Handler:
            self._check_open("app_errorhandler")
            self.app_hooks.error_handlers[error_key(code)] = f
            return f

        return decorator


_OPTIONS = {"cli_group", "name", "name_prefix", "subdomain", "url_defaults", "url_prefix"}


class BlueprintSetupState:
    """What a function of :meth:`Blueprint.record` is called with: one registration.

    :param blueprint: The blueprint.
    :param app: The application.
    :param options: What `register_blueprint` was given; for a nested blueprint `name_prefix`,
        `url_prefix` and `subdomain` are those of its parents and its own together.
    :param first_registration: Whether this blueprint is new to the application.

    :ivar app: The application.
    :ivar blueprint: The blueprint.
    :ivar first_registration: This blueprint is new to the application.
    :ivar name: The name that it is registered under, without its parents'.
    :ivar name_prefix: The full name of the blueprint that it is nested in, or an empty text.
    """

    def __init__(
        self, blueprint: Blueprint, app: Any, options: dict[str, Any], first_registration: bool
    ) -> None:
        self.app = app
        self.blueprint = blueprint
        self.options = options
        self.first_registration = first_registration
        self.name: str = options.get("name", blueprint.name)
        self.name_prefix: str = options.get("name_prefix", "")
        self.url_prefix: str | None = _given(options.get("url_prefix"), blueprint.url_prefix)
        if self.url_prefix and not self.url_prefix.startswith("/"):
            raise SetupError(
                f"The url_prefix {self.url_prefix!r} of blueprint {self.name!r} must start with a"
                f" slash: write {'/' + self.url_prefix!r}."
            )
        self.subdomain: str | None = _given(options.get("subdomain"), blueprint.subdomain)
        self.url_defaults = {**blueprint.url_values_defaults, **options.get("url_defaults", {})}

    @property
    def full_name(self) -> str:
        """The name with those of the blueprints that it is nested in: ``"shop.cart"``."""
        return f"{self.name_prefix}.{self.name}".lstrip(".")

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: View | None = None,
        **options: Any,
    ) -> None:
        """Add a rule below the blueprint's prefix, with its name before the endpoint."""
        route = make_route(rule, endpoint, view_func, options)
        options = route.arguments()
        options.setdefault("subdomain", self.subdomain)
        defaults = {**self.url_defaults, **options.pop("defaults", {})}
        if defaults:
            options["defaults"] = defaults
        self.app.add_url_rule(
            join_prefix(self.url_prefix, rule),
            f"{self.full_name}.{route.endpoint}",
            view_func,
            **options,
        )

    def options_for(self, child: Blueprint, options: dict[str, Any]) -> dict[str, Any]:
        """Return the options of a blueprint that is nested in this one."""
        prefix = _given(options.get("url_prefix"), child.url_prefix)
        subdomain = _given(options.get("subdomain"), child.subdomain)
        return {
            **options,
            "name_prefix": self.full_name,
            "url_prefix": self.url_prefix
            if prefix is None
            else join_prefix(self.url_prefix, prefix),
            "subdomain": ".".join(filter(None, (subdomain, self.subdomain))) or None,
        }


def _given(value: str | None, otherwise: str | None) -> str | None:
    return otherwise if value is None else value


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
