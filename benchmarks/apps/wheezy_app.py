"""The cases as wheezy.web's documentation would write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha1
from typing import TYPE_CHECKING, Any
from warnings import filterwarnings

import jinja2
from wheezy.http import (
    HTTPCookie,
    HTTPRequest,
    HTTPResponse,
    WSGIApplication,
    forbidden,
    json_response,
)
from wheezy.routing import url
from wheezy.security.crypto import Ticket
from wheezy.web.handlers import BaseHandler, file_handler
from wheezy.web.middleware import bootstrap_defaults, path_routing_middleware_factory
from wheezy.web.templates import Jinja2Template

from benchmarks.apps import HEADING, ITEMS, SECRET_KEY, SECTIONS, STATIC, TEMPLATES
from benchmarks.tasks import task

if TYPE_CHECKING:
    Handler = Callable[[HTTPRequest], HTTPResponse]


# Signed tickets are what the other frameworks have, too.
filterwarnings("ignore", "Ticket: cypher not available")


def application(urls: Sequence[Any], *middleware: Any) -> WSGIApplication:
    # wheezy.web warns about an application without a template engine or a ticket.
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=jinja2.select_autoescape(),
        auto_reload=False,
    )
    return WSGIApplication(
        middleware=[
            bootstrap_defaults(url_mapping=urls),
            *middleware,
            path_routing_middleware_factory,
        ],
        options={
            "render_template": Jinja2Template(environment),
            "ticket": Ticket(
                digestmod=sha1, cypher=None, options={"CRYPTO_VALIDATION_KEY": SECRET_KEY}
            ),
        },
    )


def hello() -> WSGIApplication:
    def index(request: HTTPRequest) -> HTTPResponse:
        response = HTTPResponse()
        response.write("Hello, World!")
        return response

    return application([url("", index)])


def json() -> WSGIApplication:
    def index(request: HTTPRequest) -> HTTPResponse:
        return json_response({"message": "Hello, World!", "ok": True})

    return application([url("", index)])


def params() -> WSGIApplication:
    class PostHandler(BaseHandler):
        def get(self) -> HTTPResponse:
            return self.json_response(
                {"name": self.route_args.name, "post_id": int(self.route_args.post_id)}
            )

    return application([url("user/{name}/post/{post_id:int}", PostHandler)])


def query_header() -> WSGIApplication:
    def search(request: HTTPRequest) -> HTTPResponse:
        return json_response(
            {"q": request.get_param("q"), "request_id": request.environ["HTTP_X_REQUEST_ID"]}
        )

    return application([url("search", search)])


def json_echo() -> WSGIApplication:
    class EchoHandler(BaseHandler):
        def post(self) -> HTTPResponse:
            return self.json_response(self.request.form)

    return application([url("echo", EchoHandler)])


def form() -> WSGIApplication:
    class FormHandler(BaseHandler):
        def post(self) -> HTTPResponse:
            fields = self.request.form
            return self.json_response({"title": fields["title"][-1], "body": fields["body"][-1]})

    return application([url("form", FormHandler)])


def session_counter() -> WSGIApplication:
    """wheezy.web has no sessions; its ticket signs what a cookie is to keep."""

    class VisitsHandler(BaseHandler):
        def get(self) -> HTTPResponse:
            signed = self.request.cookies.get("visits", "")
            value, _ = self.ticket.decode(signed) if signed else ("0", 0)
            visits = int(value) + 1
            self.cookies.append(
                HTTPCookie("visits", value=self.ticket.encode(str(visits)), options=self.options)
            )
            response = HTTPResponse()
            response.write(f"visit {visits}")
            return response

    return application([url("visits", VisitsHandler)])


def cookie() -> WSGIApplication:
    class ThemeHandler(BaseHandler):
        def get(self) -> HTTPResponse:
            self.cookies.append(HTTPCookie("seen", value="yes", options=self.options))
            response = HTTPResponse()
            response.write(self.request.cookies.get("theme", "light"))
            return response

    return application([url("theme", ThemeHandler)])


def hooks() -> WSGIApplication:
    def first(request: HTTPRequest, following: Handler) -> HTTPResponse:
        request.first = 1
        response = following(request)
        response.headers.append(("X-First", "1"))
        return response

    def second(request: HTTPRequest, following: Handler) -> HTTPResponse:
        request.second = 2
        response = following(request)
        response.headers.append(("X-Second", "2"))
        return response

    def third(request: HTTPRequest, following: Handler) -> HTTPResponse:
        request.third = 3
        response = following(request)
        response.headers.append(("X-Third", "3"))
        return response

    def index(request: HTTPRequest) -> HTTPResponse:
        response = HTTPResponse()
        response.write(str(request.first + request.second + request.third))
        return response

    return application(
        [url("", index)], lambda options: first, lambda options: second, lambda options: third
    )


def routes300() -> WSGIApplication:
    def section_url(section: int) -> Any:
        class ItemHandler(BaseHandler):
            def get(self) -> HTTPResponse:
                item_id = int(self.route_args.item_id)
                return self.json_response({"section": section, "item_id": item_id})

        return url(f"section{section}/item/{{item_id:int}}", ItemHandler, name=f"section{section}")

    return application([section_url(section) for section in SECTIONS])


def forbidden_page() -> WSGIApplication:
    def secret(request: HTTPRequest) -> HTTPResponse:
        return forbidden()

    return application([url("secret", secret)])


def url_for() -> WSGIApplication:
    class PostHandler(BaseHandler):
        def get(self) -> HTTPResponse:
            response = HTTPResponse()
            response.write(f"post {self.route_args.post_id}")
            return response

    class IndexHandler(BaseHandler):
        def get(self) -> HTTPResponse:
            return self.json_response(
                {"urls": [self.path_for("post", post_id=number) for number in range(10)]}
            )

    return application([url("post/{post_id:int}", PostHandler, name="post"), url("", IndexHandler)])


def page() -> WSGIApplication:
    class PageHandler(BaseHandler):
        def get(self) -> HTTPResponse:
            return self.render_response("page.html", heading=HEADING, items=ITEMS)

    return application([url("", PageHandler)])


def static() -> WSGIApplication:
    return application([url("static/{path:any}", file_handler(root=STATIC), name="static")])


def upload() -> WSGIApplication:
    class UploadHandler(BaseHandler):
        def post(self) -> HTTPResponse:
            photo = self.request.files["photo"][-1]
            return self.json_response(
                {
                    "name": photo.filename,
                    "size": len(photo.file.read()),
                    "title": self.request.form["title"][-1],
                }
            )

    return application([url("upload", UploadHandler)])


def background() -> WSGIApplication:
    """wheezy.web has no background tasks; an executor is the least that its users write."""
    executor = ThreadPoolExecutor()

    class OrderHandler(BaseHandler):
        def post(self) -> HTTPResponse:
            executor.submit(task)
            response = HTTPResponse()
            response.status_code = 202
            response.write("accepted")
            return response

    return application([url("orders", OrderHandler)])


def method_view() -> WSGIApplication:
    class ItemHandler(BaseHandler):
        def get(self) -> HTTPResponse:
            return self.json_response({"item_id": int(self.route_args.item_id)})

        def post(self) -> HTTPResponse:
            response = self.json_response(
                {
                    "item_id": int(self.route_args.item_id),
                    "title": self.request.form["title"][-1],
                }
            )
            response.status_code = 201
            return response

    return application([url("items/{item_id:int}", ItemHandler)])


# wheezy.web sends lists of chunks and no generators, redirects to error pages instead of
# answering by a handler, and has no hooks by group of URLs, no signals and no asynchronous views.
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
    "forbidden": forbidden_page,
    "url_for": url_for,
    "page": page,
    "static": static,
    "upload": upload,
    "background": background,
    "method_view": method_view,
}
