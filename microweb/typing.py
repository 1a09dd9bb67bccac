"""Types for annotations in applications and extensions.

.. code-block:: python

    from microweb.typing import ResponseReturnValue

    @app.get("/")
    def index() -> ResponseReturnValue: ...
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from werkzeug.wrappers import Response

from .response import HeadersValue as HeadersValue
from .response import ResponseReturnValue as ResponseReturnValue
from .response import ResponseValue as ResponseValue

#: A status as a view may return it: a code, or a line such as ``"418 I'm a teapot"``.
StatusCode: TypeAlias = int | str

#: One value of a header as a view may return it.
HeaderValue: TypeAlias = str | list[str] | tuple[str, ...]
ShellContextProcessorCallable: TypeAlias = Callable[[], dict[str, Any]]

#: What an error handler is registered for: a status code (None for any) and a class.
ErrorKey: TypeAlias = tuple[int | None, type[Exception]]

RouteCallable: TypeAlias = Callable[..., ResponseReturnValue | Awaitable[ResponseReturnValue]]
BeforeRequestCallable: TypeAlias = Callable[
    [], ResponseReturnValue | Awaitable[ResponseReturnValue | None] | None
]
AfterRequestCallable: TypeAlias = Callable[[Any], Response | Awaitable[Response]]
TeardownCallable: TypeAlias = Callable[[BaseException | None], Awaitable[None] | None]
ErrorHandlerCallable: TypeAlias = Callable[
    [Any], ResponseReturnValue | Awaitable[ResponseReturnValue]
]
TemplateContextProcessorCallable: TypeAlias = Callable[
    [], dict[str, Any] | Awaitable[dict[str, Any]]
]
TemplateFilterCallable: TypeAlias = Callable[..., Any]
TemplateGlobalCallable: TypeAlias = Callable[..., Any]
TemplateTestCallable: TypeAlias = Callable[..., bool]
URLDefaultCallable: TypeAlias = Callable[[str, dict[str, Any]], None]
URLValuePreprocessorCallable: TypeAlias = Callable[[str | None, dict[str, Any] | None], None]
