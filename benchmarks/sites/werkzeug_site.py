"""The site of Werkzeug: its own objects used as they come, without a framework."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response


def hello(request: Request) -> Response:
    return Response("Hello, World!")


def message(request: Request) -> Response:
    return json_response({"message": "Hello, World!", "ok": True})


def show_post(request: Request, name: str, post_id: int) -> Response:
    return json_response({"name": name, "post_id": post_id})


def json_response(value: object) -> Response:
    return Response(json.dumps(value), mimetype="application/json")


VIEWS: Mapping[str, Callable[..., Response]] = {
    "hello": hello,
    "message": message,
    "show_post": show_post,
}

URLS = Map(
    [
        Rule("/", endpoint="hello", methods=["GET"]),
        Rule("/json", endpoint="message", methods=["GET"]),
        Rule("/user/<name>/post/<int:post_id>", endpoint="show_post", methods=["GET"]),
    ]
)


@Request.application
def app(request: Request) -> Response:
    endpoint, values = URLS.bind_to_environ(request.environ).match()
    return VIEWS[endpoint](request, **values)
