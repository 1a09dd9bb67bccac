"""The cases as Pyramid's documentation would write them, with its imperative configuration."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from pyramid.config import Configurator
from pyramid.events import NewRequest, NewResponse
from pyramid.httpexceptions import HTTPForbidden
from pyramid.request import Request
from pyramid.response import Response
from pyramid.router import Router
from pyramid.session import SignedCookieSessionFactory

from benchmarks.apps import HEADING, ITEMS, SECRET_KEY, SECTIONS, STATIC, TEMPLATES
from benchmarks.tasks import task

Values = dict[str, object]


def hello() -> Router:
    def index(request: Request) -> Response:
        return Response("Hello, World!")

    with Configurator() as config:
        config.add_route("index", "/")
        config.add_view(index, route_name="index")
        return config.make_wsgi_app()


def json() -> Router:
    def index(request: Request) -> Values:
        return {"message": "Hello, World!", "ok": True}

    with Configurator() as config:
        config.add_route("index", "/")
        config.add_view(index, route_name="index", renderer="json")
        return config.make_wsgi_app()


def params() -> Router:
    def show_post(request: Request) -> Values:
        return {
            "name": request.matchdict["name"],
            "post_id": int(request.matchdict["post_id"]),
        }

    with Configurator() as config:
        config.add_route("post", r"/user/{name}/post/{post_id:\d+}")
        config.add_view(show_post, route_name="post", renderer="json")
        return config.make_wsgi_app()


def query_header() -> Router:
    def search(request: Request) -> Values:
        return {"q": request.GET.get("q"), "request_id": request.headers.get("X-Request-Id")}

    with Configurator() as config:
        config.add_route("search", "/search")
        config.add_view(search, route_name="search", renderer="json")
        return config.make_wsgi_app()


def json_echo() -> Router:
    def echo(request: Request) -> object:
        return request.json_body

    with Configurator() as config:
        config.add_route("echo", "/echo")
        config.add_view(echo, route_name="echo", request_method="POST", renderer="json")
        return config.make_wsgi_app()


def form() -> Router:
    def submit(request: Request) -> Values:
        return {"title": request.POST["title"], "body": request.POST["body"]}

    with Configurator() as config:
        config.add_route("form", "/form")
        config.add_view(submit, route_name="form", request_method="POST", renderer="json")
        return config.make_wsgi_app()


def session_counter() -> Router:
    def visits(request: Request) -> Response:
        session = request.session
        session["visits"] = session.get("visits", 0) + 1
        return Response(f"visit {session['visits']}")

    with Configurator() as config:
        config.set_session_factory(SignedCookieSessionFactory(SECRET_KEY))
        config.add_route("visits", "/visits")
        config.add_view(visits, route_name="visits")
        return config.make_wsgi_app()


def cookie() -> Router:
    def theme(request: Request) -> Response:
        response = Response(request.cookies.get("theme", "light"))
        response.set_cookie("seen", "yes")
        return response

    with Configurator() as config:
        config.add_route("theme", "/theme")
        config.add_view(theme, route_name="theme")
        return config.make_wsgi_app()


def hooks() -> Router:
    def before_first(event: NewRequest) -> None:
        event.request.first = 1

    def before_second(event: NewRequest) -> None:
        event.request.second = 2

    def before_third(event: NewRequest) -> None:
        event.request.third = 3

    def after_first(event: NewResponse) -> None:
        event.response.headers["X-First"] = "1"

    def after_second(event: NewResponse) -> None:
        event.response.headers["X-Second"] = "2"

    def after_third(event: NewResponse) -> None:
        event.response.headers["X-Third"] = "3"

    def index(request: Request) -> Response:
        return Response(str(request.first + request.second + request.third))

    with Configurator() as config:
        for before in (before_first, before_second, before_third):
            config.add_subscriber(before, NewRequest)
        for after in (after_first, after_second, after_third):
            config.add_subscriber(after, NewResponse)
        config.add_route("index", "/")
        config.add_view(index, route_name="index")
        return config.make_wsgi_app()


def routes300() -> Router:
    def add_section(config: Configurator, section: int) -> None:
        def show_item(request: Request) -> Values:
            return {"section": section, "item_id": int(request.matchdict["item_id"])}

        name = f"section{section}"
        config.add_route(name, rf"/section{section}/item/{{item_id:\d+}}")
        config.add_view(show_item, route_name=name, renderer="json")

    with Configurator() as config:
        for section in SECTIONS:
            add_section(config, section)
        return config.make_wsgi_app()


def forbidden() -> Router:
    def secret(request: Request) -> Response:
        raise HTTPForbidden()

    with Configurator() as config:
        config.add_route("secret", "/secret")
        config.add_view(secret, route_name="secret")
        return config.make_wsgi_app()


def stream() -> Router:
    def generate() -> Iterator[bytes]:
        for number in range(10):
            yield f"line {number}\n".encode()

    def lines(request: Request) -> Response:
        return Response(app_iter=generate())

    with Configurator() as config:
        config.add_route("lines", "/lines")
        config.add_view(lines, route_name="lines")
        return config.make_wsgi_app()


def url_for() -> Router:
    def show_post(request: Request) -> Response:
        return Response(f"post {request.matchdict['post_id']}")

    def index(request: Request) -> Values:
        return {"urls": [request.route_path("post", post_id=number) for number in range(10)]}

    with Configurator() as config:
        config.add_route("post", r"/post/{post_id:\d+}")
        config.add_route("index", "/")
        config.add_view(show_post, route_name="post")
        config.add_view(index, route_name="index", renderer="json")
        return config.make_wsgi_app()


def page() -> Router:
    def index(request: Request) -> Values:
        return {"heading": HEADING, "items": ITEMS}

    with Configurator() as config:
        config.include("pyramid_jinja2")
        config.add_jinja2_renderer(".html")
        config.add_jinja2_search_path(str(TEMPLATES), name=".html")
        config.add_route("index", "/")
        config.add_view(index, route_name="index", renderer="page.html")
        return config.make_wsgi_app()


def static() -> Router:
    with Configurator() as config:
        config.add_static_view(name="static", path=str(STATIC))
        return config.make_wsgi_app()


def upload() -> Router:
    def receive(request: Request) -> Values:
        photo = request.POST["photo"]
        return {
            "name": photo.filename,
            "size": len(photo.file.read()),
            "title": request.POST["title"],
        }

    with Configurator() as config:
        config.add_route("upload", "/upload")
        config.add_view(receive, route_name="upload", request_method="POST", renderer="json")
        return config.make_wsgi_app()


def error_handler() -> Router:
    class OutOfStock(Exception):
        def __init__(self, item_id: int) -> None:
            self.item_id = item_id

    def out_of_stock(error: OutOfStock, request: Request) -> Values:
        request.response.status_code = 409
        return {"error": "out of stock", "item_id": error.item_id}

    def order(request: Request) -> Response:
        raise OutOfStock(int(request.matchdict["item_id"]))

    with Configurator() as config:
        config.add_exception_view(out_of_stock, context=OutOfStock, renderer="json")
        config.add_route("order", r"/order/{item_id:\d+}")
        config.add_view(order, route_name="order")
        return config.make_wsgi_app()


def background() -> Router:
    """Pyramid has no background tasks; an executor is the least that its users write."""
    executor = ThreadPoolExecutor()

    def order(request: Request) -> Response:
        executor.submit(task)
        return Response("accepted", status=202)

    with Configurator() as config:
        config.add_route("orders", "/orders")
        config.add_view(order, route_name="orders", request_method="POST")
        return config.make_wsgi_app()


def signal() -> Router:
    def stamp(event: NewResponse) -> None:
        event.response.headers["X-Finished"] = "1"

    def index(request: Request) -> Response:
        return Response("Hello, World!")

    with Configurator() as config:
        config.add_subscriber(stamp, NewResponse)
        config.add_route("index", "/")
        config.add_view(index, route_name="index")
        return config.make_wsgi_app()


def method_view() -> Router:
    class Item:
        def __init__(self, request: Request) -> None:
            self.request = request
            self.item_id = int(request.matchdict["item_id"])

        def get(self) -> Values:
            return {"item_id": self.item_id}

        def post(self) -> Values:
            self.request.response.status_code = 201
            return {"item_id": self.item_id, "title": self.request.POST["title"]}

    with Configurator() as config:
        config.add_route("item", r"/items/{item_id:\d+}")
        for method in ("get", "post"):
            config.add_view(
                Item,
                attr=method,
                request_method=method.upper(),
                route_name="item",
                renderer="json",
            )
        return config.make_wsgi_app()


# Routes nest in Pyramid, too, but nothing runs around those of one level only; and its views
# are not asynchronous.
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
    "signal": signal,
    "method_view": method_view,
}
