"""What is done with a request before anything reads it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .context import Context

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


class Front:
    """The corrections that a configuration asks for; most applications have none.

    :param correct: Corrects an environ by what trusted proxies say, or None.
    """

    __slots__ = ("correct",)

    def __init__(self, correct: Callable[[WSGIEnvironment], None] | None) -> None:
        self.correct = correct

    def enter(self, context: Context) -> None:
        """Correct the environ of a request.

        :param context: The context of the request.
        """
        if self.correct is not None and context.environ is not None:
            self.correct(context.environ)
