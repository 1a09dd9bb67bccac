"""Applications of any size with microweb."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from microweb import App, Blueprint, Response


def routes(rules: Sequence[str]) -> App:
    app = App(__name__)

    def add(number: int, rule: str) -> None:
        @app.get(rule, endpoint=f"view{number}")
        def view(**values: object) -> str:
            return str(number)

    for number, rule in enumerate(rules):
        add(number, rule)
    return app


def hooks(pairs: int) -> App:
    app = App(__name__)

    def add() -> None:
        @app.before_request
        def before() -> None:
            pass

        @app.after_request
        def after(response: Response) -> Response:
            return response

    for _ in range(pairs):
        add()

    @app.get("/")
    def index() -> str:
        return "0"

    return app


def blueprints(depth: int) -> App:
    app = App(__name__)
    chain = [
        Blueprint(f"level{level}", __name__, url_prefix=f"/level{level}") for level in range(depth)
    ]

    @chain[-1].get("/leaf")
    def leaf() -> str:
        return "0"

    for outer, inner in reversed(list(pairwise(chain))):
        outer.register_blueprint(inner)
    app.register_blueprint(chain[0])
    return app
