"""What an application is made of, before any request: folders, configuration, routes, templates.

:class:`Assembly` collects the records and compiles them; :class:`microweb.App` adds the road of a
request.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import partial
from logging import Logger
from threading import Lock
from typing import IO, Any, NamedTuple, TypeVar
from urllib.parse import quote

from werkzeug.exceptions import Aborter
from werkzeug.routing import BuildError, Map, MapAdapter, Rule

from .blueprint import Blueprint, Mount, caller_place, mounts
from .config import DEFAULTS, Config, ConfigAttribute, debug_from_environment, is_on
from .context import Globals, current
from .errors import SetupError, describe
from .files import send_from_directory
from .lazy import lazy
from .logging import create_logger
from .plan import Misses, Plan, make_plan
from .provider import DefaultJSONProvider, JSONProvider
from .request import Request
from .response import Response
from .routing import Matcher, Route, URLMap, URLRule, View, explain_rule, same_requests
from .scope import Hooks, Scope, TemplateFunction, find_root_path
from .sessions import SecureCookieSessionInterface, SessionInterface

Teardown = TypeVar("Teardown", bound=Callable[[BaseException | None], None])


class Compiled(NamedTuple):
    """The records of an application, frozen for its requests."""

    matcher: Matcher
    plans: dict[str, Plan]
    misses: Misses


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

    #: The classes that the application works with; a subclass may name its own.
    request_class: type[Request] = Request
    response_class: type[Response] = Response
    session_interface: SessionInterface = SecureCookieSessionInterface()
    json_provider_class: type[JSONProvider] = DefaultJSONProvider
    config_class: type[Config] = Config
    url_rule_class: type[Rule] = URLRule
    url_map_class: type[Map] = URLMap
    aborter_class: type[Aborter] = Aborter
    app_ctx_globals_class: type[Any] = Globals

    #: Arguments for the Jinja environment, over microweb's own.
    jinja_options: dict[str, Any] = {}  # noqa: RUF012 - each application has its own copy

    #: What the configuration starts with.
    default_config: Mapping[str, Any] = DEFAULTS

    testing = ConfigAttribute[bool]("TESTING")
    secret_key = ConfigAttribute[Any]("SECRET_KEY")
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
        self.instance_path = self._find_instance_path(instance_path)
        self.config = self.make_config(instance_relative_config)
        self.json: JSONProvider = self.json_provider_class(self)
        self.aborter = self.aborter_class()
        self.url_map = self.url_map_class(host_matching=host_matching)
        self.subdomain_matching = subdomain_matching
        #: The views by endpoint.
        self.view_functions: dict[str, View] = {}
        #: The blueprints by name; a nested one has its parents' names before its own.
        self.blueprints: dict[str, Blueprint] = {}
        #: A place for extensions to keep what belongs to this application.
        self.extensions: dict[str, Any] = {}
        #: Asked for a URL where none can be built; see :meth:`handle_url_build_error`.
        self.url_build_error_handlers: list[Callable[[Exception, str, dict[str, Any]], str]] = []
        self.teardown_appcontext_funcs: list[Callable[[BaseException | None], None]] = []
        self._mounts: dict[str, Mount] = {}
        self._registered_urls: dict[tuple[Any, ...], list[Route]] = {}
        self._compiled: Compiled | None = None
        self._compile_lock = Lock()
        self.jinja_options = dict(self.jinja_options)
        #: The filters, tests and globals of templates.
        self.template_functions: list[TemplateFunction] = []
        if host_matching and static_folder is not None and static_host is None:
            raise SetupError(
                "With host_matching=True the static files need a host: give static_host=, or"
                " static_folder=None to serve none."
            )
        if self.has_static_folder:
            self._place_static(self, "static", static_host)

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
        return is_on(self.config["DEBUG"])

    @debug.setter
    def debug(self, value: bool) -> None:
        self.config["DEBUG"] = value
        if self.config["TEMPLATES_AUTO_RELOAD"] is None and "jinja_env" in self.__dict__:
            self.__dict__["jinja_env"].auto_reload = value

    @lazy
    def logger(self) -> Logger:
        """The application's logger; it is called like the application."""
        return create_logger(self.name, self.debug)

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

    def _find_instance_path(self, instance_path: str | None) -> str:
        if instance_path is None:
            # Beside the module, or beside the package that it is in.
            package = self.import_name.partition(".")[0]
            folder = find_root_path(package)
            filename = getattr(sys.modules.get(package), "__file__", None) or ""
            if os.path.basename(filename) == "__init__.py":
                folder = os.path.dirname(folder)
            return os.path.join(folder, "instance")
        if not os.path.isabs(instance_path):
            raise SetupError(f"instance_path must be absolute; {instance_path!r} is not.")
        return instance_path

    def open_instance_resource(
        self, resource: str, mode: str = "rb", encoding: str | None = "utf-8"
    ) -> IO[Any]:
        """Open a file of the instance folder, for reading or writing."""
        path = os.path.join(self.instance_path, resource)
        return open(path, mode, encoding=None if "b" in mode else encoding)

    # --- register

    def _check_open(self, call: str) -> None:
        if self._compiled is None:
            return
        if not (self.debug or self.testing):
            raise SetupError(
                f"{call}() comes too late: the application has answered its first request, and a"
                " server with several processes would know of this in one of them only. Register"
                " everything before, at import or in the application factory."
            )
        self._compiled = None

    def _add_route(self, route: Route) -> None:
        self._place(route, route.rule, route.endpoint, dict(route.options))
        super()._add_route(route)

    def register_blueprint(self, blueprint: Blueprint, **options: Any) -> None:
        """Put the views, hooks and error handlers of a blueprint on the application.

        :param options: `url_prefix`, `subdomain`, `url_defaults` and `name` in place of the
            blueprint's own. A second registration needs another `name`.
        :raises SetupError: for a name that is taken already.
        """
        self._check_open("register_blueprint")
        if not isinstance(blueprint, Blueprint):
            raise TypeError(f"register_blueprint takes a Blueprint, not {blueprint!r}.")
        for mount in mounts(blueprint, options):
            if mount.name in self.blueprints:
                same = self.blueprints[mount.name] is mount.blueprint
                raise SetupError(
                    f"The name {mount.name!r} is taken by {'the same' if same else 'another'}"
                    " blueprint already: give this registration a name of its own, with name=."
                )
            self._mount(mount)

    def iter_blueprints(self) -> Iterable[Blueprint]:
        """Return the blueprints in the order of their registration."""
        return self.blueprints.values()

    def _mount(self, mount: Mount) -> None:
        blueprint = mount.blueprint
        if blueprint.registered_at is None:
            blueprint.registered_at = caller_place()
        first = not any(known is blueprint for known in self.blueprints.values())
        if first:
            for records, more in zip(
                vars(self.hooks).values(), vars(blueprint.app_hooks).values(), strict=True
            ):
                records.update(more) if isinstance(records, dict) else records.extend(more)
            self._add_template_functions(blueprint.template_functions)
        self.blueprints[mount.name] = blueprint
        self._mounts[mount.name] = mount
        if blueprint.has_static_folder:
            self._place_static(blueprint, f"{mount.name}.static", mount=mount)
        for route in blueprint.routes:
            self.place_route(route, mount)
        if blueprint.recorded:
            state = blueprint.make_setup_state(self, mount, first)
            for function in blueprint.recorded:
                function(state)

    def place_route(self, route: Route, mount: Mount) -> None:
        """Add a blueprint's route to the URL map, where the blueprint is mounted."""
        options = dict(route.options)
        options.setdefault("subdomain", mount.subdomain)
        defaults = {**mount.url_defaults, **options.get("defaults", {})}
        if defaults:
            options["defaults"] = defaults
        self._place(route, mount.rule(route.rule), f"{mount.name}.{route.endpoint}", options)

    def _add_template_functions(self, functions: list[TemplateFunction]) -> None:
        self.template_functions += functions

    def _place(self, route: Route, rule: str, endpoint: str, options: dict[str, Any]) -> None:
        """Add one route to the URL map, under its full rule and endpoint."""
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
            placed: Any = self.url_rule_class(rule, endpoint=endpoint, methods=methods, **options)
            placed.provide_automatic_options = automatic
            placed.max_content_length = route.max_content_length
            others = self._registered_urls.setdefault(same_requests(placed), [])
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
                f" {describe(route.view)} would get it too. Rename one of the functions, or give"
                " it another name with endpoint=."
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

    def _place_static(
        self,
        scope: Scope,
        endpoint: str,
        host: str | None = None,
        mount: Mount | None = None,
    ) -> None:
        rule = f"{scope.static_url_path}/<path:filename>"
        route = Route(rule, "static", partial(self._send_static, scope), frozenset({"GET"}))
        full_rule = rule if mount is None else mount.rule(rule)
        self._place(route, full_rule, endpoint, {} if host is None else {"host": host})

    def _set_view(self, endpoint: str, view: View) -> None:
        self.view_functions[endpoint] = view

    def teardown_appcontext(self, f: Teardown) -> Teardown:
        """Call the function when a context ends: that of a request, or of `app_context()`."""
        self._append("teardown_appcontext", self.teardown_appcontext_funcs, f)
        return f

    # --- compile

    def _compile(self) -> Compiled:
        """Freeze the records; called for the first request, by one thread."""
        with self._compile_lock:
            if self._compiled is None:
                self._compiled = self._make_compiled()
            return self._compiled

    def _make_compiled(self) -> Compiled:
        for rule in self.url_map.iter_rules():
            if rule.endpoint not in self.view_functions and not rule.build_only:
                raise SetupError(
                    f"The rule {rule.rule!r} has the endpoint {rule.endpoint!r}, which no view"
                    f" function belongs to: add one with @app.endpoint({rule.endpoint!r})."
                )
        plans = {
            endpoint: make_plan(view, self._scopes(endpoint.rpartition(".")[0]))
            for endpoint, view in self.view_functions.items()
        }
        return Compiled(Matcher(self._matched_map()), plans, self._misses())

    def _matched_map(self) -> Map:
        # Which subdomain a request is for depends on its Host, which only Werkzeug looks at.
        return Map() if self.subdomain_matching else self.url_map

    def _scopes(self, blueprint: str) -> list[Hooks]:
        mount = self._mounts.get(blueprint)
        names = () if mount is None else mount.chain
        return [self.hooks, *(self._mounts[name].blueprint.hooks for name in names)]

    def _misses(self) -> Misses:
        misses = Misses(make_plan(None, [self.hooks]))
        for name, mount in self._mounts.items():
            if mount.url_prefix and mount.url_prefix.strip("/"):
                misses.add(mount.url_prefix, make_plan(None, [self.hooks], self._scopes(name)))
        return misses

    # --- URLs

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what matches and builds URLs for a request, or without one by `SERVER_NAME`."""
        server_name = self.config["SERVER_NAME"]
        if request is not None:
            if self.config["TRUSTED_HOSTS"] is not None:
                request.trusted_hosts = self.config["TRUSTED_HOSTS"]
                request.host  # noqa: B018 - refuses a host that is not among them
            if self.url_map.host_matching:
                return self.url_map.bind_to_environ(request.environ)
            # None: whatever is before the server name in the Host header.
            subdomain = None if self.subdomain_matching else self.url_map.default_subdomain
            return self.url_map.bind_to_environ(request.environ, server_name, subdomain)
        if server_name is None:
            return None
        return self.url_map.bind(
            server_name,
            script_name=self.config["APPLICATION_ROOT"],
            url_scheme=self.config["PREFERRED_URL_SCHEME"],
        )

    def url_for(
        self,
        endpoint: str,
        *,
        _anchor: str | None = None,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: Any,
    ) -> str:
        """Build the URL of an endpoint; see :func:`microweb.url_for`."""
        if not isinstance(endpoint, str):
            raise TypeError(f"url_for takes the name of an endpoint, not {describe(endpoint)}.")
        context = current.get()
        if context is not None and context.environ is not None:
            adapter = context.url_adapter
            if endpoint.startswith("."):
                blueprint = context.request.blueprint
                endpoint = f"{blueprint}{endpoint}" if blueprint else endpoint[1:]
            external = _scheme is not None if _external is None else _external
        else:
            adapter = self.create_url_adapter(None)
            external = True if _external is None else _external
        if adapter is None:
            raise SetupError(
                f"url_for({endpoint!r}) outside of a request does not know the host: set"
                " app.config['SERVER_NAME'], and APPLICATION_ROOT and PREFERRED_URL_SCHEME if"
                " they differ from '/' and 'http'."
            )
        if _scheme is not None and not external:
            raise ValueError("url_for with _scheme builds a whole URL: leave out _external=False.")
        self.inject_url_defaults(endpoint, values)
        try:
            url = adapter.build(
                endpoint, values, method=_method, url_scheme=_scheme, force_external=external
            )
        except BuildError as error:
            values.update(_anchor=_anchor, _method=_method, _scheme=_scheme, _external=external)
            return self.handle_url_build_error(error, endpoint, values)
        if _anchor is not None:
            url = f"{url}#{quote(_anchor, safe=_ANCHOR_SAFE)}"
        return url

    def inject_url_defaults(self, endpoint: str, values: dict[str, Any]) -> None:
        """Let the `url_defaults` functions of the endpoint's scopes add values."""
        for scope in self._scopes(endpoint.rpartition(".")[0]):
            for function in scope.url_defaults:
                function(endpoint, values)

    def handle_url_build_error(
        self, error: BuildError, endpoint: str, values: dict[str, Any]
    ) -> str:
        """Ask the `url_build_error_handlers` for a URL, or raise the error."""
        for handler in self.url_build_error_handlers:
            try:
                url = handler(error, endpoint, values)
            except BuildError as later:
                error = later
            else:
                if url is not None:
                    return url
        raise error

    # --- static files

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        """Return for how many seconds clients may keep a file without asking; None: they ask."""
        age = self.config["SEND_FILE_MAX_AGE_DEFAULT"]
        return int(age.total_seconds()) if isinstance(age, timedelta) else age

    def send_static_file(self, filename: str) -> Response:
        """Return a file of the static folder."""
        return self._send_static(self, filename)

    def _send_static(self, scope: Scope, filename: str) -> Response:
        context = current.get()
        folder = scope.static_folder
        if folder is None or context is None or context.environ is None:
            raise SetupError("Static files need a static_folder, and are sent to a request.")
        return send_from_directory(
            folder, filename, context.environ, root_path=self.root_path, **self.file_options()
        )

    def file_options(self) -> dict[str, Any]:
        """Return what the application decides about the files that it sends."""
        return {
            "max_age": self.get_send_file_max_age,
            "use_x_sendfile": self.config["USE_X_SENDFILE"],
            "response_class": self.response_class,
        }


#: What may stand in a fragment as it is (RFC 3986 section 3.5).
_ANCHOR_SAFE = "%!#$&'()*+,/:;=?@"
