"""Applications of any size with Bottle."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bottle import Bottle


def routes(rules: Sequence[str]) -> Bottle:
    app = Bottle()

    def add(number: int, rule: str) -> None:
        def view(**values: object) -> str:
            return str(number)

        app.route(rule, "GET", view)

    for number, rule in enumerate(rules):
        add(number, re.sub(r"<(\w+):(\w+)>", r"<\2:\1>", rule))
    return app


def hooks(pairs: int) -> Bottle:
    app = Bottle()

    def before() -> None:
        pass

    def after() -> None:
        pass

    for _ in range(pairs):
        app.add_hook("before_request", before)
        app.add_hook("after_request", after)
    app.route("/", "GET", lambda: "0")
    return app
