"""What users write must type-check: `make check` reads this file, nothing runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import BaseConverter
from werkzeug.wrappers import Response as WerkzeugResponse

from microweb import (
    App,
    Blueprint,
    Request,
    Response,
    abort,
    after_this_request,
    current_app,
    flash,
    g,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    session,
    stream_template,
    url_for,
)


class TenantRequest(Request):
    @property
    def tenant(self) -> str:
        return self.host.partition(".")[0]


class Site(App):
    request_class = TenantRequest


class Upper(BaseConverter):
    def to_python(self, value: str) -> str:
        return value.upper()


app = Site(__name__, static_folder=Path("assets"))
app.url_map.converters["upper"] = Upper
app.config.update(SECRET_KEY="secret")
app.secret_key = "secret"
app.testing = True
blog = Blueprint("blog", __name__, url_prefix="/blog")


@app.route("/text")
def text() -> str:
    return "text"


@app.route("/bytes", methods=["GET", "POST"])
def some_bytes() -> bytes:
    return b"bytes"


@app.get("/dict")
def a_dict() -> dict[str, Any]:
    return {"id": 1}


@app.get("/dict-of-int")
def a_dict_of_int() -> dict[str, int]:
    return {"id": 1}


@app.get("/list")
def a_list() -> list[Any]:
    return [1, 2]


@app.get("/iterator")
def an_iterator() -> Iterator[str]:
    yield "a"


@app.post("/status")
def with_status() -> tuple[str, int]:
    return "", HTTPStatus.CREATED


@app.put("/status-text")
def with_status_text() -> tuple[str, str]:
    return "", "418 Custom"


@app.patch("/headers")
def with_headers() -> tuple[str, dict[str, str]]:
    return "", {"X-A": "b"}


@app.delete("/all")
def with_all() -> tuple[dict[str, str], int, list[tuple[str, str]]]:
    return {}, 200, [("X-A", "b")]


@app.get("/headers-object")
def with_headers_object() -> tuple[str, int, Headers]:
    return "", 200, Headers()


@app.get("/response")
def a_response() -> Response:
    response = make_response("body", 201)
    response.headers["X-A"] = "b"
    response.set_cookie("a", "b", samesite="Lax")
    return response


@app.get("/either")
def either() -> WerkzeugResponse | str:
    if request.args.get("page", 1, type=int) > 3:
        return redirect(url_for("text"))
    return render_template("page.html", user=g.user)


@app.get("/wsgi")
def a_wsgi_application() -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    return app


@app.get("/error")
def an_error() -> HTTPException:
    return NotFound()


@app.get("/users/<int:number>/<upper:name>")
def with_values(number: int, name: str) -> Response:
    if number < 0:
        abort(404, "no such user")
    return jsonify(number=number, name=name)


@app.get("/stream")
def stream() -> Iterator[str]:
    return stream_template("page.html")


@app.get("/file")
def a_file() -> Response:
    return send_file(Path("file.txt"), as_attachment=True)


@app.before_request
def before() -> None:
    g.user = session.get("user")


@app.before_request
def before_with_answer() -> str | None:
    return None


@blog.before_request
def before_in_blueprint() -> WerkzeugResponse | None:
    return redirect("/") if current_app.debug else None


@app.after_request
def after(response: Response) -> Response:
    response.headers["X-A"] = "b"
    return response


@app.teardown_request
def teardown(error: BaseException | None) -> None: ...


@app.teardown_appcontext
def teardown_context(error: BaseException | None) -> None: ...


@app.errorhandler(404)
def missing(error: NotFound) -> tuple[str, int]:
    return "missing", 404


@app.errorhandler(HTTPException)
def any_error(error: HTTPException) -> tuple[dict[str, str], int]:
    return {"error": error.name}, error.code or 500


@blog.app_errorhandler(ValueError)
def bad_value(error: ValueError) -> str:
    return str(error)


@app.context_processor
def names() -> dict[str, Any]:
    return {"year": 2015}


@app.url_value_preprocessor
def take_language(endpoint: str | None, values: dict[str, Any] | None) -> None:
    g.language = values.pop("language", None) if values else None


@app.url_defaults
def add_language(endpoint: str, values: dict[str, Any]) -> None:
    values.setdefault("language", g.language)


@app.template_filter
def shout(value: str) -> str:
    return value.upper()


@blog.app_template_global("now")
def current_time() -> int:
    return 0


@blog.post("/")
def post() -> WerkzeugResponse:
    @after_this_request
    def remember(response: Response) -> Response:
        response.set_cookie("seen", "1")
        return response

    flash("Saved.", "success")
    session["seen"] = True
    session.permanent = True
    document: dict[str, Any] = request.get_json()
    name: str = request.form["name"]
    return redirect(url_for(".post", name=name, document=document), code=303)


app.register_blueprint(blog, url_prefix="/journal")
app.add_url_rule("/added", "added", text, methods=["POST"])

with app.app_context() as context:
    application: Any = context.app
with app.test_request_context("/?a=b", method="POST", json={"a": 1}):
    query: str | None = request.args.get("a")
    name: str = request.id


@app.health_check
def database_is_there() -> bool:
    return True


@app.health_check("search engine")
async def search_engine_is_there() -> None: ...


app.health_routes(live="/alive")
client = app.test_client()
status: int = client.get("/text", headers={"Accept": "text/html"}).status_code
