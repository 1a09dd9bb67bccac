"""The context and what is done with the current one, as extensions import it."""

from .context import Context as AppContext
from .context import Context as Context
from .context import Context as RequestContext
from .context import Globals as _AppCtxGlobals
from .helpers import after_this_request as after_this_request
from .helpers import copy_current_request_context as copy_current_request_context
from .helpers import has_app_context as has_app_context
from .helpers import has_request_context as has_request_context

__all__ = [
    "AppContext",
    "Context",
    "RequestContext",
    "_AppCtxGlobals",
    "after_this_request",
    "copy_current_request_context",
    "has_app_context",
    "has_request_context",
]
