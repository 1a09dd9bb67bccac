"""Types for annotations in applications and extensions.

.. code-block:: python

    from microweb.typing import ResponseReturnValue

    @app.get("/")
    def index() -> ResponseReturnValue: ...
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from .response import HeadersValue as HeadersValue

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

#: A body as a view may return it.
ResponseValue: TypeAlias = (
    Response
    | str
    | bytes
    | Mapping[str, Any]
    | list[Any]
    | Iterator[str]
    | Iterator[bytes]
    | AsyncIterator[str]
    | AsyncIterator[bytes]
    | HTTPException
    | Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes]]
)

#: What a view may return: a body, or a body with a status and headers.
ResponseReturnValue: TypeAlias = (
    ResponseValue
    | tuple[ResponseValue, HeadersValue]
    | tuple[ResponseValue, int | str]
    | tuple[ResponseValue, int | str, HeadersValue]
)

#: A status as a view may return it: a code, or a line such as ``"418 I'm a teapot"``.
StatusCode: TypeAlias = int | str

#: One value of a header as a view may return it.
HeaderValue: TypeAlias = str | list[str] | tuple[str, ...]
#: What `shell_context_processor` takes.
ShellContextProcessorCallable: TypeAlias = Callable[[], dict[str, Any]]

#: What an error handler is registered for: a status code (None for any) and a class.
ErrorKey: TypeAlias = tuple[int | None, type[Exception]]

#: A view.
RouteCallable: TypeAlias = Callable[..., ResponseReturnValue | Awaitable[ResponseReturnValue]]
#: What `before_request` takes.
BeforeRequestCallable: TypeAlias = Callable[
    [], ResponseReturnValue | Awaitable[ResponseReturnValue | None] | None
]
#: What `after_request` and `after_this_request` take.
AfterRequestCallable: TypeAlias = Callable[[Any], Response | Awaitable[Response]]
#: What `teardown_request` and `teardown_appcontext` take.
TeardownCallable: TypeAlias = Callable[[BaseException | None], Awaitable[None] | None]
#: What `errorhandler` takes.
ErrorHandlerCallable: TypeAlias = Callable[
    [Any], ResponseReturnValue | Awaitable[ResponseReturnValue]
]
#: What `context_processor` takes.
TemplateContextProcessorCallable: TypeAlias = Callable[
    [], dict[str, Any] | Awaitable[dict[str, Any]]
]
#: What `template_filter` takes.
TemplateFilterCallable: TypeAlias = Callable[..., Any]
#: What `template_global` takes.
TemplateGlobalCallable: TypeAlias = Callable[..., Any]
#: What `template_test` takes.
TemplateTestCallable: TypeAlias = Callable[..., bool]
#: What `url_defaults` takes.
URLDefaultCallable: TypeAlias = Callable[[str, dict[str, Any]], None]
#: What `url_value_preprocessor` takes.
URLValuePreprocessorCallable: TypeAlias = Callable[[str | None, dict[str, Any] | None], None]
