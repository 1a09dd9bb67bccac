"""The cases as microweb's documentation would write them."""

from __future__ import annotations

from asyncio import sleep
from collections.abc import Iterator

from benchmarks.apps import HEADING, ITEMS, SECRET_KEY, SECTIONS
from benchmarks.tasks import task
from microweb import (
    App,
    Blueprint,
    Response,
    abort,
    g,
    make_response,
    render_template,
    request,
    request_finished,
    session,
    url_for,
)
from microweb.views import MethodView


def hello() -> App:
    app = App(__name__)

    @app.route("/")
    def index() -> str:
        return "Hello, World!"

    return app


def json() -> App:
    app = App(__name__)

    @app.route("/")
    def index() -> dict[str, object]:
        return {"message": "Hello, World!", "ok": True}

    return app


def params() -> App:
    app = App(__name__)

    @app.route("/user/<name>/post/<int:post_id>")
    def show_post(name: str, post_id: int) -> dict[str, object]:
        return {"name": name, "post_id": post_id}

    return app


def query_header() -> App:
    app = App(__name__)

    @app.route("/search")
    def search() -> dict[str, object]:
        return {"q": request.args.get("q"), "request_id": request.headers.get("X-Request-Id")}

    return app


def json_echo() -> App:
    app = App(__name__)

    @app.post("/echo")
    def echo() -> dict[str, object]:
        message: dict[str, object] = request.get_json()
        return message

    return app


def form() -> App:
    app = App(__name__)

    @app.post("/form")
    def submit() -> dict[str, object]:
        return {"title": request.form["title"], "body": request.form["body"]}

    return app


def session_counter() -> App:
    app = App(__name__)
    app.secret_key = SECRET_KEY

    @app.route("/visits")
    def visits() -> str:
        session["visits"] = session.get("visits", 0) + 1
        return f"visit {session['visits']}"

    return app


def cookie() -> App:
    app = App(__name__)

    @app.route("/theme")
    def theme() -> Response:
        response = make_response(request.cookies.get("theme", "light"))
        response.set_cookie("seen", "yes")
        return response

    return app


def hooks() -> App:
    app = App(__name__)

    @app.before_request
    def before_first() -> None:
        g.first = 1

    @app.before_request
    def before_second() -> None:
        g.second = 2

    @app.before_request
    def before_third() -> None:
        g.third = 3

    @app.after_request
    def after_first(response: Response) -> Response:
        response.headers["X-First"] = "1"
        return response

    @app.after_request
    def after_second(response: Response) -> Response:
        response.headers["X-Second"] = "2"
        return response

    @app.after_request
    def after_third(response: Response) -> Response:
        response.headers["X-Third"] = "3"
        return response

    @app.route("/")
    def index() -> str:
        return str(g.first + g.second + g.third)

    return app


def routes300() -> App:
    app = App(__name__)

    def add_section(section: int) -> None:
        @app.get(f"/section{section}/item/<int:item_id>", endpoint=f"section{section}")
        def show_item(item_id: int) -> dict[str, object]:
            return {"section": section, "item_id": item_id}

    for section in SECTIONS:
        add_section(section)
    return app


def forbidden() -> App:
    app = App(__name__)

    @app.route("/secret")
    def secret() -> str:
        abort(403)

    return app


def stream() -> App:
    app = App(__name__)

    @app.route("/lines")
    def lines() -> Iterator[str]:
        def generate() -> Iterator[str]:
            for number in range(10):
                yield f"line {number}\n"

        return generate()

    return app


def url_for_ten() -> App:
    app = App(__name__)

    @app.route("/post/<int:post_id>")
    def show_post(post_id: int) -> str:
        return f"post {post_id}"

    @app.route("/")
    def index() -> dict[str, object]:
        return {"urls": [url_for("show_post", post_id=number) for number in range(10)]}

    return app


def page() -> App:
    app = App(__name__)

    @app.route("/")
    def index() -> str:
        return render_template("page.html", heading=HEADING, items=ITEMS)

    return app


def static() -> App:
    return App(__name__)


def upload() -> App:
    app = App(__name__)

    @app.post("/upload")
    def receive() -> dict[str, object]:
        photo = request.files["photo"]
        return {
            "name": photo.filename,
            "size": len(photo.read()),
            "title": request.form["title"],
        }

    return app


def error_handler() -> App:
    app = App(__name__)

    class OutOfStock(Exception):
        def __init__(self, item_id: int) -> None:
            self.item_id = item_id

    @app.errorhandler(OutOfStock)
    def out_of_stock(error: OutOfStock) -> tuple[dict[str, object], int]:
        return {"error": "out of stock", "item_id": error.item_id}, 409

    @app.route("/order/<int:item_id>")
    def order(item_id: int) -> str:
        raise OutOfStock(item_id)

    return app


def nested() -> App:
    app = App(__name__)
    shop = Blueprint("shop", __name__, url_prefix="/shop")
    cart = Blueprint("cart", __name__, url_prefix="/cart")

    @app.before_request
    def before_app() -> None:
        g.path = ["app"]

    @shop.before_request
    def before_shop() -> None:
        g.path.append("shop")

    @cart.before_request
    def before_cart() -> None:
        g.path.append("cart")

    @app.after_request
    def after_app(response: Response) -> Response:
        response.headers["X-App"] = "1"
        return response

    @shop.after_request
    def after_shop(response: Response) -> Response:
        response.headers["X-Shop"] = "2"
        return response

    @cart.after_request
    def after_cart(response: Response) -> Response:
        response.headers["X-Cart"] = "3"
        return response

    @cart.get("/<int:item_id>")
    def show_item(item_id: int) -> dict[str, object]:
        return {"item_id": item_id, "path": g.path}

    shop.register_blueprint(cart)
    app.register_blueprint(shop)
    return app


def async_view() -> App:
    app = App(__name__)

    @app.route("/")
    async def index() -> str:
        await sleep(0)
        return "Hello, World!"

    return app


def background() -> App:
    app = App(__name__)

    @app.post("/orders")
    def order() -> tuple[str, int]:
        app.add_background_task(task)
        return "accepted", 202

    return app


def signal() -> App:
    app = App(__name__)

    @request_finished.connect_via(app)
    def stamp(sender: App, response: Response, **extra: object) -> None:
        response.headers["X-Finished"] = "1"

    @app.route("/")
    def index() -> str:
        return "Hello, World!"

    return app


def method_view() -> App:
    app = App(__name__)

    class Item(MethodView):
        def get(self, item_id: int) -> dict[str, object]:
            return {"item_id": item_id}

        def post(self, item_id: int) -> tuple[dict[str, object], int]:
            return {"item_id": item_id, "title": request.form["title"]}, 201

    app.add_url_rule("/items/<int:item_id>", view_func=Item.as_view("item"))
    return app


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
    "url_for": url_for_ten,
    "page": page,
    "static": static,
    "upload": upload,
    "error_handler": error_handler,
    "nested": nested,
    "async_view": async_view,
    "background": background,
    "signal": signal,
    "method_view": method_view,
}
