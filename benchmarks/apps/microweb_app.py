"""The cases as microweb's documentation would write them."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.apps import SECRET_KEY, SECTIONS
from microweb import App, Response, abort, g, make_response, request, session


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
}
