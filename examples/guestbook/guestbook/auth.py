"""Accounts as visitors see them: registering, logging in and out, and tokens for the API."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import click
from werkzeug import Response

from microweb import (
    Blueprint,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)

from . import csrf, journal, users
from .users import NameTaken, User

P = ParamSpec("P")
R = TypeVar("R")

bp = Blueprint("auth", __name__, url_prefix="/auth")
csrf.protect(bp)

# What is the same for everybody. Where nothing looks at the session, caches may keep the answer.
PUBLIC = {"static", "entries.pictures.show", "status.show"}


@bp.before_app_request
def load_user() -> None:
    g.user = None
    if request.endpoint not in PUBLIC and "user_id" in session:
        g.user = users.by_session(session["user_id"], session.get("number"))


def login_required(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Send visitors who have not logged in to do so, and then back to the page they wanted."""

    @wraps(view)
    def protected(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        return view(*args, **kwargs) if g.user else to_login()

    return protected


def to_login() -> Response:
    flash("Please log in first.", "error")
    # A form that was sent is lost, and its address may answer nothing but forms.
    wanted = request.root_path + request.full_path.rstrip("?")
    return redirect(url_for("auth.login", next=wanted if request.method == "GET" else None), 303)


@bp.get("/register")
def register() -> str:
    return render_template("auth/register.html", errors={})


@bp.post("/register")
def create() -> Response | tuple[str, int]:
    name, password = request.form.get("name", ""), request.form.get("password", "")
    errors = users.errors_in(name, password)
    if not errors:
        try:
            enter(users.create(name, password))
        except NameTaken:
            errors["name"] = "Somebody has this name already. Please choose another one."
    if errors:
        return render_template("auth/register.html", errors=errors), 422
    journal.record("registered")
    flash(f"Welcome, {g.user.name}. This is your account.")
    return redirect(url_for(".account"), 303)


@bp.get("/login")
def login() -> str:
    return render_template("auth/login.html", errors={})


@bp.post("/login")
def check() -> Response | tuple[str, int]:
    user = users.verified(request.form.get("name", ""), request.form.get("password", ""))
    if user is None:
        journal.record("login refused")
        errors = {"password": "Name and password do not belong together."}
        return render_template("auth/login.html", errors=errors), 422
    enter(user)
    journal.record("logged in")
    flash(f"Welcome back, {user.name}.")
    wanted = request.args.get("next", "")
    return redirect(wanted if is_ours(wanted) else url_for("entries.index"), 303)


@bp.post("/logout")
def logout() -> Response:
    if g.user:
        users.end_sessions(g.user)
    session.clear()
    flash("You have logged out, on all your devices.")
    return redirect(url_for("entries.index"), 303)


@bp.get("/account")
@login_required
def account() -> str:
    return render_template("auth/account.html", errors={})


@bp.post("/password")
@login_required
def change_password() -> Response | tuple[str, int]:
    errors = {}
    if not users.verified(g.user.name, request.form.get("current", "")):
        errors["current"] = "This is not your password."
    new = request.form.get("new", "")
    if error := users.password_error(new):
        errors["new"] = error
    if errors:
        return render_template("auth/account.html", errors=errors), 422
    enter(users.change_password(g.user, new))
    journal.record("changed the password")
    flash("Your password has been changed. Elsewhere you are logged out, and your token has ended.")
    return redirect(url_for(".account"), 303)


@bp.post("/token")
@login_required
def token() -> Response:
    """Show a new token, this once: only its hash is kept."""
    page = render_template("auth/account.html", errors={}, token=users.new_token(g.user))
    journal.record("drew a token")
    response = make_response(page)
    response.cache_control.no_store = True
    return response


def enter(user: User) -> None:
    """Begin the session of somebody who has shown who they are."""
    # Somebody else may have put the session that was here until now into the browser.
    session.clear()
    session["user_id"], session["number"] = user.id, user.session
    session.permanent = True
    g.user = user


def is_ours(url: str) -> bool:
    """Whether a URL stays on this site; a link to the login could name any other one."""
    # Two slashes at the beginning lead to another site. Browsers read a backslash as a slash, and
    # some characters between the two as nothing.
    return re.fullmatch(r"/(?!/)[^\\\s\x00-\x1f\x7f-\x9f]*", url) is not None


@bp.cli.command("create-user")
@click.argument("name")
@click.password_option()
@click.option("--admin", is_flag=True, help="May delete the entries of others.")
def create_user(name: str, password: str, admin: bool) -> None:
    """Create an account."""
    if errors := users.errors_in(name, password):
        raise click.ClickException(" ".join(errors.values()))
    try:
        user = users.create(name, password, admin=admin)
    except NameTaken:
        raise click.ClickException(f"There is an account of the name {name} already.") from None
    click.echo(f"{user.name} can log in now.")
