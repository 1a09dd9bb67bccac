"""What larger applications write must type-check as well; nothing runs this file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any, ClassVar, cast

import click
from click.testing import Result
from werkzeug.routing import BaseConverter, Map
from werkzeug.wrappers import Response as WerkzeugResponse

import microweb
from microweb import (
    App,
    Blueprint,
    Request,
    Response,
    copy_current_request_context,
    current_app,
    json,
    render_block,
    url_for,
)
from microweb.cli import AppGroup, MicrowebGroup, ScriptInfo, pass_script_info, with_appcontext
from microweb.ctx import _AppCtxGlobals
from microweb.json.provider import DefaultJSONProvider, JSONProvider
from microweb.json.tag import JSONTag
from microweb.sessions import SecureCookieSession, SessionInterface, SessionMixin
from microweb.signals import Namespace, request_started
from microweb.testing import Client, CliRunner
from microweb.typing import ResponseReturnValue, RouteCallable
from microweb.views import MethodView, View


class User:
    name: str


# --- a typed g, and a request class of one's own


class Globals(_AppCtxGlobals):
    user: User | None


class TenantRequest(Request):
    @property
    def tenant(self) -> str:
        return self.host.partition(".")[0]


g = cast(Globals, microweb.g)
request = cast(TenantRequest, microweb.request)


# --- classes that an application works with


class Provider(DefaultJSONProvider):
    sort_keys = True

    @staticmethod
    def default(o: Any) -> Any:
        return DefaultJSONProvider.default(o)


class Plain(JSONProvider):
    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return str(obj)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return s


class StoredSession(SecureCookieSession):
    id: str = ""


class Stored(SessionInterface):
    def open_session(self, app: Any, request: Request) -> StoredSession:
        return StoredSession({"visits": 1})

    def save_session(self, app: Any, session: SessionMixin, response: Response) -> None:
        response.set_cookie(self.get_cookie_name(app), "id", samesite="Lax")


class TagComplex(JSONTag):
    key = " c"

    def check(self, value: Any) -> bool:
        return isinstance(value, complex)

    def to_json(self, value: Any) -> Any:
        return [value.real, value.imag]

    def to_python(self, value: Any) -> Any:
        return complex(*value)


class SiteClient(Client):
    def login(self) -> None:
        self.post("/login", json={"name": "ada"})


class Site(App):
    request_class = TenantRequest
    response_class = Response
    json_provider_class = Provider
    session_interface = Stored()
    app_ctx_globals_class = Globals
    test_client_class = SiteClient
    test_cli_runner_class = CliRunner
    url_map_class: type[Map] = Map

    def make_response(self, rv: Any) -> Response:
        response = super().make_response(rv)
        response.headers.setdefault("X-Site", "1")
        return response

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        return 3600 if filename and filename.endswith(".css") else None


class Slugs(BaseConverter):
    def to_python(self, value: str) -> list[str]:
        return value.split("+")

    def to_url(self, value: list[str]) -> str:
        return "+".join(value)


def create_app(testing: bool = False) -> Site:
    app = Site(__name__, instance_relative_config=True)
    app.config.from_mapping(TESTING=testing)
    app.permanent_session_lifetime = timedelta(days=1)
    app.url_map.converters["slugs"] = Slugs
    app.jinja_options["trim_blocks"] = True
    app.register_blueprint(shop, url_prefix="/shop", name="store")
    app.add_url_rule("/users/<int:id>", view_func=UserAPI.as_view("user"))
    app.add_url_rule("/about", view_func=Page.as_view("about", "about.html"))
    return app


# --- asynchronous views and hooks

app = create_app()
shop = Blueprint("shop", __name__, template_folder="templates", cli_group="shop")
cart = Blueprint("cart", __name__)
shop.register_blueprint(cart, url_prefix="/cart")


@app.get("/async")
async def asynchronous() -> dict[str, str]:
    return {"tenant": request.tenant, "user": g.user.name if g.user else ""}


@app.get("/stream")
async def stream() -> AsyncIterator[str]:
    async def pieces() -> AsyncIterator[str]:
        yield "a"

    return pieces()


@shop.before_request
async def load_user() -> None:
    g.user = None


@shop.before_app_request
async def maybe_answer() -> WerkzeugResponse | None:
    return None


@shop.after_request
async def after(response: Response) -> Response:
    return response


@app.teardown_request
async def teardown(error: BaseException | None) -> None: ...


@app.errorhandler(KeyError)
async def no_key(error: KeyError) -> tuple[dict[str, str], int]:
    return {"missing": str(error)}, 404


@app.context_processor
def processor() -> dict[str, Any]:
    return {"about": url_for("about")}


@shop.get("/<slugs:names>")
def several(names: list[str]) -> ResponseReturnValue:
    if not names:
        return "", 204
    return json.dumps(names), 200, {"Content-Type": "application/json"}


@shop.get("/rows")
def rows() -> str:
    return render_block("cart.html", "rows", rows=[1, 2])


# --- class-based views


class Page(View):
    methods = ["GET"]  # noqa: RUF012 - as users write it

    def __init__(self, template: str) -> None:
        self.template = template

    def dispatch_request(self) -> str:
        return self.template


def logged(view: RouteCallable) -> RouteCallable:
    return view


class UserAPI(MethodView):
    decorators: ClassVar = [logged]
    init_every_request = False

    def get(self, id: int) -> dict[str, int]:
        return {"id": id}

    async def delete(self, id: int) -> tuple[str, int]:
        return "", 204


# --- the life of a process


@app.before_serving
async def connect() -> None:
    app.extensions["pool"] = object()


@app.after_serving
def disconnect() -> None: ...


@app.while_serving
def whole() -> Iterator[None]:
    yield


@app.while_serving
async def whole_asynchronously() -> AsyncIterator[None]:
    yield


@app.post("/orders")
def order() -> tuple[str, int]:
    app.add_background_task(mail, "ada", copies=2)

    @copy_current_request_context
    def later(number: int) -> str:
        return str(number)

    result: str = later(1)
    value: Any = current_app.async_to_sync(asynchronous)()
    return result or str(value), 202


async def mail(name: str, copies: int = 1) -> None: ...


# --- commands


@app.cli.command("create-user")
@click.argument("name")
def create_user(name: str) -> None: ...


@shop.cli.command()
@with_appcontext
def publish() -> None: ...


@click.group(cls=MicrowebGroup, create_app=create_app)
def program() -> None: ...


@program.command()
@pass_script_info
def info(script_info: ScriptInfo) -> None:
    click.echo(script_info.load_app().name)


group = AppGroup("jobs")
app.cli.add_command(group)


@app.shell_context_processor
def shell_names() -> dict[str, Any]:
    return {"User": User}


# --- signals and tests

ordered = Namespace().signal("ordered")


@request_started.connect_via(app)
def started(sender: App, **extra: Any) -> None:
    ordered.send(sender)


def test_everything() -> None:
    with app.test_client() as client:
        assert isinstance(client, SiteClient)
        client.login()
        with client.session_transaction() as session:
            session["user"] = "ada"
        text: str = client.get("/async", query_string={"a": "b"}, follow_redirects=True).text
        assert text
    result: Result = app.test_cli_runner().invoke(args=["create-user", "ada"])
    assert result.exit_code == 0
