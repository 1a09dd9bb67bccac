"""Whether a process lives and whether it is ready: what an orchestrator or load balancer asks.

Both are answered by the one process that gets the request, and for it alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import SetupError, describe
from .scope import Hooks

#: What the names of checks must not be, and what stands in the way of readiness besides them.
STARTUP, SHUTDOWN = "startup", "shutdown"

Answer = tuple[dict[str, Any], int, dict[str, str]]


class Health:
    """The checks of an application, and the views that tell how it is.

    :param app: The application.

    :ivar paths: The URLs of the views; empty as long as nobody asked for them.
    :ivar hooks: What runs around the views in place of the application's hooks: nothing.
    """

    endpoints = LIVE, READY = "health_live", "health_ready"

    def __init__(self, app: Any) -> None:
        self._app = app
        self._checks: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {}
        self.paths: frozenset[str] = frozenset()
        self.hooks = Hooks()

    # --- register

    def add_routes(self, live: Any, ready: Any, options: dict[str, Any]) -> None:
        """Add the two views to the application.

        :param live: The URL of the one.
        :param ready: The URL of the other one.
        :param options: What `add_url_rule` takes besides.
        :raises SetupError: for a second call, or a URL that cannot be used.
        """
        if self.paths:
            raise SetupError(
                f"health_routes() was called already, for {' and '.join(sorted(self.paths))}: an"
                " application has these routes once. Call it with both URLs, live= and ready=."
            )
        views = (live, self.LIVE, self.live), (ready, self.READY, self.ready)
        for path, endpoint, view in views:
            if isinstance(path, str) and "<" in path:
                raise SetupError(f"health_routes() takes URLs without variables, not {path!r}.")
            try:
                self._app.add_url_rule(path, endpoint, view, **options)
            except SetupError as error:
                raise SetupError(
                    f"{error} (health_routes() takes other URLs, as live= and ready=; its endpoints"
                    f" are {self.LIVE!r} and {self.READY!r}.)"
                ) from error
        self.paths = frozenset((live, ready))

    def add_check(self, check: Any, name: str | None) -> None:
        """Add a check.

        :param check: The function, which may be asynchronous.
        :param name: What the answer calls it; the function's own name where it is None.
        :raises SetupError: for what has no name, or a name that is taken.
        """
        found = name or getattr(check, "__name__", None)
        if not callable(check) or not isinstance(found, str):
            raise SetupError(
                f"health_check takes a function with a name, and not {check!r}: give a function,"
                " and write @app.health_check('name') where it has none."
            )
        if found in self._checks or found in (STARTUP, SHUTDOWN):
            known = self._checks.get(found)
            owner = "microweb's own" if known is None else describe(known[0])
            raise SetupError(
                f"The health check {found!r} is taken: it is {owner}, and {describe(check)} would"
                " be called the same. Write @app.health_check('another name') above the function."
            )
        self._checks[found] = check, self._app.ensure_sync(check)

    def refuse_unasked(self) -> None:
        """Refuse checks that no request would ever run.

        :raises SetupError: where there are checks, and no routes.
        """
        if self._checks and not self.paths:
            check, _ = next(iter(self._checks.values()))
            raise SetupError(
                f"The health check {describe(check)} is never asked: call app.health_routes(),"
                " which answers /healthz and /readyz."
            )

    # --- answer

    def live(self, **values: Any) -> Answer:
        """Answer that the process answers."""
        return _answer([])

    def ready(self, **values: Any) -> Answer:
        """Answer whether the process can take requests, and what is in the way."""
        return _answer(self._in_the_way() or list(filter(self._fails, self._checks)))

    def _in_the_way(self) -> list[str]:
        """Return what the process is busy with, and begin with its startup if nobody has."""
        phase = self._app.worker.phase
        if phase == "new":
            try:
                self._app.startup()
            except Exception:
                self._app.logger.exception("The process is not ready: its startup failed")
                return [STARTUP]
            return []
        return {"starting": [STARTUP], "stopping": [SHUTDOWN]}.get(phase, [])

    def _fails(self, name: str) -> bool:
        """Run a check; why it fails is for the log, and nobody else."""
        check, call = self._checks[name]
        logger = self._app.logger
        try:
            outcome = call()
        except Exception:
            logger.exception("The health check %s failed", describe(check))
            return True
        if outcome is None or outcome is True:
            return False
        logger.error(
            "The health check %s returned %r%s",
            describe(check),
            outcome,
            "." if outcome is False else ": return None or True where all is well, or else False.",
        )
        return True


def _answer(failed: list[str]) -> Answer:
    headers = {"Cache-Control": "no-store"}
    if failed:
        return {"status": "unavailable", "failed": failed}, 503, headers
    return {"status": "ok"}, 200, headers
