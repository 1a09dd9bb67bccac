"""The cases as Falcon's documentation would write them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import falcon
import jinja2

from benchmarks.apps import HEADING, ITEMS, SECTIONS, STATIC, TEMPLATES
from benchmarks.tasks import task

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


def page() -> App:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(),
        auto_reload=False,
    )

    class Page:
        def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
            template = environment.get_template("page.html")
            resp.content_type = falcon.MEDIA_HTML
            resp.text = template.render(heading=HEADING, items=ITEMS)

    app = falcon.App()
    app.add_route("/", Page())
    return app


def static() -> App:
    app = falcon.App()
    app.add_static_route("/static", STATIC)
    return app


def upload() -> App:
    class Upload:
        def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
            answer: dict[str, object] = {}
            for part in req.get_media():
                if part.name == "title":
                    answer["title"] = part.text
                elif part.name == "photo":
                    answer["name"] = part.filename
                    answer["size"] = len(part.stream.read())
            resp.media = answer

    app = falcon.App()
    app.add_route("/upload", Upload())
    return app


def error_handler() -> App:
    class OutOfStock(Exception):
        def __init__(self, item_id: int) -> None:
            self.item_id = item_id

        @staticmethod
        def handle(
            req: falcon.Request, resp: falcon.Response, ex: OutOfStock, params: dict[str, object]
        ) -> None:
            resp.status = falcon.HTTP_409
            resp.media = {"error": "out of stock", "item_id": ex.item_id}

    class Order:
        def on_get(self, req: falcon.Request, resp: falcon.Response, item_id: int) -> None:
            raise OutOfStock(item_id)

    app = falcon.App()
    app.add_error_handler(OutOfStock, OutOfStock.handle)
    app.add_route("/order/{item_id:int}", Order())
    return app


def background() -> App:
    """Falcon has background tasks under ASGI only; an executor is what its users write."""
    executor = ThreadPoolExecutor()

    class Orders:
        def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
            executor.submit(task)
            resp.status = falcon.HTTP_202
            resp.content_type = falcon.MEDIA_TEXT
            resp.text = "accepted"

    app = falcon.App()
    app.add_route("/orders", Orders())
    return app


def method_view() -> App:
    class Item:
        def on_get(self, req: falcon.Request, resp: falcon.Response, item_id: int) -> None:
            resp.media = {"item_id": item_id}

        def on_post(self, req: falcon.Request, resp: falcon.Response, item_id: int) -> None:
            resp.status = falcon.HTTP_201
            resp.media = {"item_id": item_id, "title": req.get_media()["title"]}

    app = falcon.App()
    app.add_route("/items/{item_id:int}", Item())
    return app


# Falcon has no sessions or signed cookies, no URLs built from routes, nothing that nests as
# blueprints do, no signals, and asynchronous responders under ASGI only.
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
    "page": page,
    "static": static,
    "upload": upload,
    "error_handler": error_handler,
    "background": background,
    "method_view": method_view,
}
