"""Applications of any size with Falcon, whose hooks are middleware."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import falcon

if TYPE_CHECKING:
    App = falcon.App[falcon.Request, falcon.Response]


class View:
    def __init__(self, number: int) -> None:
        self.number = number

    def on_get(self, req: falcon.Request, resp: falcon.Response, **values: object) -> None:
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = str(self.number)


class Middleware:
    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        pass

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
    ) -> None:
        pass


def routes(rules: Sequence[str]) -> App:
    app = falcon.App()
    for number, rule in enumerate(rules):
        app.add_route(template(rule), View(number))
    return app


def hooks(pairs: int) -> App:
    app = falcon.App(middleware=[Middleware() for _ in range(pairs)])
    app.add_route("/", View(0))
    return app


def template(rule: str) -> str:
    """``/a/<int:id>/<name>`` becomes ``/a/{id:int}/{name}``."""
    return re.sub(r"<(\w+)>", r"{\1}", re.sub(r"<(\w+):(\w+)>", r"{\2:\1}", rule))
