"""The cases as Falcon's documentation would write them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import falcon

from benchmarks.apps import SECTIONS

if TYPE_CHECKING:
    App = falcon.App[falcon.Request, falcon.Response]


def hello() -> App:
    class Index:
        def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = "Hello, World!"

    app = falcon.App()
    app.add_route("/", Index())
    return app


def json() -> App:
    class Index:
        def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
            resp.media = {"message": "Hello, World!", "ok": True}

    app = falcon.App()
    app.add_route("/", Index())
    return app


def params() -> App:
    class Post:
        def on_get(
            self, req: falcon.Request, resp: falcon.Response, name: str, post_id: int
        ) -> None:
            resp.media = {"name": name, "post_id": post_id}

    app = falcon.App()
    app.add_route("/user/{name}/post/{post_id:int}", Post())
    return app


def query_header() -> App:
    class Search:
        def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
            resp.media = {
                "q": req.get_param("q"),
                "request_id": req.get_header("X-Request-Id"),
            }

    app = falcon.App()
    app.add_route("/search", Search())
    return app


def json_echo() -> App:
    class Echo:
        def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
            resp.media = req.get_media()

    app = falcon.App()
    app.add_route("/echo", Echo())
    return app


def form() -> App:
    class Form:
        def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
            fields = req.get_media()
            resp.media = {"title": fields["title"], "body": fields["body"]}

    app = falcon.App()
    app.add_route("/form", Form())
    return app


def cookie() -> App:
    class Theme:
        def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
            values = req.get_cookie_values("theme")
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = values[0] if values else "light"
            resp.set_cookie("seen", "yes")

    app = falcon.App()
    app.add_route("/theme", Theme())
    return app


def hooks() -> App:
    class First:
        def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
            req.context.first = 1

        def process_response(
            self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
        ) -> None:
            resp.set_header("X-First", "1")

    class Second:
        def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
            req.context.second = 2

        def process_response(
            self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
        ) -> None:
            resp.set_header("X-Second", "2")

    class Third:
        def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
            req.context.third = 3

        def process_response(
            self, req: falcon.Request, resp: falcon.Response, resource: object, req_succeeded: bool
        ) -> None:
            resp.set_header("X-Third", "3")

    class Index:
        def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = str(req.context.first + req.context.second + req.context.third)

    app = falcon.App()
    app.add_middleware(First())
    app.add_middleware(Second())
    app.add_middleware(Third())
    app.add_route("/", Index())
    return app


def routes300() -> App:
    class Item:
        def __init__(self, section: int) -> None:
            self.section = section

        def on_get(self, req: falcon.Request, resp: falcon.Response, item_id: int) -> None:
            resp.media = {"section": self.section, "item_id": item_id}

    app = falcon.App()
    for section in SECTIONS:
        app.add_route(f"/section{section}/item/{{item_id:int}}", Item(section))
    return app


def forbidden() -> App:
    class Secret:
        def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
            raise falcon.HTTPForbidden()

    app = falcon.App()
    app.add_route("/secret", Secret())
    return app


def stream() -> App:
    class Lines:
        def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
            resp.content_type = falcon.MEDIA_TEXT
            resp.stream = self.generate()

        def generate(self) -> Iterator[bytes]:
            for number in range(10):
                yield f"line {number}\n".encode()

    app = falcon.App()
    app.add_route("/lines", Lines())
    return app


# No ``session``: Falcon has neither sessions nor signed cookies.
APPS = {
    "hello": hello,
    "json": json,
    "params": params,
    "query_header": query_header,
    "json_echo": json_echo,
    "form": form,
    "cookie": cookie,
    "hooks": hooks,
    "routes300": routes300,
    "not_found": hello,
    "forbidden": forbidden,
    "stream": stream,
}
