"""Plans: what one request does, decided once, before the first request.

A plan merges the hooks of the application and of the (nested) blueprints that an endpoint is on
into tuples that a request only walks through. A request that no rule matches has a plan too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from werkzeug.exceptions import HTTPException

from .routing import View
from .scope import ErrorKey, Hooks

Handlers = dict[ErrorKey, Callable[[Any], Any]]


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps of a request for one endpoint.

    :ivar view: The view; None where no rule matched.
    :ivar before: Functions to call before the view: application first, innermost blueprint last.
    :ivar after: Functions for the response, in the opposite order.
    :ivar teardown: Functions for the end of the request, in the same order as `after`.
    :ivar error_handlers: Handlers by scope, innermost blueprint first, the application last.
    """

    view: View | None
    url_value_preprocessors: tuple[Callable[[str | None, dict[str, Any] | None], None], ...]
    before: tuple[Callable[[], Any], ...]
    after: tuple[Callable[[Any], Any], ...]
    teardown: tuple[Callable[[BaseException | None], None], ...]
    context_processors: tuple[Callable[[], dict[str, Any]], ...]
    error_handlers: tuple[Handlers, ...]

    def error_handler(self, error: Exception) -> Callable[[Any], Any] | None:
        """Return the handler for an exception.

        A handler of the status code comes before one of the class, a blueprint's before the
        application's, and a nearer class before a farther one.
        """
        if not self.error_handlers:
            return None
        code = error.code if isinstance(error, HTTPException) else None
        for wanted in (None,) if code is None else (code, None):
            for handlers in self.error_handlers:
                for cls in type(error).__mro__:
                    handler = handlers.get((wanted, cls))
                    if handler is not None:
                        return handler
        return None


def make_plan(
    view: View | None, scopes: Sequence[Hooks], error_scopes: Sequence[Hooks] | None = None
) -> Plan:
    """Merge the hooks of scopes, given from the application to the innermost blueprint.

    :param error_scopes: The scopes whose error handlers count, where they are others.
    """
    if error_scopes is None:
        error_scopes = scopes
    return Plan(
        view=view,
        url_value_preprocessors=_merged(scope.url_value_preprocessors for scope in scopes),
        before=_merged(scope.before for scope in scopes),
        after=_merged(scope.after for scope in scopes)[::-1],
        teardown=_merged(scope.teardown for scope in scopes)[::-1],
        context_processors=_merged(scope.context_processors for scope in scopes),
        error_handlers=tuple(
            dict(scope.error_handlers) for scope in reversed(error_scopes) if scope.error_handlers
        ),
    )


def _merged(lists: Iterable[Iterable[Any]]) -> tuple[Any, ...]:
    return tuple(chain.from_iterable(lists))


class Misses:
    """The plans of requests that no rule matches, by the blueprint prefix that they are under.

    :param everywhere: The plan for a path outside of all prefixes.
    """

    def __init__(self, everywhere: Plan) -> None:
        self._everywhere = everywhere
        self._owners: list[tuple[int, re.Pattern[str], Plan]] = []

    def add(self, prefix: str, plan: Plan) -> None:
        """Give the paths below a prefix a plan; a variable in it stands for one segment."""
        prefix = prefix.rstrip("/")
        pattern = "".join(
            "[^/]+" if part.startswith("<") else re.escape(part)
            for part in re.split(r"(<[^>]*>)", prefix)
        )
        self._owners.append((prefix.count("/"), re.compile(rf"{pattern}(?:/|\Z)"), plan))
        # Longest first; among equals the first one registered stays first.
        self._owners.sort(key=lambda owner: -owner[0])

    def plan(self, path: str) -> Plan:
        """Return the plan for a path that nothing matched."""
        for _, pattern, plan in self._owners:
            if pattern.match(path):
                return plan
        return self._everywhere
