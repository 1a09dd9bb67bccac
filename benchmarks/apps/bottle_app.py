"""The cases as Bottle's documentation would write them."""

from __future__ import annotations

import json as jsonlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bottle import Bottle, HTTPError, abort, jinja2_view, request, response, static_file

from benchmarks.apps import HEADING, ITEMS, SECRET_KEY, SECTIONS, STATIC, TEMPLATES
from benchmarks.tasks import task


def hello() -> Bottle:
    app = Bottle()

    @app.route("/")
    def index() -> str:
        return "Hello, World!"

    return app


def json() -> Bottle:
    app = Bottle()

    @app.route("/")
    def index() -> dict[str, object]:
        return {"message": "Hello, World!", "ok": True}

    return app


def params() -> Bottle:
    app = Bottle()

    @app.route("/user/<name>/post/<post_id:int>")
    def show_post(name: str, post_id: int) -> dict[str, object]:
        return {"name": name, "post_id": post_id}

    return app


def query_header() -> Bottle:
    app = Bottle()

    @app.route("/search")
    def search() -> dict[str, object]:
        return {"q": request.query.q, "request_id": request.get_header("X-Request-Id")}

    return app


def json_echo() -> Bottle:
    app = Bottle()

    @app.post("/echo")
    def echo() -> dict[str, object]:
        message: dict[str, object] = request.json
        return message

    return app


def form() -> Bottle:
    app = Bottle()

    @app.post("/form")
    def submit() -> dict[str, object]:
        return {"title": request.forms.title, "body": request.forms.body}

    return app


def session_counter() -> Bottle:
    """Bottle has no sessions; its documentation keeps state in signed cookies."""
    app = Bottle()

    @app.route("/visits")
    def visits() -> str:
        count = int(request.get_cookie("visits", default="0", secret=SECRET_KEY)) + 1
        response.set_cookie("visits", str(count), secret=SECRET_KEY)
        return f"visit {count}"

    return app


def cookie() -> Bottle:
    app = Bottle()

    @app.route("/theme")
    def theme() -> str:
        response.set_cookie("seen", "yes")
        value: str = request.get_cookie("theme", default="light")
        return value

    return app


def hooks() -> Bottle:
    app = Bottle()

    @app.hook("before_request")
    def before_first() -> None:
        request.first = 1

    @app.hook("before_request")
    def before_second() -> None:
        request.second = 2

    @app.hook("before_request")
    def before_third() -> None:
        request.third = 3

    @app.hook("after_request")
    def after_first() -> None:
        response.set_header("X-First", "1")

    @app.hook("after_request")
    def after_second() -> None:
        response.set_header("X-Second", "2")

    @app.hook("after_request")
    def after_third() -> None:
        response.set_header("X-Third", "3")

    @app.route("/")
    def index() -> str:
        return str(request.first + request.second + request.third)

    return app


def routes300() -> Bottle:
    app = Bottle()

    def add_section(section: int) -> None:
        @app.get(f"/section{section}/item/<item_id:int>")
        def show_item(item_id: int) -> dict[str, object]:
            return {"section": section, "item_id": item_id}

    for section in SECTIONS:
        add_section(section)
    return app


def forbidden() -> Bottle:
    app = Bottle()

    @app.route("/secret")
    def secret() -> None:
        abort(403, "Forbidden")

    return app


def stream() -> Bottle:
    app = Bottle()

    @app.route("/lines")
    def lines() -> Iterator[str]:
        for number in range(10):
            yield f"line {number}\n"

    return app


def url_for() -> Bottle:
    app = Bottle()

    @app.route("/post/<post_id:int>", name="show_post")
    def show_post(post_id: int) -> str:
        return f"post {post_id}"

    @app.route("/")
    def index() -> dict[str, object]:
        return {"urls": [app.get_url("show_post", post_id=number) for number in range(10)]}

    return app


def page() -> Bottle:
    app = Bottle()

    @app.route("/")
    @jinja2_view(
        "page.html",
        template_lookup=[str(TEMPLATES)],
        template_settings={"autoescape": True, "auto_reload": False},
    )
    def index() -> dict[str, object]:
        return {"heading": HEADING, "items": ITEMS}

    return app


def static() -> Bottle:
    app = Bottle()

    @app.route("/static/<filename:path>")
    def serve_static(filename: str) -> object:
        return static_file(filename, root=str(STATIC))

    return app


def upload() -> Bottle:
    app = Bottle()

    @app.post("/upload")
    def receive() -> dict[str, object]:
        photo = request.files.photo
        return {
            "name": photo.filename,
            "size": len(photo.file.read()),
            "title": request.forms.title,
        }

    return app


def error_handler() -> Bottle:
    """Bottle has handlers for statuses only, so the exception has to be an HTTPError."""
    app = Bottle()

    class OutOfStock(HTTPError):
        def __init__(self, item_id: int) -> None:
            super().__init__(409, "out of stock")
            self.item_id = item_id

    @app.error(409)
    def out_of_stock(error: OutOfStock) -> str:
        response.content_type = "application/json"
        return jsonlib.dumps({"error": error.body, "item_id": error.item_id})

    @app.route("/order/<item_id:int>")
    def order(item_id: int) -> str:
        raise OutOfStock(item_id)

    return app


def background() -> Bottle:
    """Bottle has no background tasks; an executor is the least that its users write."""
    app = Bottle()
    executor = ThreadPoolExecutor()

    @app.post("/orders")
    def order() -> str:
        executor.submit(task)
        response.status = 202
        return "accepted"

    return app


# Bottle has no signals, classes of views or asynchronous views, and an application that is
# mounted in another one leaves its hooks behind.
APPS = {
    "hello": hello,
    "json": json,
    "params": params,
    "query_header": query_header,
    "json_echo": json_echo,
    "form": form,
    "session": session_counter,
    "cookie": cookie,
    "hooks": hooks,
    "routes300": routes300,
    "not_found": hello,
    "forbidden": forbidden,
    "stream": stream,
    "url_for": url_for,
    "page": page,
    "static": static,
    "upload": upload,
    "error_handler": error_handler,
    "background": background,
}
