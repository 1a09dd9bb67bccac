"""Testing an application without a server.

.. code-block:: python

    client = app.test_client()
    assert client.get("/").text == "Hello!"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from copy import copy
from functools import cache
from importlib.metadata import version
from io import BytesIO
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click.testing
import werkzeug.test
from werkzeug.test import TestResponse
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wsgi import ClosingIterator

from .commands import ScriptInfo
from .errors import SetupError
from .response import Response
from .sessions import SessionMixin

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class EnvironBuilder(werkzeug.test.EnvironBuilder):
    """Makes the environ of a request to an application, by its configuration.

    :param app: The application.
    :param path: The path, with a query string if there is one; a whole URL sets the host too.
    :param base_url: Scheme, host and root of the URL, in place of those of the configuration.
    :param subdomain: Comes before `SERVER_NAME`.
    :param url_scheme: ``"https"``, for example; `PREFERRED_URL_SCHEME` without it.
    :param kwargs: What :class:`werkzeug.test.EnvironBuilder` takes: `method`, `data`, `json`…
    :raises TypeError: for `base_url` with `subdomain` or `url_scheme`.
    """

    def __init__(
        self,
        app: Any,
        path: str = "/",
        base_url: str | None = None,
        subdomain: str | None = None,
        url_scheme: str | None = None,
        **kwargs: Any,
    ) -> None:
        if base_url is None:
            url = urlsplit(path)
            host = app.config["SERVER_NAME"] or "localhost"
            host = url.netloc or (f"{subdomain}.{host}" if subdomain else host)
            scheme = url.scheme or url_scheme or app.config["PREFERRED_URL_SCHEME"]
            base_url = f"{scheme}://{host}/{app.config['APPLICATION_ROOT'].lstrip('/')}"
            path = f"{url.path}?{url.query}" if url.query else url.path
        elif subdomain is not None or url_scheme is not None:
            raise TypeError("base_url has host and scheme: leave out subdomain and url_scheme.")
        self.app = app
        super().__init__(path, base_url, **kwargs)

    def json_dumps(self, obj: Any, **kwargs: Any) -> str:
        """Write JSON as the application does.

        :param obj: The document.
        :param kwargs: For the application's JSON provider.
        """
        text: str = self.app.json.dumps(obj, **kwargs)
        return text


def make_environ(app: Any, *args: Any, **kwargs: Any) -> WSGIEnvironment:
    """Return the environ that :class:`EnvironBuilder` makes of the arguments.

    :param app: The application.
    """
    builder = EnvironBuilder(app, *args, **kwargs)
    try:
        return builder.get_environ()
    finally:
        builder.close()


class Client(werkzeug.test.Client):
    """A browser without a network: it calls the application and keeps its cookies.

    ``get``, ``post`` and their like take a path and the arguments of :class:`EnvironBuilder`, and
    return a response with `status_code`, `text`, `json`, `headers`, `history`…

    Inside ``with client:`` the context of the last request stays open, so that a test can look at
    `request`, `session` and `g`; its background tasks begin when the next request comes, or when
    the block ends. The functions of `before_serving` have run when the block begins; when it ends,
    background tasks are waited for and the functions of `after_serving` run.

    :param application: The application.
    :param response_wrapper: The class of the responses.
    :param use_cookies: Keep cookies from one request to the next (RFC 6265).
    :param allow_subdomain_redirects: Follow redirects to a subdomain of the host.

    .. code-block:: python

        with app.test_client() as client:
            client.post("/login", data={"name": "ada"}, follow_redirects=True)
            assert session["user"] == "ada"
    """

    application: Any

    def __init__(
        self,
        application: Any,
        response_wrapper: type[Response] | None = None,
        use_cookies: bool = True,
        allow_subdomain_redirects: bool = False,
    ) -> None:
        super().__init__(application, response_wrapper, use_cookies, allow_subdomain_redirects)
        self._use_cookies = use_cookies
        #: Goes into the environ of every request.
        self.environ_base: dict[str, Any] = {
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_USER_AGENT": _user_agent(),
        }
        self._keeping = False
        self._began = False
        # The last body was a stream, whose request goes on.
        self._streaming = False
        # A session transaction only borrows the cookies.
        self._visiting = False
        self._kept = ExitStack()
        # The contexts of requests that have ended and wait to be made current again.
        self._ended: list[AbstractContextManager[Any]] = []

    def open(
        self,
        *args: Any,
        buffered: bool = False,
        follow_redirects: bool = False,
        **kwargs: Any,
    ) -> TestResponse:
        """Send a request, and return the response.

        :param args: A path, an environ, a builder or a request; then what
            :class:`EnvironBuilder` takes.
        :param buffered: Read a streamed body to its end, and close it.
        :param follow_redirects: Follow redirects; the responses on the way are in `history`.
        :param kwargs: What :class:`EnvironBuilder` takes by name.

        .. code-block:: python

            response = client.open("/notes", method="PUT", json={"text": "milk"})
        """
        builder = self._builder(args, kwargs)
        try:
            request = builder.get_request()
        finally:
            builder.close()
        response = super().open(request, buffered=buffered, follow_redirects=follow_redirects)
        body = request.environ["wsgi.input"]
        if builder.input_stream is None and not self._streaming and not isinstance(body, BytesIO):
            body.close()  # what Werkzeug writes larger forms into
        response.json_module = self.application.json
        return response

    def _builder(self, args: Any, kwargs: Any) -> werkzeug.test.EnvironBuilder:
        """Return what makes the environ of a request, with :attr:`environ_base` in it."""
        given = args[0] if args else None
        if isinstance(given, WerkzeugRequest):
            given = given.environ
        if isinstance(given, dict):
            kwargs["environ_base"] = self.environ_base
            return EnvironBuilder.from_environ(given, app=self.application, **kwargs)
        if isinstance(given, werkzeug.test.EnvironBuilder):
            builder = copy(given)
            builder.environ_base = {**self.environ_base, **(given.environ_base or {})}
            return builder
        kwargs["environ_base"] = {**self.environ_base, **kwargs.get("environ_base", {})}
        return EnvironBuilder(self.application, *args, **kwargs)

    def run_wsgi_app(self, environ: WSGIEnvironment, buffered: bool = False) -> Any:
        """Call the application, after closing what is open of the request before.

        :param environ: The WSGI environ.
        :param buffered: Read a streamed body to its end, and close it.
        :returns: The body, the status line and the headers.
        """
        if self._visiting:
            return super().run_wsgi_app(environ, buffered)
        self._kept.close()
        body = environ["wsgi.input"]
        if self._keeping:
            environ["microweb.keep_context"] = self._ended.append
        try:
            chunks, status, headers = super().run_wsgi_app(environ, buffered)
        finally:
            self._keep_open()
        if status[:3] in ("307", "308") and body.seekable():
            body.seek(0)  # the redirected request sends it again
        self._streaming = hasattr(chunks, "close")
        if self._streaming:
            # The request of a stream ends when the test closes it.
            chunks = ClosingIterator(chunks, self._keep_open)
        return chunks, status, headers

    def _keep_open(self) -> None:
        """Make the contexts of requests that have ended current again, until the next request."""
        while self._ended:
            manager = self._ended.pop(0)
            if self._keeping:
                self._kept.enter_context(manager)
            else:  # a stream that was closed after the block
                with manager:
                    pass

    def __enter__(self) -> Client:
        if self._keeping:
            raise SetupError("`with client:` cannot be used inside itself.")
        self._began = self.application.startup()
        self._keeping = True
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._keeping = False
        try:
            self._kept.close()
        finally:
            if self._began:
                self.application.shutdown()

    @contextmanager
    def session_transaction(self, *args: Any, **kwargs: Any) -> Iterator[SessionMixin]:
        """Read and change the session as the client's next request will find it.

        :param args: What a request takes: the path and host decide which cookies there are.
        :param kwargs: The same by name.
        :raises SetupError: where the client keeps no cookies, or the application has no key.

        .. code-block:: python

            with client.session_transaction() as session:
                session["user"] = "ada"
        """
        if not self._use_cookies:
            raise SetupError("A client with use_cookies=False has no session to change.")
        app = self.application
        environ = self._visit(_empty_answer, args, kwargs)
        with app.request_context(environ) as context:
            session = context.session
            if app.session_interface.is_null_session(session):
                raise SetupError(
                    "There is no session to change: the application needs a SECRET_KEY."
                )
            yield session
            response = app.response_class()
            app.session_interface.save_session(app, session, response)
        self._visit(response, args, kwargs)

    def _visit(
        self, answer: Callable[..., Iterable[bytes]], args: Any, kwargs: Any
    ) -> WSGIEnvironment:
        """Send a request to another application with this client's cookies; return its environ."""
        environ = make_environ(self.application, *args, **kwargs)
        seen: list[WSGIEnvironment] = []

        def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            seen.append(environ)
            return answer(environ, start_response)

        own, self.application = self.application, application
        self._visiting = True
        try:
            super().open(environ, buffered=True)
        finally:
            self.application = own
            self._visiting = False
        return seen[0]


@cache  # the version is read from a file
def _user_agent() -> str:
    return f"Werkzeug/{version('werkzeug')}"


class CliRunner(click.testing.CliRunner):
    """Calls commands as the command line would, and catches what they print.

    :param app: The application whose commands they are.
    :param kwargs: For :class:`click.testing.CliRunner`.

    .. code-block:: python

        result = app.test_cli_runner().invoke(args=["create-user", "ada"])
        assert "Created ada." in result.output
    """

    def __init__(self, app: Any, **kwargs: Any) -> None:
        self.app = app
        super().__init__(**kwargs)

    def invoke(  # type: ignore[override]  # the command may be left out
        self, cli: Any = None, args: Any = None, **kwargs: Any
    ) -> click.testing.Result:
        """Call a command.

        :param cli: The command or group; the application's own group where it is None.
        :param args: The arguments, as a list or as one text.
        :param kwargs: For :meth:`click.testing.CliRunner.invoke`.
        :returns: `exit_code`, `output`, `exception`…
        """
        if cli is None:
            cli = self.app.cli
        if "obj" not in kwargs:
            kwargs["obj"] = ScriptInfo(create_app=lambda: self.app)
        return super().invoke(cli, args, **kwargs)


def _empty_answer(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return []
