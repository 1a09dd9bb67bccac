"""An application outside of its requests: contexts by hand, tests, its processes, running it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextvars import copy_context
from inspect import iscoroutine
from typing import TYPE_CHECKING, Any, TypeVar

from .config import debug_from_environment, load_dotenv_files
from .context import Context, ContextManager, current
from .errors import ConfigError, describe
from .linking import Linking
from .scope import Naming
from .serving import serve
from .worker import check_generator, refuse_generator

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from .health import Health
    from .testing import Client, CliRunner

F = TypeVar("F", bound=Callable[[], Any])


class Working(Linking):
    """The part of an application that is used by hand, and that begins and ends its processes."""

    #: The class of :meth:`test_client`; None for `microweb.testing.Client`.
    test_client_class: type[Client] | None = None
    #: The class of :meth:`test_cli_runner`; None for `microweb.testing.CliRunner`.
    test_cli_runner_class: type[CliRunner] | None = None

    def _opened(self, context: Context) -> None:
        raise NotImplementedError

    def _close(self, context: Context, error: BaseException | None) -> None:
        raise NotImplementedError

    # --- contexts by hand

    def app_context(self) -> ContextManager:
        """Return a context without a request: ``with app.app_context():``.

        .. code-block:: python

            with app.app_context():
                create_tables()  # current_app and g work in it
        """
        return ContextManager(Context(self), self._opened, self._close)

    def request_context(self, environ: WSGIEnvironment) -> ContextManager:
        """Return a context with the request of a WSGI environ.

        :param environ: The environ (PEP 3333).
        """
        return ContextManager(Context(self, environ), self._opened, self._close)

    def copied_context(self, context: Context) -> ContextManager:
        """Return a context with the request of another one, for another thread.

        :param context: The context to share the request and session of; `g` is a new one.
        """
        return ContextManager(context.borrow(), lambda context: None, self._close)

    def test_request_context(self, *args: Any, **kwargs: Any) -> ContextManager:
        """Return a context with a request made up for a test.

        :param args: A path such as ``"/?page=2"``, and what
            :class:`werkzeug.test.EnvironBuilder` takes: `method`, `data`, `json`, `headers`…
        :param kwargs: The same by name.

        .. code-block:: python

            with app.test_request_context("/users/7", method="POST"):
                assert request.view_args == {"id": 7}
        """
        from .testing import make_environ

        return self.request_context(make_environ(self, *args, **kwargs))

    def test_client(self, use_cookies: bool = True, **kwargs: Any) -> Client:
        """Return a client that calls the application without a server; see `microweb.testing`.

        :param use_cookies: Keep cookies from one request to the next.
        :param kwargs: For :attr:`test_client_class`.

        .. code-block:: python

            assert app.test_client().get("/hello/you").json == {"hello": "you"}
        """
        from .testing import Client

        return (self.test_client_class or Client)(
            self, self.response_class, use_cookies=use_cookies, **kwargs
        )

    def test_cli_runner(self, **kwargs: Any) -> CliRunner:
        """Return what calls the application's commands in a test; see `microweb.testing`.

        :param kwargs: For :class:`click.testing.CliRunner`.
        """
        from .testing import CliRunner

        return (self.test_cli_runner_class or CliRunner)(self, **kwargs)

    # --- the life of a process

    def before_serving(self, f: F) -> F:
        """Call the function once in each worker process, before its first request.

        Under uWSGI that is right after the fork, elsewhere with the first request; in a test it is
        ``with app.test_client()``. The function may be asynchronous, and has an application
        context. Where it fails, the request does, and the next one tries again.

        It may send requests to the application, which see it as far as it has started. Those of
        others wait for the start, and those that it sends through a thread of its own as well.

        :raises SetupError: for a function with a `yield`, which is for :meth:`while_serving`, and
            where this process has started already.

        .. code-block:: python

            @app.before_serving
            def connect():
                app.extensions["pool"] = make_pool()
        """
        refuse_generator("before_serving", f)
        self.worker.refuse_late("before_serving")
        self._append("before_serving", self.worker.before, f)
        return f

    def after_serving(self, f: F) -> F:
        """Call the function once at the end of each worker process that has started.

        Background tasks are done by then, as are asynchronous views; see :meth:`shutdown`. All
        such functions run: the failure of one is logged.

        At the exit of a process it runs when the main thread has ended and before Python waits for
        the other threads, as asyncio could not use executors any more behind that. Servers end
        their requests before; a program that answers requests in threads of its own, which are no
        daemons, has to `join` them at the end of its main thread.

        :raises SetupError: for a function with a `yield`, which is for :meth:`while_serving`, and
            where this process has started already.

        .. code-block:: python

            @app.after_serving
            def disconnect():
                app.extensions["pool"].close()
        """
        refuse_generator("after_serving", f)
        self.worker.refuse_late("after_serving")
        self._append("after_serving", self.worker.after, f)
        return f

    def while_serving(self, f: F) -> F:
        """Run a generator function up to its `yield` at the start, and from there at the end.

        It comes after the functions of `before_serving`, and ends before those of `after_serving`,
        the last one first. It may be asynchronous; both of its parts are one task then, so that a
        task group may reach across the `yield`.

        :raises SetupError: for a function without a `yield`, and where this process has started
            already.

        .. code-block:: python

            @app.while_serving
            async def client():
                async with httpx.AsyncClient() as app.extensions["http"]:
                    yield
        """
        check_generator(f)
        self.worker.refuse_late("while_serving")
        self._append("while_serving", self.worker.during, f)
        return f

    def startup(self) -> bool:
        """Start this process's worker now, if it has not started: run the functions of the start.

        :returns: Whether it was this call that started it, and has to call :meth:`shutdown`.
        """
        return self.worker.start()

    def shutdown(self) -> None:
        """End this process's worker: background tasks, functions of the end, the event loop.

        A server's process does so by itself when it exits. A request afterwards starts it again.

        Asynchronous views and bodies that are under way (but in debug mode and tests) and
        background tasks have `BACKGROUND_TASK_TIMEOUT` seconds first; what runs on the event loop
        is cancelled then. What asks to exit in a function of the end (`SystemExit`,
        `KeyboardInterrupt`) is raised when everything has ended.

        :raises SetupError: in a startup function.
        """
        self.worker.stop()

    def add_background_task(self, f: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call a function after the response, in a thread of this process.

        In a request it begins when the request has ended, and has a copy of its context: `request`
        and `session` as they were (read what is needed of the body before), a new `g`, and the
        teardown functions at its end. Its errors are logged. A shutdown waits
        `BACKGROUND_TASK_TIMEOUT` seconds for the tasks; one that must not be lost belongs into a
        queue of its own, outside of the process.

        :param f: The function; it may be asynchronous.
        :param args: Its arguments.
        :param kwargs: Its keyword arguments.
        :raises SetupError: where `BACKGROUND_TASK_QUEUE` tasks are waiting or running.

        .. code-block:: python

            @app.post("/orders")
            def order():
                app.add_background_task(send_mail, request.form["email"])
                return "", 202
        """
        if not callable(f):
            if iscoroutine(f):
                f.close()  # or Python would warn that nothing awaited it
            raise TypeError(
                "add_background_task takes a function, and not what a call of it returned"
                f" ({f!r}): write add_background_task(function, argument)."
            )
        context = current.get()
        in_request = context is not None and context.environ is not None and context.app is self
        if context is not None and in_request:
            context.request  # noqa: B018 - made now, so that there is one to share
            own = context.borrow()
        else:
            own = Context(self)
        call = self.ensure_sync(f)

        def task() -> None:
            current.set(own)  # in a copy of the variables, which goes with the task
            try:
                try:
                    if own.environ is None:
                        self._opened(own)
                    call(*args, **kwargs)
                except BaseException as error:
                    self._close(own, error)
                    raise
                self._close(own, None)
            except BaseException:  # sys.exit() would end a thread of the pool, and nothing else
                self.logger.exception("The background task %s failed", describe(f))

        variables = copy_context()
        begin = self.worker.announce(lambda: variables.run(task))
        if context is None or not in_request:
            begin()
        else:
            context.at_end = [*context.at_end, begin]

    # --- how a process is

    def health_routes(self, live: str = "/healthz", ready: str = "/readyz", **options: Any) -> None:
        """Add two routes by which an orchestrator or a load balancer asks how a process is.

        `live` answers 200 as long as the process answers at all, also while it starts or ends.
        `ready` answers 200 where it can take requests; otherwise 503, with the names of what is in
        the way: the checks of :meth:`health_check` that fail, ``"startup"`` while the functions of
        the start run or where they fail, ``"shutdown"`` from the moment that :meth:`shutdown`
        begins. It starts a process that has not started.

        The answer is that of the one process that gets the request, is never stored
        (``Cache-Control: no-store``), and comes without the hooks and error handlers of the
        application, which may ask for a login. `TRUSTED_HOSTS` does not count: Kubernetes and load
        balancers ask by the address of a process. With `subdomain_matching` or `host_matching`
        give ``subdomain="<any>"`` or ``host="<any>"`` for that. The endpoints are `health_live` and
        `health_ready`.

        :param live: The URL of the one.
        :param ready: The URL of the other one.
        :param options: Those of :meth:`route`, such as `subdomain` or `host`.
        :raises SetupError: for a second call, or a URL that is taken.

        .. code-block:: python

            app.health_routes()  # {"status": "ok"}, or
            # 503 {"status": "unavailable", "failed": ["database"]}
        """
        self._check_open("health_routes")
        self._own_health().add_routes(live, ready, options)

    @property
    def health_check(self) -> Naming:
        """Let the decorated function decide, too, whether the process is ready.

        It returns None or True where all is well, False (or it raises) where not; why, the log
        says and the client never gets to know. It may be asynchronous, and runs at each request
        for readiness, so it should be quick. Nothing ends a check that hangs, as a thread cannot
        be stopped from outside: give what it waits for a timeout of its own.

        .. code-block:: python

            @app.health_check  # or @app.health_check("another name")
            def database():
                connect(timeout=2).execute("SELECT 1")
        """
        return Naming(self._add_health_check)

    def _add_health_check(self, check: Callable[[], Any], name: str | None) -> None:
        self._check_open("health_check")
        self._own_health().add_check(check, name)

    def _own_health(self) -> Health:
        if self._health is None:
            from .health import Health

            self._health = Health(self)
        return self._health

    # --- run

    def run(
        self,
        host: str | None = None,
        port: int | None = None,
        debug: bool | None = None,
        load_dotenv: bool = True,
        **options: Any,
    ) -> None:
        """Serve the application on this machine, for development.

        In debug mode the server restarts when a file changes and shows a debugger in the browser.

        :param host: The address to listen on; ``127.0.0.1``, or the host of `SERVER_NAME`.
        :param port: The port; 8000, or the next free one, or the port of `SERVER_NAME`.
        :param debug: Switch debug mode on or off first.
        :param load_dotenv: Read ``.env`` and ``.microwebenv`` first, if python-dotenv is there.
        :param options: Passed to :func:`werkzeug.serving.run_simple`.
        :raises SystemExit: with a message, where the wanted port is taken.

        The command ``microweb run`` serves the application by itself, so that the call does
        nothing under it.
        """
        if os.environ.get("MICROWEB_RUN_FROM_CLI") == "true":
            return
        if load_dotenv:
            load_dotenv_files()
            if "MICROWEB_DEBUG" in os.environ:
                self.debug = debug_from_environment()
        if debug is not None:
            self.debug = debug
        if port is not None:
            try:
                port = int(port)
            except (TypeError, ValueError):
                raise TypeError(f"The port must be a number, and not {port!r}.") from None
        options.setdefault("use_reloader", self.debug)
        options.setdefault("use_debugger", self.debug)
        options.setdefault("threaded", True)
        server_host, _, server_port = (self.config["SERVER_NAME"] or "").partition(":")
        if port is None and server_port:
            port = _port_of(server_port)
        application: Any = self
        serve(application, self.name, host or server_host or None, port, **options)


def _port_of(text: str) -> int:
    if not text.isdecimal():
        raise ConfigError(
            "SERVER_NAME", f"SERVER_NAME has the port {text!r}, which is not a number."
        )
    return int(text)
