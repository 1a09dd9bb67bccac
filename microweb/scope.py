"""The decorators that write records, once for the application and for blueprints."""

from __future__ import annotations

import os
from collections.abc import Callable
from inspect import iscoroutinefunction, isfunction
from typing import Any, Literal, TypeVar, overload

from werkzeug.exceptions import HTTPException, default_exceptions

from .errors import SetupError, describe
from .folders import Folders
from .routing import Route, View, make_route
from .typing import (
    AfterRequestCallable,
    BeforeRequestCallable,
    ErrorHandlerCallable,
    ErrorKey,
    TeardownCallable,
    TemplateContextProcessorCallable,
    URLDefaultCallable,
    URLValuePreprocessorCallable,
)

V = TypeVar("V", bound=View)
F = TypeVar("F", bound=Callable[..., Any])
Before = TypeVar("Before", bound=BeforeRequestCallable)
After = TypeVar("After", bound=AfterRequestCallable)
Teardown = TypeVar("Teardown", bound=TeardownCallable)
Handler = TypeVar("Handler", bound=ErrorHandlerCallable)
ContextProcessor = TypeVar("ContextProcessor", bound=TemplateContextProcessorCallable)
ValuePreprocessor = TypeVar("ValuePreprocessor", bound=URLValuePreprocessorCallable)
URLDefaults = TypeVar("URLDefaults", bound=URLDefaultCallable)

#: A filter, test or global for templates: its kind, its name and the function.
TemplateFunction = tuple[Literal["filters", "tests", "globals"], str, Callable[..., Any]]


class Hooks:
    """The functions that a scope runs around its views, in the order of registration."""

    def __init__(self) -> None:
        self.url_value_preprocessors: list[Callable[[str | None, dict[str, Any] | None], None]] = []
        self.before: list[Callable[[], Any]] = []
        self.after: list[Callable[[Any], Any]] = []
        self.teardown: list[Callable[[BaseException | None], None]] = []
        self.url_defaults: list[Callable[[str, dict[str, Any]], None]] = []
        self.context_processors: list[Callable[[], dict[str, Any]]] = []
        #: By status code (None for any) and class.
        self.error_handlers: dict[ErrorKey, Callable[[Any], Any]] = {}


class Scope(Folders):
    """A place that views, hooks and error handlers are registered on: `App` or `Blueprint`.

    Registering appends a record; nothing else happens until the application compiles the records.

    The parameters are those of :class:`Folders`.
    """

    def __init__(
        self,
        import_name: str,
        static_folder: str | os.PathLike[str] | None = None,
        static_url_path: str | None = None,
        template_folder: str | os.PathLike[str] | None = None,
        root_path: str | None = None,
    ) -> None:
        super().__init__(import_name, static_folder, static_url_path, template_folder, root_path)
        #: What `route` and its like wrote.
        self.routes: list[Route] = []
        #: What `before_request`, `errorhandler` and their like wrote.
        self.hooks = Hooks()

    def _check_open(self, call: str) -> None:
        """Raise a `SetupError` where it is too late to register anything."""
        raise NotImplementedError

    def _append(self, call: str, records: list[Any], record: Any) -> None:
        self._check_open(call)
        if not callable(record) and not isinstance(record, tuple):
            raise SetupError(
                f"{call} takes a function, and not {record!r}: does a decorator below it lack its"
                " return?"
            )
        records.append(record)

    # --- routes

    def route(self, rule: str, **options: Any) -> Callable[[V], V]:
        """Register the decorated view for a URL rule.

        :param rule: The pattern: ``/users/<int:id>``. Converters are `string` (the default), `int`,
            `float`, `path`, `any` and `uuid`.
        :param options: `methods` (a list; GET without it), `endpoint` (the function's name without
            it), `max_content_length` (bytes), and what Werkzeug's `Rule` takes: `defaults`,
            `strict_slashes`, `merge_slashes`, `redirect_to`, `subdomain`, `host`, `alias`…
        :raises SetupError: for a rule or an option that cannot be used.

        .. code-block:: python

            @app.route("/users/<int:id>", methods=["GET", "DELETE"])
            def user(id): ...
        """

        _check_rule("route", rule)

        def decorator(view: V) -> V:
            _check_view(rule, view)
            self.add_url_rule(rule, options.pop("endpoint", None), view, **options)
            return view

        return decorator

    def get(self, rule: str, **options: Any) -> Callable[[V], V]:
        """Register the decorated view for GET (and so for HEAD); see :meth:`route`.

        :param rule: The URL rule.
        :param options: Those of :meth:`route`, except for `methods`.
        :raises TypeError: for `methods`, as the other decorators of one method do.

        .. code-block:: python

            @app.get("/users/<int:id>")
            def user(id):
                return {"id": id}
        """
        return self._method_route("GET", rule, options)

    def post(self, rule: str, **options: Any) -> Callable[[V], V]:
        """Register the decorated view for POST; see :meth:`route`.

        :param rule: The URL rule.
        :param options: Those of :meth:`route`, except for `methods`.

        .. code-block:: python

            @app.post("/users", max_content_length=10_000)
            def add_user():
                return request.get_json(), 201
        """
        return self._method_route("POST", rule, options)

    def put(self, rule: str, **options: Any) -> Callable[[V], V]:
        """Register the decorated view for PUT; see :meth:`route`.

        :param rule: The URL rule.
        :param options: Those of :meth:`route`, except for `methods`.
        """
        return self._method_route("PUT", rule, options)

    def delete(self, rule: str, **options: Any) -> Callable[[V], V]:
        """Register the decorated view for DELETE; see :meth:`route`.

        :param rule: The URL rule.
        :param options: Those of :meth:`route`, except for `methods`.
        """
        return self._method_route("DELETE", rule, options)

    def patch(self, rule: str, **options: Any) -> Callable[[V], V]:
        """Register the decorated view for PATCH (RFC 5789); see :meth:`route`.

        :param rule: The URL rule.
        :param options: Those of :meth:`route`, except for `methods`.
        """
        return self._method_route("PATCH", rule, options)

    def query(self, rule: str, **options: Any) -> Callable[[V], V]:
        """Register the decorated view for QUERY, a GET with a body; see :meth:`route`.

        :param rule: The URL rule.
        :param options: Those of :meth:`route`, except for `methods`.

        .. code-block:: python

            @app.query("/users")
            def find_users():
                return search(**request.get_json())
        """
        return self._method_route("QUERY", rule, options)

    def _method_route(self, method: str, rule: str, options: dict[str, Any]) -> Callable[[V], V]:
        _check_rule(method.lower(), rule)
        if "methods" in options:
            raise TypeError(
                f"{method.lower()}({rule!r}) answers {method} only: use route() with methods=."
            )
        return self.route(rule, methods=[method], **options)

    def add_url_rule(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: View | None = None,
        provide_automatic_options: bool | None = None,
        **options: Any,
    ) -> None:
        """Register a view for a URL rule; :meth:`route` is the same as a decorator.

        :param rule: The URL rule; see :meth:`route`.
        :param endpoint: The name for `url_for`; the view's name where it is None.
        :param view_func: The view; None where :meth:`endpoint` names it later.
        :param provide_automatic_options: Whether OPTIONS is answered without the view.
        :param options: Those of :meth:`route`, except for `endpoint`.
        :raises SetupError: for a rule or an endpoint that cannot be used.

        .. code-block:: python

            app.add_url_rule("/about", view_func=Page.as_view("about", "about.html"))
        """
        self._check_open("add_url_rule")
        if provide_automatic_options is not None:
            options["provide_automatic_options"] = provide_automatic_options
        self._add_route(make_route(rule, endpoint, view_func, options))

    def endpoint(self, endpoint: str) -> Callable[[F], F]:
        """Make the decorated function the view of an endpoint that a rule has already.

        :param endpoint: The name that `add_url_rule` was given.

        .. code-block:: python

            app.add_url_rule("/about", "about")

            @app.endpoint("about")
            def about_us(): ...
        """

        def decorator(f: F) -> F:
            self._check_open("endpoint")
            self._set_view(endpoint, f)
            return f

        return decorator

    def _add_route(self, route: Route) -> None:
        self.routes.append(route)

    def _set_view(self, endpoint: str, view: View) -> None:
        raise NotImplementedError

    # --- hooks

    def before_request(self, f: Before) -> Before:
        """Call the function before each request; what it returns, if not None, is the answer.

        Functions run in the order of their registration, until one of them answers.

        .. code-block:: python

            @app.before_request
            def require_login():
                if "user" not in session and request.endpoint != "login":
                    return redirect(url_for("login"))
        """
        self._append("before_request", self.hooks.before, f)
        return f

    def after_request(self, f: After) -> After:
        """Pass each response to the function, which returns it or another one.

        Functions run in the opposite order of their registration.

        .. code-block:: python

            @app.after_request
            def add_header(response):
                response.headers["X-Frame-Options"] = "DENY"
                return response
        """
        self._append("after_request", self.hooks.after, f)
        return f

    def teardown_request(self, f: Teardown) -> Teardown:
        """Call the function when a request ends, with its unhandled exception or None.

        For a streamed body this is when the server closes it. All such functions run, also when
        one of them fails: its error is logged and the response stays. They run in the opposite
        order of their registration.

        .. code-block:: python

            @app.teardown_request
            def close_database(error):
                database = g.pop("database", None)
                if database is not None:
                    database.close()
        """
        self._append("teardown_request", self.hooks.teardown, f)
        return f

    def url_value_preprocessor(self, f: ValuePreprocessor) -> ValuePreprocessor:
        """Call the function with endpoint and URL values, before any `before_request`.

        It may change the dict of values. Where no rule matched, both are None.

        .. code-block:: python

            @app.url_value_preprocessor
            def take_language(endpoint, values):
                g.language = values.pop("language", "en") if values else "en"
        """
        self._append("url_value_preprocessor", self.hooks.url_value_preprocessors, f)
        return f

    def url_defaults(self, f: URLDefaults) -> URLDefaults:
        """Call the function with endpoint and values whenever a URL is built; it may add some.

        .. code-block:: python

            @app.url_defaults
            def add_language(endpoint, values):
                values.setdefault("language", g.language)
        """
        self._append("url_defaults", self.hooks.url_defaults, f)
        return f

    def context_processor(self, f: ContextProcessor) -> ContextProcessor:
        """Merge the dict that the function returns into the context of each template.

        Names that `render_template` is given come first.

        .. code-block:: python

            @app.context_processor
            def add_year():
                return {"year": date.today().year}
        """
        self._append("context_processor", self.hooks.context_processors, f)
        return f

    # --- errors

    def errorhandler(
        self, code_or_exception: int | type[Exception]
    ) -> Callable[[Handler], Handler]:
        """Answer an HTTP status code or a class of exceptions with the decorated function.

        The function is called with the exception, and returns what a view may return.

        :param code_or_exception: A status code of an error, such as 404, or a class: its
            subclasses are answered too, unless they have a handler of their own.
        :raises SetupError: for what is neither, saying what is.

        .. code-block:: python

            @app.errorhandler(404)
            def missing(error):
                return render_template("404.html"), 404
        """

        error_key(code_or_exception)  # raises here, where the decorator is written

        def decorator(f: Handler) -> Handler:
            self.register_error_handler(code_or_exception, f)
            return f

        return decorator

    def register_error_handler(
        self, code_or_exception: int | type[Exception], f: Callable[[Any], Any]
    ) -> None:
        """Register an error handler; :meth:`errorhandler` is the same as a decorator.

        :param code_or_exception: A status code or a class of exceptions.
        :param f: The function that answers.
        :raises SetupError: for what is neither a status code nor a class of exceptions.
        """
        self._check_open("register_error_handler")
        if not callable(f):
            raise SetupError(
                f"The error handler of {code_or_exception!r} is {f!r} and not a function."
            )
        self.hooks.error_handlers[error_key(code_or_exception)] = f


class Naming:
    """A decorator that registers a function under its own name or another one.

    It works bare and with parentheses: ``@app.template_filter``, ``@app.template_filter("name")``.

    :param add: Called with the function, and with the name or None.
    """

    def __init__(self, add: Callable[[Any, str | None], None]) -> None:
        self._add = add

    @overload
    def __call__(self, name: F) -> F: ...
    @overload
    def __call__(self, name: str | None = None) -> Callable[[F], F]: ...
    def __call__(self, name: Any = None) -> Any:
        """Register the decorated function."""
        if callable(name):
            self._add(name, None)
            return name

        def decorator(function: F) -> F:
            self._add(function, name)
            return function

        return decorator


def template_name(f: Callable[..., Any], name: str | None) -> str:
    """Return the name that templates know a function by: its own unless one is given.

    :raises SetupError: where it has none, as a `functools.partial`.
    """
    found = name or getattr(f, "__name__", None)
    if not isinstance(found, str) or not callable(f):
        raise SetupError(
            f"{f!r} is no function with a name, for templates to know it by: give a function, and"
            " name= where it has none."
        )
    if iscoroutinefunction(f):
        raise SetupError(
            f"{describe(f)} is asynchronous, and templates do not await: make it a plain function."
        )
    return found


def error_key(code_or_exception: int | type[Exception] | Any) -> ErrorKey:
    """Return the status code (or None) and the class that an error handler is registered for.

    :raises SetupError: for what is neither, saying what is.
    """
    if isinstance(code_or_exception, int):
        try:
            return code_or_exception, default_exceptions[code_or_exception]
        except KeyError:
            raise SetupError(
                f"{code_or_exception} is not an HTTP error: handle one of"
                f" {', '.join(map(str, sorted(default_exceptions)))}, or a class of exceptions."
            ) from None
    if isinstance(code_or_exception, type) and issubclass(code_or_exception, Exception):
        if issubclass(code_or_exception, HTTPException):
            return code_or_exception.code, code_or_exception
        return None, code_or_exception
    if isfunction(code_or_exception):
        raise SetupError(
            "errorhandler needs what it handles: write @app.errorhandler(404) above"
            f" {describe(code_or_exception)}."
        )
    raise SetupError(
        f"{code_or_exception!r} is neither a status code nor a class of exceptions: an error"
        " handler is registered for one of these, as in errorhandler(404)."
    )


def _check_view(rule: str, view: object) -> None:
    if view is None:
        raise SetupError(
            f"What the URL rule {rule!r} stands above is None and not a view: the decorator below"
            " it lacks a `return` of its function."
        )


def _check_rule(call: str, rule: object) -> None:
    if callable(rule):
        raise SetupError(
            f"{call} needs the URL rule: write @app.{call}('/…') above {describe(rule)}."
        )
    if not isinstance(rule, str):
        raise SetupError(f"{call} needs a URL rule, text such as '/', not {rule!r}.")
