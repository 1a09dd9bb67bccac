"""What views call: URLs, responses, errors, messages, templates and files of the current app."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from datetime import datetime
from functools import wraps
from typing import IO, Any, NoReturn, TypeVar

import werkzeug.exceptions
import werkzeug.utils
from werkzeug.wrappers import Response as WerkzeugResponse

from . import files, signals
from .context import current, current_context, current_request_context
from .errors import describe
from .globals import current_app
from .loop import is_async
from .rendering import flashed_messages
from .response import Response
from .sessions import add_flash

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
After = TypeVar("After", bound=Callable[[Any], Any])


def has_request_context() -> bool:
    """Whether a request is being handled.

    .. code-block:: python

        language = request.accept_languages.best if has_request_context() else "en"
    """
    context = current.get()
    return context is not None and context.environ is not None


def has_app_context() -> bool:
    """Whether an application is current, in a request or outside of one."""
    return current.get() is not None


def url_for(
    endpoint: str,
    *,
    _anchor: str | None = None,
    _method: str | None = None,
    _scheme: str | None = None,
    _external: bool | None = None,
    **values: Any,
) -> str:
    """Build the URL of an endpoint.

    :param endpoint: The view's name, after its blueprint's and a dot: ``"blog.index"``. One that
        begins with a dot is of the current blueprint.
    :param _anchor: The fragment behind ``#``.
    :param _method: Choose the rule for this method.
    :param _scheme: The scheme of a whole URL, such as ``"https"``.
    :param _external: Build a whole URL. Outside of a request this is the default, and the host is
        `SERVER_NAME`.
    :param values: Values for the variables of the rule; others become the query string. None is
        left out, a list repeats.
    :raises werkzeug.routing.BuildError: where no rule of the endpoint takes the values.

    >>> from microweb import App
    >>> app = App("shop")
    >>> app.add_url_rule("/users/<int:id>", "user", lambda id: f"user {id}")
    >>> with app.test_request_context():
    ...     url_for("user", id=7, page=2, _anchor="top")
    '/users/7?page=2#top'
    """
    app = current_context("url_for").app
    if _anchor is None and _method is None and _scheme is None and _external is None:
        return app.url_for(endpoint, **values)  # type: ignore[no-any-return]  # of an App
    return app.url_for(  # type: ignore[no-any-return]  # of an App
        endpoint,
        _anchor=_anchor,
        _method=_method,
        _scheme=_scheme,
        _external=_external,
        **values,
    )


def redirect(
    location: str,
    code: int = 302,
    Response: type[WerkzeugResponse] | None = None,  # noqa: N803 - called so in Flask
) -> WerkzeugResponse:
    """Return a response that sends the client to another URL.

    :param location: The URL; build it with :func:`url_for`.
    :param code: 302; 303 after a form, 301 or 308 for good, 307 to keep the method (RFC 9110
        section 15.4).
    :param Response: The class of the response; the application's without it.
    :raises TypeError: for a view function or another thing that is no URL.

    .. code-block:: python

        return redirect(url_for("show", id=1), 303)
    """
    if not isinstance(location, str):
        raise TypeError(_no_url(location))
    context = current.get()
    if context is None or Response is not None:
        return werkzeug.utils.redirect(location, code, Response)
    return context.app.redirect(location, code)  # type: ignore[no-any-return]  # of an App


def _no_url(location: Any) -> str:
    name = getattr(location, "__name__", None)
    if not callable(location) or name is None:
        return f"redirect takes a URL, text such as '/login', and not {location!r}."
    return (
        f"redirect takes a URL and not the function {describe(location)}: write"
        f" redirect(url_for({name!r})), with the endpoint of the view."
    )


def abort(code: int | WerkzeugResponse, *args: Any, **kwargs: Any) -> NoReturn:
    """Stop with an HTTP error, or with a response.

    :param code: The status code, such as 404, or a response.
    :param args: For the error, above all its description.
    :param kwargs: For the error too: ``retry_after=60`` for a 429 or 503, in seconds.
    :raises LookupError: for a code that is no HTTP error.

    .. code-block:: python

        abort(404, "There is no such user.")
    """
    context = current.get()
    if context is None:
        werkzeug.exceptions.abort(code, *args, **kwargs)
    try:
        context.app.aborter(code, *args, **kwargs)
    except LookupError:
        raise LookupError(
            f"abort({code!r}): there is no such HTTP error. Give a status code such as 404, as a"
            " number; to redirect, return redirect(...)."
        ) from None
    raise AssertionError("an aborter raises")  # pragma: no cover - for the type checker


def make_response(*args: Any) -> Response:
    """Return the response that a view returning these arguments would send.

    :param args: A body, or a body with a status, headers, or both; none for an empty response.
    :raises TypeError: for what a view cannot return, saying what it can.

    .. code-block:: python

        response = make_response(render_template("page.html"), 201)
        response.headers["X-Parachutes"] = "are cool"
    """
    if not args:
        return current_app.response_class()
    return current_app.make_response(args[0] if len(args) == 1 else args)


def jsonify(*args: Any, **kwargs: Any) -> Response:
    """Return a JSON response: of one value, a list of several, or an object of keywords.

    A view that returns a dict or a list does not need it.

    :param args: The value, or several.
    :param kwargs: The members of an object, without positional arguments.
    :raises TypeError: for positional arguments and keywords at once.

    .. code-block:: python

        return jsonify(None)  # null
    """
    # The provider makes a response of the application's class.
    return current_app.json.response(*args, **kwargs)


def after_this_request(f: After) -> After:
    """Pass the response of the current request to a function, which returns it or another one.

    :raises OutsideContext: outside of a request.

    .. code-block:: python

        @after_this_request
        def remember(response):
            response.set_cookie("visited", "1")
            return response
    """
    context = current_request_context("after_this_request")
    function = context.app.ensure_sync(f)
    if isinstance(context.after_functions, list):
        # Grown in place: one of them may ask for another while they run.
        context.after_functions.append(function)
    else:
        context.after_functions = [function]
    return f


def copy_current_request_context(f: F) -> F:
    """Return the function, to be called elsewhere (in a thread) with the current request.

    The request object is shared; read what is needed of its body before. `g` is a new one, and the
    teardown functions run when the function ends.

    :raises OutsideContext: outside of a request.

    .. code-block:: python

        @app.get("/report")
        def report():
            @copy_current_request_context
            def build():
                write_report(request.args["month"])

            Thread(target=build).start()
            return "", 202
    """
    context = current_request_context("copy_current_request_context")
    # Made now, so that there is one of each to share.
    context.request  # noqa: B018 - made by being looked at
    context.open_session()

    @wraps(f)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with context.app.copied_context(context):
            return f(*args, **kwargs)

    @wraps(f)
    async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
        async with context.app.copied_context(context):
            return await f(*args, **kwargs)

    return async_wrapper if is_async(f) else wrapper  # type: ignore[return-value]  # wraps f


def stream_with_context(generator_or_function: T) -> T:
    """Return what it is given: a streamed body has the request's context in any case.

    As a decorator it makes a generator function of the same kind.

    :param generator_or_function: The generator, or the function that makes it.

    .. code-block:: python

        return stream_with_context(lines())
    """
    return generator_or_function


# --- messages


def flash(message: str, category: str = "message") -> None:
    """Keep a message in the session, for the next page that asks for it.

    :param message: The message; a template escapes it unless it is `Markup`.
    :param category: Such as ``"error"``; templates can tell categories apart.
    :raises SetupError: where the application has no `SECRET_KEY`.

    .. code-block:: python

        flash("The note is saved.")
        return redirect(url_for("notes"))
    """
    add_flash(current_request_context("flash").session, message, category)
    if signals.message_flashed.receivers:
        current_app._signal(signals.message_flashed, message=message, category=category)


def get_flashed_messages(
    with_categories: bool = False, category_filter: Collection[str] = ()
) -> list[Any]:
    """Take the flashed messages out of the session; in the same request they stay available.

    :param with_categories: Return pairs ``(category, message)``.
    :param category_filter: Only these categories.

    .. code-block:: python

        errors = get_flashed_messages(category_filter=["error"])
    """
    return flashed_messages(with_categories, tuple(category_filter))


def get_template_attribute(template_name: str, attribute: str) -> Any:
    """Return a macro or variable of a template, to call it from Python.

    :param template_name: The name of the template.
    :param attribute: The name of the macro or variable.

    .. code-block:: python

        hello = get_template_attribute("macros.html", "hello")
        return hello("Ada")
    """
    app = current_context("get_template_attribute").app
    return getattr(app.jinja_env.get_template(template_name).module, attribute)


# --- files


def send_file(
    path_or_file: str | os.PathLike[str] | IO[bytes],
    mimetype: str | None = None,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | int | float | None = None,
    max_age: int | Callable[[str | None], int | None] | None = None,
) -> Response:
    """Send a file. Never pass a path from the client; see :func:`send_from_directory`.

    :param path_or_file: A path (relative to the application's folder), or a binary file.
    :param mimetype: The content type; guessed from the name where it is None.
    :param as_attachment: Offer to save the file instead of showing it.
    :param download_name: The name to save it under.
    :param conditional: Answer conditional and range requests (RFC 9110 sections 13 and 14).
    :param etag: Compute an ETag, or the one to send.
    :param last_modified: When the file changed; from the file system where it is None.
    :param max_age: For how many seconds clients may keep it without asking.
    :raises FileNotFoundError: where there is no such file.
    :raises OutsideContext: outside of a request.

    .. code-block:: python

        return send_file(pdf, "application/pdf", as_attachment=True, download_name="bill.pdf")
    """
    app, environ = _sender("send_file")
    options = app.file_options()
    if max_age is not None:
        options["max_age"] = max_age
    return files.send_file(
        path_or_file,
        environ,
        mimetype=mimetype,
        as_attachment=as_attachment,
        download_name=download_name,
        conditional=conditional,
        etag=etag,
        last_modified=last_modified,
        root_path=app.root_path,
        **options,
    )


def send_from_directory(
    directory: str | os.PathLike[str], path: str | os.PathLike[str], **kwargs: Any
) -> Response:
    """Send a file from below a folder; a path that leads out of it is a 404.

    :param directory: The folder, relative to the application's; never from the client.
    :param path: The file in it; may come from the client.
    :param kwargs: What :func:`send_file` takes.
    :raises NotFound: where there is no such file, or the path leads out of the folder.

    .. code-block:: python

        @app.get("/uploads/<path:name>")
        def upload(name):
            return send_from_directory("uploads", name, as_attachment=True)
    """
    app, environ = _sender("send_from_directory")
    return files.send_from_directory(
        directory,
        path,
        environ,
        root_path=app.root_path,
        # The key first: it is False in production, and a property costs four times as much.
        debug=app.config["DEBUG"] and app.debug,
        **{**app.file_options(), **kwargs},
    )


def _sender(function: str) -> tuple[Any, dict[str, Any]]:
    """Return the application that sends a file, and the environ of the request that gets it."""
    context = current_request_context(function)
    environ: Any = context.environ
    return context.app, environ
