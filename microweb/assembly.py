"""What an application is made of, before any request: folders, configuration, routes, templates.

:class:`Assembly` collects the records; :class:`microweb.App` adds the road of a
request.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import timedelta
from functools import wraps
from logging import Logger
from typing import IO, TYPE_CHECKING, Any, TypeVar

from werkzeug.exceptions import Aborter
from werkzeug.routing import Map, Rule

from .blueprint import OWN_NAME, Blueprint, BlueprintSetupState, caller_place
from .config import DEFAULTS, Config, ConfigAttribute, debug_from_environment, is_on
from .context import Globals, current
from .errors import ConfigError, OutsideContext, SetupError, clash_remedy, describe
from .files import send_from_directory
from .folders import find_root_path, static_view
from .guarded import Guarded
from .lazy import lazy
from .logging import create_logger
from .loop import is_async
from .plan import Compiled
from .provider import DefaultJSONProvider, JSONProvider
from .request import Request
from .response import Response
from .routing import Route, URLMap, URLRule, View, explain_rule, same_requests
from .scope import Hooks, Scope, TemplateFunction
from .sessions import SecureCookieSessionInterface, SessionInterface
from .typing import TeardownCallable
from .worker import Worker

if TYPE_CHECKING:
    from .commands import AppGroup

Teardown = TypeVar("Teardown", bound=TeardownCallable)
Shell = TypeVar("Shell", bound=Callable[[], dict[str, Any]])


def _static_remedy(rule: Rule) -> str:
    if "static" not in rule.endpoint.split("."):
        return ""
    return (
        " Static files need a place of their own: give the blueprint a url_prefix or a"
        " static_url_path, or the application static_folder=None."
    )


def _lifetime(value: int | timedelta) -> timedelta:
    return value if isinstance(value, timedelta) else timedelta(seconds=value)


class Assembly(Scope):
    """The part of an application that is put together before its first request."""

    # The classes that the application works with; a subclass may name its own.
    #: The class of `request`.
    request_class: type[Request] = Request
    #: The class of the responses, also of those that views return in another form.
    response_class: type[Response] = Response
    #: What opens and saves `session`.
    session_interface: SessionInterface = SecureCookieSessionInterface()
    #: The class of :attr:`json`.
    json_provider_class: type[JSONProvider] = DefaultJSONProvider
    #: The class of :attr:`config`.
    config_class: type[Config] = Config
    #: The class of the rules in :attr:`url_map`.
    url_rule_class: type[Rule] = URLRule
    #: The class of :attr:`url_map`.
    url_map_class: type[Map] = URLMap
    #: The class of :attr:`aborter`.
    aborter_class: type[Aborter] = Aborter
    #: The class of `g`.
    app_ctx_globals_class: type[Any] = Globals

    #: Arguments for the Jinja environment, over microweb's own.
    jinja_options: dict[str, Any] = {}  # noqa: RUF012 - each application has its own copy

    #: What the configuration starts with.
    default_config: Mapping[str, Any] = DEFAULTS

    #: Whether the application is being tested: errors reach the test.
    testing = ConfigAttribute[bool]("TESTING")
    #: The key that signs sessions, text or bytes; without it none can be written.
    secret_key = ConfigAttribute[Any]("SECRET_KEY")
    #: How long a permanent session lasts, a `timedelta`.
    permanent_session_lifetime = ConfigAttribute("PERMANENT_SESSION_LIFETIME", _lifetime)

    def __init__(
        self,
        import_name: str,
        static_url_path: str | None = None,
        static_folder: str | os.PathLike[str] | None = "static",
        static_host: str | None = None,
        host_matching: bool = False,
        subdomain_matching: bool = False,
        template_folder: str | os.PathLike[str] | None = "templates",
        instance_path: str | None = None,
        instance_relative_config: bool = False,
        root_path: str | None = None,
    ) -> None:
        super().__init__(import_name, static_folder, static_url_path, template_folder, root_path)
        self.instance_path = self._checked_instance_path(instance_path)
        self.config = self.make_config(instance_relative_config)
        self.json: JSONProvider = self.json_provider_class(self)
        self.aborter = self.make_aborter()
        self.url_map = self.url_map_class(host_matching=host_matching)
        if isinstance(self.url_map, URLMap):
            self.url_map.before_add = lambda: self._check_open("url_map.add")
        self.subdomain_matching = subdomain_matching
        #: The views by endpoint.
        self.view_functions: dict[str, View] = Guarded(
            lambda: self._check_open("a change of view_functions")
        )
        #: The blueprints by name; a nested one has its parents' names before its own.
        self.blueprints: dict[str, Blueprint] = {}
        #: A place for extensions to keep what belongs to this application.
        self.extensions: dict[str, Any] = {}
        #: Asked for a URL where none can be built; see :meth:`handle_url_build_error`.
        self.url_build_error_handlers: list[Callable[[Exception, str, dict[str, Any]], str]] = []
        self.teardown_appcontext_funcs: list[Callable[[BaseException | None], None]] = []
        #: Functions that add names to the shell.
        self.shell_context_processors: list[Callable[[], dict[str, Any]]] = []
        #: What the application has once in each process.
        self.worker = Worker(self, self._forget_compiled)
        # Of each blueprint by name: its prefix and its subdomain.
        self._places: dict[str, tuple[str | None, str | None]] = {}
        self._scopes_by_name: dict[str, tuple[Hooks, ...]] = {}
        self._registered_urls: dict[tuple[Any, ...], list[Route]] = {}
        self._compiled: Compiled | None = None
        # For contexts by hand before the first request; the next registration drops it.
        self._provisional: Compiled | None = None
        self.jinja_options = dict(self.jinja_options)
        #: The filters, tests and globals of templates.
        self.template_functions: list[TemplateFunction] = []
        if static_host is not None and not host_matching:
            raise SetupError(
                f"static_host={static_host!r} has no effect without host_matching=True: give both,"
                " or neither."
            )
        if host_matching and static_folder is not None and static_host is None:
            raise SetupError(
                "With host_matching=True the static files need a host: give static_host=, or"
                " static_folder=None to serve none."
            )
        if self.has_static_folder:
            rule = f"{self.static_url_path}/<path:filename>"
            host: dict[str, Any] = {} if static_host is None else {"host": static_host}
            self.add_url_rule(rule, "static", static_view(self), **host)

    # --- construct

    @property
    def name(self) -> str:
        """The name of the application: its module's, or its file's where it is the main program."""
        if self.import_name != "__main__":
            return self.import_name
        filename = getattr(sys.modules["__main__"], "__file__", None)
        return "__main__" if filename is None else os.path.splitext(os.path.basename(filename))[0]

    @property
    def debug(self) -> bool:
        """Whether debug mode is on: tracebacks in the browser, templates and code reloaded."""
        try:
            return is_on(self.config["DEBUG"])
        except ConfigError:  # said when the application compiles; a typo never shows tracebacks
            return False

    @debug.setter
    def debug(self, value: bool) -> None:
        self.config["DEBUG"] = value
        if self.config["TEMPLATES_AUTO_RELOAD"] is None and "jinja_env" in self.__dict__:
            self.__dict__["jinja_env"].auto_reload = value

    @lazy
    def logger(self) -> Logger:
        """The application's logger; it is called like the application."""
        return create_logger(self.name, self.debug)

    @lazy
    def cli(self) -> AppGroup:
        """The application's own commands, for the command ``microweb``.

        .. code-block:: python

            @app.cli.command()
            def init_db(): ...
        """
        from .commands import AppGroup

        return AppGroup(self.name)

    def shell_context_processor(self, f: Shell) -> Shell:
        """Add the dict that the function returns to the names in ``microweb shell``.

        .. code-block:: python

            @app.shell_context_processor
            def models():
                return {"User": User, "Order": Order}
        """
        self._append("shell_context_processor", self.shell_context_processors, f)
        return f

    def make_shell_context(self) -> dict[str, Any]:
        """Return the names in ``microweb shell``: `app`, `g`, and those of the processors."""
        context = current.get()
        names: dict[str, Any] = {"app": self, "g": None if context is None else context.g}
        for processor in self.shell_context_processors:
            names.update(processor())
        return names

    def make_config(self, instance_relative: bool = False) -> Config:
        """Make the configuration, with its defaults.

        :param instance_relative: File names are relative to the instance folder.
        """
        config = self.config_class(
            self.instance_path if instance_relative else self.root_path, self.default_config
        )
        if config["DEBUG"] is None:
            config["DEBUG"] = debug_from_environment()
        return config

    def make_aborter(self) -> Aborter:
        """Make what :func:`microweb.abort` calls; its `mapping` has the error for each code.

        Override it to add codes of your own to the mapping.
        """
        return self.aborter_class()

    def _checked_instance_path(self, instance_path: str | None) -> str:
        if instance_path is None:
            return self.auto_find_instance_path()
        if not os.path.isabs(instance_path):
            raise SetupError(f"instance_path must be absolute; {instance_path!r} is not.")
        return instance_path

    def auto_find_instance_path(self) -> str:
        """Return the instance folder where none was given: beside the module, or its package."""
        package = self.import_name.partition(".")[0]
        folder = find_root_path(package)
        filename = getattr(sys.modules.get(package), "__file__", None) or ""
        if os.path.basename(filename) == "__init__.py":
            folder = os.path.dirname(folder)
        return os.path.join(folder, "instance")

    def open_instance_resource(
        self, resource: str, mode: str = "rb", encoding: str | None = "utf-8"
    ) -> IO[Any]:
        """Open a file of the instance folder, for reading or writing.

        :param resource: The path below :attr:`instance_path`.
        :param mode: That of :func:`open`.
        :param encoding: The encoding of a text.
        """
        path = os.path.join(self.instance_path, resource)
        return open(path, mode, encoding=None if "b" in mode else encoding)

    # --- register

    def _check_open(self, call: str) -> None:
        self._provisional = None
        if self._compiled is None:
            return
        if not (self.debug or self.testing):
            what = call if " " in call else f"{call}()"
            raise SetupError(
                f"{what} comes too late: the application has answered its first request, and a"
                " server with several processes would know of this in one of them only. Register"
                " everything before, at import or in the application factory."
            )
        self._compiled = None

    def _add_route(self, route: Route) -> None:
        self._place(route)
        super()._add_route(route)

    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Put the views, hooks and error handlers of a blueprint on the application.

        :param blueprint: The blueprint; nothing can be added to it afterwards.
        :param options: `url_prefix`, `subdomain`, `url_defaults` and `name` in place of the
            blueprint's own. A second registration needs another `name`.
        :raises SetupError: for a name that is taken already.

        .. code-block:: python

            app.register_blueprint(blog, url_prefix="/news", name="news")
        """
        self._check_open("register_blueprint")
        if not isinstance(blueprint, Blueprint):
            raise TypeError(f"register_blueprint takes a Blueprint, not {blueprint!r}.")
        blueprint.refuse_unknown(options)
        blueprint.register(self, options)

    def iter_blueprints(self) -> Iterable[Blueprint]:
        """Return the blueprints in the order of their registration."""
        return self.blueprints.values()

    def mount(self, blueprint: Blueprint, options: dict[str, Any]) -> BlueprintSetupState:
        """Take over what one blueprint recorded; :meth:`Blueprint.register` calls this.

        :param blueprint: The blueprint.
        :param options: What `register_blueprint` was given.
        :raises SetupError: for a name that is taken already.
        """
        first = not any(known is blueprint for known in self.blueprints.values())
        state = blueprint.make_setup_state(self, options, first)
        name = state.full_name
        if name in self.blueprints:
            same = self.blueprints[name] is blueprint
            raise SetupError(
                f"The name {name!r} is taken by {'the same' if same else 'another'} blueprint"
                f" already, registered by {self.blueprints[name].registered_at}: give this"
                " registration a name of its own, with name=."
            )
        if blueprint.registered_at is None:
            blueprint.registered_at = caller_place()
        if first:
            for records, more in zip(
                vars(self.hooks).values(), vars(blueprint.app_hooks).values(), strict=True
            ):
                records.update(more) if isinstance(records, dict) else records.extend(more)
            self._add_template_functions(blueprint.template_functions)
        self.blueprints[name] = blueprint
        self._places[name] = state.url_prefix, state.subdomain
        self._scopes_by_name.clear()
        blueprint.place_on(state)
        self._add_commands(state)
        return state

    def _add_commands(self, state: BlueprintSetupState) -> None:
        """Put a blueprint's commands into a group of its name, of another one, or into none."""
        blueprint = state.blueprint
        if "cli" not in blueprint.__dict__ or not blueprint.cli.commands:
            return
        group = state.options.get("cli_group", blueprint.cli_group)
        if group is None:
            self.cli.commands.update(blueprint.cli.commands)
        else:
            blueprint.cli.name = state.full_name if group is OWN_NAME else group
            self.cli.add_command(blueprint.cli)

    def _add_template_functions(self, functions: list[TemplateFunction]) -> None:
        self.template_functions += functions

    def _place(self, route: Route) -> None:
        """Add one route to the URL map."""
        rule, endpoint = route.rule, route.endpoint
        if not rule.startswith("/"):
            raise SetupError(
                f"The URL rule {rule!r} must start with a slash: write {'/' + rule!r}."
            )
        automatic = route.automatic_options
        if automatic is None:
            automatic = "OPTIONS" not in route.methods and bool(
                self.config["PROVIDE_AUTOMATIC_OPTIONS"]
            )
        methods = route.methods | {"OPTIONS"} if automatic else route.methods
        try:
            placed: Any = self.url_rule_class(
                rule, endpoint=endpoint, methods=methods, **route.options
            )
            placed.provide_automatic_options = automatic
            placed.max_content_length = route.max_content_length
            others = self._registered_urls.setdefault(same_requests(placed), [])
            if route.view is None and any(route.methods & other.methods for other in others):
                placed.build_only = True  # another name for a URL that has its view
            self._refuse_clashes(route, placed, others)
            self.url_map.add(placed)
            if not placed.build_only:
                others.append(route)
        except (LookupError, SyntaxError, TypeError, ValueError) as error:
            raise explain_rule(rule, route, error, self.url_map) from error
        if route.view is not None:
            self.view_functions[endpoint] = route.view

    def _refuse_clashes(self, route: Route, rule: Rule, others: list[Route]) -> None:
        known = self.view_functions.get(rule.endpoint)
        if known is not None and route.view is not None and known != route.view:
            raise SetupError(
                f"The endpoint {rule.endpoint!r} is taken: {describe(known)} has it and"
                f" {describe(route.view)} would get it too. {clash_remedy(known, route.view)}"
            )
        if rule.build_only:
            return
        for other in others:
            methods = sorted(route.methods & other.methods)
            if methods:
                raise SetupError(
                    f"{' and '.join(methods)} {rule.rule!r} is registered twice: by {other} and by"
                    f" {route}. Only the first would ever be called.{_static_remedy(rule)}"
                )

    def _set_view(self, endpoint: str, view: View) -> None:
        self.view_functions[endpoint] = view

    def teardown_appcontext(self, f: Teardown) -> Teardown:
        """Call the function when a context ends: that of a request, or of `app_context()`.

        It is called with the unhandled exception or None, after those of `teardown_request`.

        .. code-block:: python

            @app.teardown_appcontext
            def close_database(error):
                database = g.pop("database", None)
                if database is not None:
                    database.close()
        """
        self._append("teardown_appcontext", self.teardown_appcontext_funcs, self.ensure_sync(f))
        return f

    # --- asynchronous functions

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return a function that can be called without `await`; an ordinary one as it is.

        Views, hooks and handlers go through this once, before the first request.
        """
        return self.async_to_sync(func) if is_async(func) else func

    def async_to_sync(self, func: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        """Return a function that calls a coroutine function and waits for its result.

        All coroutines of a process run on one event loop, which lasts as long as the process; see
        :class:`microweb.loop.EventLoop`. Context variables, and so `request` and `g`, are the
        caller's.

        :raises SetupError: when the function is called on that loop: code there has to await.

        .. code-block:: python

            @app.get("/")
            def index():
                return current_app.async_to_sync(fetch)("https://example.com")
        """

        @wraps(func)
        def call(*args: Any, **kwargs: Any) -> Any:
            return self.worker.loop.run(func, *args, **kwargs)

        return call

    def _forget_compiled(self) -> None:
        self._compiled = None

    # --- static files

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """Return for how many seconds clients may keep a file without asking; None: they ask.

        It is `SEND_FILE_MAX_AGE_DEFAULT` for every file.
        """
        age = self.config["SEND_FILE_MAX_AGE_DEFAULT"]
        return int(age.total_seconds()) if isinstance(age, timedelta) else age

    def send_static_file(self, filename: str) -> Response:
        """Return a file of the static folder."""
        return self.send_static(self, filename)

    def send_static(self, scope: Scope, filename: str) -> Response:
        """Return a file of a scope's static folder.

        :param scope: The application, or a blueprint.
        :param filename: The path below its static folder; it may come from the client.
        """
        context = current.get()
        folder = scope.static_folder
        if context is None or context.environ is None:
            raise OutsideContext("send_static_file", "request")
        if folder is None:
            raise SetupError(
                f"{filename!r} cannot be sent: {scope.import_name!r} has no static_folder."
            )
        options = {**self.file_options(), "max_age": scope.get_send_file_max_age}
        # The key first: it is False in production, and a property costs four times as much.
        options["debug"] = self.config["DEBUG"] and self.debug
        return send_from_directory(
            folder, filename, context.environ, root_path=scope.root_path, **options
        )

    def file_options(self) -> dict[str, Any]:
        """Return what the application decides about the files that it sends."""
        mapping = self.config["X_ACCEL_MAPPING"]
        return {
            "max_age": self.get_send_file_max_age,
            "use_x_sendfile": self.config["USE_X_SENDFILE"] and (mapping is None or mapping),
            "response_class": self.response_class,
        }
