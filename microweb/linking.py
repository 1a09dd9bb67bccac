"""What was assembled becomes what requests use: a matcher and plans, and the URLs of endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from werkzeug.routing import BuildError, Map, MapAdapter, Rule
from werkzeug.utils import redirect

from .assembly import Assembly
from .building import Links
from .checks import check_types
from .context import Context, current
from .errors import SetupError
from .forwarded import correction
from .front import Front
from .matching import Matcher
from .plan import Compiled, Misses, Plan, Plans, for_misses
from .provider import JSONProvider
from .request import Request
from .response import Response
from .routing import URLMap, View
from .scope import Hooks
from .sessions import SecureCookieSessionInterface

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from .health import Health


class Linking(Assembly):
    """The part of an application that compiles its records, and builds URLs from them."""

    # The checks and routes of `health_routes`, where there are any.
    _health: Health | None = None
    # The methods of the request's way that a plan leaves out where they have nothing to do.
    _steps: Mapping[str, Callable[..., Any]] = MappingProxyType({})

    if not TYPE_CHECKING:  # for a checker it would allow any attribute

        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)
            # Replaced on this one application, as a profiler does.
            if name in self._steps or name in _COMPILED_IN:
                self._compiled = self._provisional = None

    # --- compile

    def _compile(self, front: Front | None, path: str | None) -> Compiled:
        """Freeze the records and start the worker, for the first request.

        Requests that come at once may each compile; what they get is the same.

        :param path: The path of the request.
        """
        if self._health is not None and path in self._health.paths:
            # Answered whatever the worker is doing, and without waiting for it.
            return self._compile_provisionally()
        compiled = self._make_compiled(front)
        self.worker.start()
        if not self.worker.starting:  # a request of a startup function, for which the others wait
            self._compiled = compiled
        return compiled

    def _compile_provisionally(self) -> Compiled:
        """Compile for a context by hand: the application can still be added to."""
        if self._provisional is None:
            self._provisional = self._make_compiled(self._make_front())
        return self._provisional

    def _front(self, context: Context, compiled: Compiled | None) -> Front | None:
        """Return what is to be done first with a request, which may be the first of all."""
        if compiled is not None:
            return compiled.front
        context.plan = self._plan(None, [self.hooks])  # for a failure of the startup
        return self._make_front()

    def _make_front(self) -> Front | None:
        """Return what the configuration wants done with a request before anything reads it.

        :raises ConfigError: for a value that cannot be used, whatever its key is.
        """
        check_types(self.config)
        correct = correction(self.config["TRUSTED_PROXIES"])
        log = None
        if self.config["ACCESS_LOG"] is not None:
            from .access import access_log

            log = access_log(self.config["ACCESS_LOG"], self.logger.warning)
        return None if correct is None and log is None else Front(correct, log)

    def _make_compiled(self, front: Front | None) -> Compiled:
        """Return the records in the form that requests use.

        :raises SetupError: for what can be seen to fail already.
        """
        if self._health is not None:
            self._health.refuse_unasked()
        for rule in self._rules_without_views():
            if not rule.build_only and rule.redirect_to is None:
                raise SetupError(
                    f"The rule {rule.rule!r} has the endpoint {rule.endpoint!r}, which no view"
                    f" function belongs to: add one with @app.endpoint({rule.endpoint!r})."
                )
        plans = Plans(self._plan_of)
        if self.debug or self.testing:
            from .debug import check_views

            check_views(self, {endpoint: plans[endpoint] for endpoint in self.view_functions})
        url_map = self._matched_map()
        links = Links(url_map, self._injects)
        return Compiled(Matcher(url_map, plans.target), plans, self._misses(), links, front)

    def _rules_without_views(self) -> Iterator[Rule]:
        url_map, views = self.url_map, self.view_functions
        if not isinstance(url_map, URLMap):
            return (rule for rule in url_map.iter_rules() if rule.endpoint not in views)
        # Werkzeug's own way sorts the rules first.
        endpoints = [endpoint for endpoint in url_map.by_endpoint if endpoint not in views]
        return (rule for endpoint in endpoints for rule in url_map.by_endpoint[endpoint])

    def _plan_of(self, endpoint: str) -> Plan:
        health = self._health
        if health is not None and endpoint in health.endpoints:
            return self._plan(self.view_functions[endpoint], [health.hooks])
        return self._plan(self.view_functions[endpoint], self._scopes(endpoint.rpartition(".")[0]))

    def _plan(
        self,
        view: View | None,
        scopes: Sequence[Hooks],
        error_scopes: Sequence[Hooks] | None = None,
    ) -> Plan:
        overridden = {
            name
            for name, own in self._steps.items()
            if getattr(getattr(self, name), "__func__", None) is not own
        }
        plain = (
            self.response_class.has_short_road()
            and type(self.json).response is JSONProvider.response
            and "response" not in self.json.__dict__
        )
        pending = getattr(self.session_interface.is_pending, "__func__", None)
        asks_sessions = pending is not SecureCookieSessionInterface.is_pending
        called = self.ensure_sync
        return Plan(view, scopes, error_scopes, called, overridden, plain, asks_sessions)

    def _matched_map(self) -> Map:
        # Only the adapter looks at the Host, which subdomains and trusted hosts depend on; and one
        # of somebody's own may see another path.
        by_werkzeug = (
            self.subdomain_matching
            or self.request_class.trusted_hosts is not None
            or getattr(self.create_url_adapter, "__func__", None) is not Linking.create_url_adapter
        )
        return Map() if by_werkzeug else self.url_map

    def _scopes(self, blueprint: str) -> tuple[Hooks, ...]:
        """Return the hooks of the application, and of the blueprints from the outermost inwards."""
        scopes = self._scopes_by_name.get(blueprint)
        if scopes is None:
            parts = blueprint.split(".")
            names = (".".join(parts[: end + 1]) for end in range(len(parts)))
            inner = (self.blueprints[name].hooks for name in names if name in self.blueprints)
            scopes = (self.hooks, *inner)
            if blueprint in self.blueprints:  # nothing of a client's ends up in here
                self._scopes_by_name[blueprint] = scopes
        return scopes

    def _misses(self) -> Misses:
        misses = Misses(self._plan(None, [self.hooks]))
        for name, (prefix, subdomain) in self._places.items():
            if prefix and prefix.strip("/"):
                blueprints = map(for_misses, self._scopes(name)[1:])
                plan = self._plan(None, [self.hooks], [self.hooks, *blueprints])
                misses.add(prefix, plan, subdomain)
        return misses

    # --- URLs

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Return what matches and builds URLs for a request, or without one by `SERVER_NAME`.

        :param request: The request, or None outside of one.
        :returns: None outside of a request without `SERVER_NAME`.
        :raises werkzeug.exceptions.SecurityError: for a host that is not among `TRUSTED_HOSTS`, but
            for the URLs of `health_routes`, which are asked by the address of a process.
        """
        server_name = self.config["SERVER_NAME"]
        if request is not None:
            if self.config["TRUSTED_HOSTS"] is not None:
                request.trusted_hosts = self.config["TRUSTED_HOSTS"]
            if request.trusted_hosts is not None and not self._asks_how_it_is(request.environ):
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

    def _asks_how_it_is(self, environ: WSGIEnvironment) -> bool:
        """Whether the URL is one of `health_routes`, which answer the same whatever the host."""
        return self._health is not None and environ.get("PATH_INFO") in self._health.paths

    def url_for(
        self,
        /,
        endpoint: str,
        *,
        _anchor: str | None = None,
        _method: str | None = None,
        _scheme: str | None = None,
        _external: bool | None = None,
        **values: Any,
    ) -> str:
        """Build the URL of an endpoint; see :func:`microweb.url_for`.

        :param endpoint: The view's name, after its blueprint's and a dot.
        :param _anchor: The fragment behind ``#``.
        :param _method: Choose the rule for this method.
        :param _scheme: The scheme of a whole URL.
        :param _external: Build a whole URL.
        :param values: Values for the variables of the rule, and for the query string.
        :raises SetupError: outside of a request, where `SERVER_NAME` is not set.
        :raises ValueError: for `_scheme` with ``_external=False``, or values that do not fit.
        :raises werkzeug.routing.BuildError: where no rule of the endpoint takes the values.
        """
        if not isinstance(endpoint, str):
            named = getattr(endpoint, "__name__", None)
            remedy = f": write url_for({named!r})" if named else ", text such as 'blog.index'"
            raise TypeError(f"url_for takes the name of an endpoint, and not {endpoint!r}{remedy}.")
        injected = False
        context = current.get()
        if context is not None and context.environ is not None:
            if endpoint[:1] == ".":
                request = context.request_if_made  # a hook may have given it another rule
                rule = context.rule if request is None else request.url_rule
                blueprint = "" if rule is None else rule.endpoint.rpartition(".")[0]
                endpoint = f"{blueprint}{endpoint}" if blueprint else endpoint[1:]
            if _method is None and _scheme is None and not _external:
                url, injected = self._build_relative(context, endpoint, values)
                if url is not None:
                    return url if _anchor is None else _with_anchor(url, _anchor)
            adapter = context.url_adapter
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
        if not injected:
            self.inject_url_defaults(endpoint, values)
        try:
            url = adapter.build(
                endpoint, values, method=_method, url_scheme=_scheme, force_external=external
            )
        except BuildError as error:
            values.update(_anchor=_anchor, _method=_method, _scheme=_scheme, _external=external)
            return self.handle_url_build_error(error, endpoint, values)
        except (TypeError, ValueError) as error:  # of a converter
            raise ValueError(
                f"url_for({endpoint!r}) cannot write the values {values!r} into the URL: {error}"
            ) from error
        return url if _anchor is None else _with_anchor(url, _anchor)

    def _build_relative(
        self, context: Context, endpoint: str, values: dict[str, Any]
    ) -> tuple[str | None, bool]:
        """Return a relative URL, or None where Werkzeug must; and whether values were injected."""
        compiled = self._compiled
        link = None if compiled is None else compiled.links[endpoint]  # or there are rules to come
        if link is None:
            return None, False
        adapter = context.__dict__.get("url_adapter")
        if adapter is not None:  # it has refused the hosts that are not trusted
            if type(adapter) is not MapAdapter or adapter.map is not self.url_map:
                return None, False
            root = None if adapter.subdomain else adapter.script_name
        elif self.config["TRUSTED_HOSTS"] is not None:
            return None, False
        else:
            root = (context.environ or {}).get("SCRIPT_NAME") or ""
        if root is None or not root.isascii():
            return None, False
        builder, injects = link
        if injects:
            self.inject_url_defaults(endpoint, values)
        path = builder.build(values)
        return (None if path is None else f"{root.rstrip('/')}/{path}"), injects

    def _injects(self, endpoint: str) -> bool:
        """Whether `url_defaults` functions, or a method in their place, add values to a URL."""
        injecting = getattr(self.inject_url_defaults, "__func__", None)
        return injecting is not Linking.inject_url_defaults or any(
            scope.url_defaults for scope in self._scopes(endpoint.rpartition(".")[0])
        )

    def redirect(self, location: str, code: int = 302) -> Response:
        """Return a redirect; :func:`microweb.redirect` calls this, so override it to change both.

        :param location: The URL.
        :param code: The status code (RFC 9110 section 15.4).
        """
        return redirect(location, code, self.response_class)  # type: ignore[return-value]  # one

    def inject_url_defaults(self, endpoint: str, values: dict[str, Any]) -> None:
        """Let the `url_defaults` functions of the endpoint's scopes add values.

        :param endpoint: The endpoint that a URL is built for.
        :param values: The values so far; the functions change them in place.
        """
        for scope in self._scopes(endpoint.rpartition(".")[0]):
            for function in scope.url_defaults:
                function(endpoint, values)

    def handle_url_build_error(
        self, error: BuildError, endpoint: str, values: dict[str, Any]
    ) -> str:
        """Ask the `url_build_error_handlers` for a URL, or raise the error.

        :param error: Why no URL can be built.
        :param endpoint: The endpoint.
        :param values: What `url_for` was given; its own parameters have their underscore.

        .. code-block:: python

            def ask_the_shop(error, endpoint, values):
                return SHOP_URLS.get(endpoint)  # None asks the next one

            app.url_build_error_handlers.append(ask_the_shop)
        """
        for handler in self.url_build_error_handlers:
            try:
                url = handler(error, endpoint, values)
            except BuildError as later:
                error = later
            else:
                if url is not None:
                    return url
        raise error


#: What the compiled records depend on, besides the steps of a request.
_COMPILED_IN = "inject_url_defaults", "json", "response_class", "session_interface"

#: What may stand in a fragment as it is (RFC 3986 section 3.5).
_ANCHOR_SAFE = "%!#$&'()*+,/:;=?@"


def _with_anchor(url: str, anchor: str) -> str:
    return f"{url}#{quote(anchor, safe=_ANCHOR_SAFE)}"
