"""Plans: what one request does, decided once, before the first request.

A plan merges the hooks of the application and of the (nested) blueprints that an endpoint is on
into tuples that a request only walks through. A request that no rule matches has a plan too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence, Set
from copy import copy
from itertools import chain
from typing import Any, TypeAlias

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from .building import Links
from .front import Front
from .matching import Matcher
from .routing import View
from .scope import Hooks
from .typing import ErrorKey

Handlers = dict[ErrorKey, Callable[[Any], Any]]
#: What a request is matched to.
Target: TypeAlias = tuple[Rule, "Plan"]


class Plan:
    """The steps of a request for one endpoint.

    :param view: The view; None where no rule matched.
    :param scopes: The scopes that it is in, from the application to the innermost blueprint.
    :param error_scopes: The scopes whose error handlers count, where they are others.
    :param called: Returns what is called for a function: something else for an asynchronous one.
    :param overridden: The methods of the application that are not its own.
    :param plain: The application's classes add nothing to a plain answer.
    :param asks_sessions: Sessions may have to be saved without a cookie in the request.

    :ivar before: Functions to call before the view: application first, innermost blueprint last.
    :ivar after: Functions for the response, in the opposite order.
    :ivar teardown: Functions for the end of the request, in the same order as `after`.
    :ivar error_handlers: Handlers by scope, innermost blueprint first, the application last.
    :ivar preprocesses: `App.preprocess_request` has something to do: functions, or another author.
    :ivar direct: The view can be called without `App.dispatch_request`.
    :ivar raises: Without a view, `App.dispatch_request` need not be asked for what is raised.
    :ivar plain: A text or a document can be sent without a response object, as nothing sees it.
    :ivar tears_down: `App.do_teardown_request` has something to do, signals apart.
    """

    __slots__ = (
        *("after", "asks_sessions", "before", "context_processors", "direct", "error_handlers"),
        "plain",
        *("preprocesses", "raises", "teardown", "tears_down"),
        *("url_value_preprocessors", "view"),
    )

    def __init__(
        self,
        view: View | None,
        scopes: Sequence[Hooks],
        error_scopes: Sequence[Hooks] | None = None,
        called: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function,
        overridden: Set[str] = frozenset(),
        plain: bool = False,
        asks_sessions: bool = True,
    ) -> None:
        def merged(lists: Iterable[Iterable[Any]]) -> tuple[Any, ...]:
            return tuple(map(called, chain.from_iterable(lists)))

        self.view = None if view is None else called(view)
        self.url_value_preprocessors = merged(scope.url_value_preprocessors for scope in scopes)
        self.before = merged(scope.before for scope in scopes)
        self.after = merged(scope.after for scope in scopes)[::-1]
        self.teardown = merged(scope.teardown for scope in scopes)[::-1]
        self.context_processors = merged(scope.context_processors for scope in scopes)
        self.error_handlers: tuple[Handlers, ...] = tuple(
            {key: called(handler) for key, handler in scope.error_handlers.items()}
            for scope in reversed(scopes if error_scopes is None else error_scopes)
            if scope.error_handlers
        )
        self.preprocesses = (
            bool(self.url_value_preprocessors or self.before) or "preprocess_request" in overridden
        )
        self.direct = view is not None and "dispatch_request" not in overridden
        self.raises = view is None and overridden.isdisjoint(_ABOUT_MISSES)
        self.plain = plain and not self.after and overridden.isdisjoint(_ABOUT_RESPONSES)
        self.asks_sessions = asks_sessions
        self.tears_down = bool(self.teardown) or "do_teardown_request" in overridden

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

    def for_options(self) -> Plan:
        """Return the plan for OPTIONS where `App.dispatch_request` answers by itself."""
        plan = copy(self)
        plan.direct = False
        return plan


_ABOUT_MISSES = frozenset(("dispatch_request", "raise_routing_exception"))
_ABOUT_RESPONSES = frozenset(
    (
        *("full_dispatch_request", "finalize_request", "make_error_response", "make_response"),
        "process_response",
    )
)


class Plans(dict[str, Plan]):
    """The plans by endpoint, each made when its first request comes.

    :param make: Returns the plan of an endpoint.
    """

    def __init__(self, make: Callable[[str], Plan]) -> None:
        self._make = make

    def __missing__(self, endpoint: str) -> Plan:
        plan = self[endpoint] = self._make(endpoint)
        return plan

    def target(self, rule: Rule, method: str) -> Target:
        """Return what a matcher finds.

        :param rule: The rule.
        :param method: The method of the request.
        """
        plan = self[rule.endpoint]
        if method == "OPTIONS" and getattr(rule, "provide_automatic_options", False):
            plan = plan.for_options()
        return rule, plan


def for_misses(hooks: Hooks) -> Hooks:
    """Return a blueprint's share in misses below its prefix: its handlers of HTTP errors.

    One for `Exception` is meant for what goes wrong in its views, and a miss is nothing of that.
    """
    share = Hooks()
    share.error_handlers = {
        (code, cls): handler
        for (code, cls), handler in hooks.error_handlers.items()
        if issubclass(cls, HTTPException)
    }
    return share


class Misses:
    """The plans of requests that no rule matches, by the blueprint prefix that they are under.

    :param everywhere: The plan for a path outside of all prefixes.
    """

    def __init__(self, everywhere: Plan) -> None:
        self._everywhere = everywhere
        # Of each prefix: its order, its pattern, its subdomain (None for any), and the plan.
        self._owners: list[tuple[tuple[int, int], re.Pattern[str], str | None, Plan]] = []

    def add(self, prefix: str, plan: Plan, subdomain: str | None = None) -> None:
        """Give the paths below a prefix a plan; a variable in it stands for one segment."""
        prefix = prefix.rstrip("/")
        pattern = "".join(
            "[^/]+" if part.startswith("<") else re.escape(part)
            for part in re.split(r"(<[^>]*>)", prefix)
        )
        # Longest first, then that with fewer variables; among equals the first one stays first.
        order = -prefix.count("/"), prefix.count("<")
        self._owners.append((order, re.compile(rf"{pattern}(?:/|\Z)"), subdomain, plan))
        self._owners.sort(key=lambda entry: entry[0])

    def plan(self, path: str, context: Any = None) -> Plan:
        """Return the plan for a path that nothing matched.

        :param context: The context of the request, which knows its subdomain.
        """
        for _, pattern, subdomain, plan in self._owners:
            if pattern.match(path) and (subdomain is None or subdomain == _subdomain(context)):
                return plan
        return self._everywhere


def _subdomain(context: Any) -> str | None:
    adapter = None if context is None else context.url_adapter
    return None if adapter is None else adapter.subdomain


class Compiled:
    """The records of an application, frozen for its requests.

    :param matcher: Finds the rule and the plan of a request.
    :param plans: The plans by endpoint.
    :param misses: The plans of requests that no rule matches.
    :param links: What builds the URLs of the endpoints.
    :param front: What is done with a request before all this; None where it is nothing.
    """

    __slots__ = ("front", "links", "matcher", "misses", "plans")

    def __init__(
        self,
        matcher: Matcher[Target],
        plans: Plans,
        misses: Misses,
        links: Links,
        front: Front | None = None,
    ) -> None:
        self.matcher = matcher
        self.plans = plans
        self.misses = misses
        self.links = links
        self.front = front
