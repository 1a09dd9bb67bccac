"""The views of an application by endpoint: a dict that cannot change unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .routing import View


class Guarded(dict[str, View]):
    """The views by endpoint, which says so before it changes.

    :param before_change: Called before each change; it may refuse it with an exception.
    """

    def __init__(self, before_change: Callable[[], None]) -> None:
        super().__init__()
        self._before_change = before_change

    def __setitem__(self, endpoint: str, view: View) -> None:
        self._before_change()
        super().__setitem__(endpoint, view)

    def __delitem__(self, endpoint: str) -> None:
        self._before_change()
        super().__delitem__(endpoint)

    def pop(self, *args: Any) -> Any:
        """Remove a view and return it."""
        self._before_change()
        return super().pop(*args)

    def update(self, *args: Any, **views: View) -> None:
        """Take several views."""
        self._before_change()
        super().update(*args, **views)

    def popitem(self) -> tuple[str, View]:
        """Remove the last view, and return it with its endpoint."""
        self._before_change()
        return super().popitem()

    def clear(self) -> None:
        """Remove all views."""
        self._before_change()
        super().clear()

    def __ior__(self, views: Any) -> Guarded:  # type: ignore[override,misc]  # as dict does
        self.update(views)
        return self

    def setdefault(self, endpoint: str, view: Any = None) -> Any:
        """Take a view unless the endpoint has one, and return the one that it has."""
        self._before_change()
        return super().setdefault(endpoint, view)
