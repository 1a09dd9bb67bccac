"""Extensions that were written for Flask, on microweb: each in a process of its own.

Flask itself is what other tests compare with, so it must not be replaced in this process.
"""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent

import pytest

START = """
import microweb.compat.flask
from flask import Flask

app = Flask("example", static_folder=None, root_path=".")
app.config.update(SECRET_KEY="a key for tests only", TESTING=True)
"""


def run(program: str, start: str = START) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", start + dedent(program)], capture_output=True, text=True, check=False
    )


def passes(program: str) -> None:
    done = run(program)
    assert (done.returncode, done.stderr) == (0, "")


def test_flask_login_logs_in_remembers_and_logs_out() -> None:
    passes(
        """
        from flask_login import (
            LoginManager, UserMixin, current_user, login_required, login_user, logout_user
        )

        class User(UserMixin):
            def __init__(self, id):
                self.id = id

        login = LoginManager(app)
        login.login_view = "sign_in"
        login.user_loader(User)

        @app.get("/in")
        def sign_in():
            login_user(User("7"), remember=True)
            return "in"

        @app.get("/me")
        @login_required
        def me():
            return current_user.id

        @app.get("/async")
        @login_required
        async def me_asynchronously():
            return current_user.id

        @app.get("/out")
        def sign_out():
            logout_user()
            return "out"

        with app.test_client() as client:
            refused = client.get("/me")
            assert (refused.status_code, refused.location) == (302, "/in?next=%2Fme")
            client.get("/in")
            assert client.get_cookie("remember_token") is not None
            assert client.get("/me").text == client.get("/async").text == "7"
            client.delete_cookie("session")
            assert client.get("/me").text == "7"
            client.get("/out")
            assert client.get("/me").status_code == 302
        """
    )


def test_the_client_of_flask_login_is_logged_in() -> None:
    passes(
        """
        from flask_login import FlaskLoginClient, LoginManager, UserMixin, current_user

        class User(UserMixin):
            def __init__(self, id):
                self.id = id

        LoginManager(app).user_loader(User)
        app.add_url_rule("/", "me", lambda: current_user.id)
        app.test_client_class = FlaskLoginClient
        with app.test_client(user=User("9")) as client:
            assert client.get("/").text == "9"
        """
    )


def test_flask_wtf_protects_forms_and_validates_them() -> None:
    passes(
        """
        import re
        from flask import render_template_string
        from flask_wtf import CSRFProtect, FlaskForm
        from wtforms import StringField
        from wtforms.validators import DataRequired

        CSRFProtect(app)

        class Form(FlaskForm):
            name = StringField(validators=[DataRequired()])

        @app.route("/", methods=["GET", "POST"])
        def index():
            form = Form()
            if form.validate_on_submit():
                return form.name.data
            return render_template_string("{{ form.csrf_token }} {{ form.errors }}", form=form)

        client = app.test_client()
        token = re.search('value="([^"]+)"', client.get("/").text)[1]
        assert client.post("/", data={"name": "ada"}).status_code == 400
        assert client.post("/", data={"name": "ada", "csrf_token": token}).text == "ada"
        assert "required" in client.post("/", data={"csrf_token": token}).text
        """
    )


def test_flask_sqlalchemy_keeps_a_session_for_each_context() -> None:
    passes(
        """
        from flask_sqlalchemy import SQLAlchemy
        from sqlalchemy.orm import Mapped, mapped_column

        app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
        db = SQLAlchemy(app)

        class Note(db.Model):
            id: Mapped[int] = mapped_column(primary_key=True)
            text: Mapped[str]

        @app.post("/<text>")
        def add(text):
            db.session.add(Note(text=text))
            db.session.commit()
            return [note.text for note in db.session.scalars(db.select(Note))]

        @app.get("/<int:id>")
        def show(id):
            return db.get_or_404(Note, id).text

        with app.app_context():
            db.create_all()
            assert app.make_shell_context()["db"] is db
        client = app.test_client()
        assert client.post("/milk").json == ["milk"]
        assert client.post("/tea").json == ["milk", "tea"]
        assert client.get("/2").text == "tea"
        assert client.get("/3").status_code == 404
        with app.app_context():
            db.engine.dispose()
        """
    )


def test_the_names_that_extensions_import_are_there() -> None:
    passes(
        """
        import flask.json.tag
        from flask.app import Flask as SameFlask
        from flask.blueprints import Blueprint, BlueprintSetupState
        from flask.cli import AppGroup, FlaskGroup, ScriptInfo, pass_script_info, with_appcontext
        from flask.config import Config
        from flask.ctx import AppContext, RequestContext, has_request_context
        from flask.globals import app_ctx, current_app, g, request, request_ctx, session
        from flask.helpers import get_flashed_messages, send_file, url_for
        from flask.json.provider import DefaultJSONProvider, JSONProvider
        from flask.json.tag import JSONTag, TaggedJSONSerializer
        from flask.logging import default_handler
        from flask.sessions import SecureCookieSessionInterface, SessionInterface, SessionMixin
        from flask.signals import Namespace, request_started
        from flask.templating import Environment, render_template
        from flask.testing import FlaskClient, FlaskCliRunner
        from flask.typing import ResponseReturnValue
        from flask.views import MethodView, View
        from flask.wrappers import Request, Response
        import flask
        assert flask.Flask is SameFlask and flask.__version__ == "3.1.3"
        import importlib.util
        from flask.cli import cli
        from flask.helpers import get_debug_flag, get_root_path
        from flask.views import http_method_funcs
        assert importlib.util.find_spec("flask").name == "flask"
        assert "post" in http_method_funcs and get_debug_flag() is False
        assert flask.json.dumps({"a": 1}) == '{"a": 1}'
        assert isinstance(app.test_client(), FlaskClient)
        assert isinstance(app.test_cli_runner(), FlaskCliRunner)
        """
    )


@pytest.mark.parametrize("module", ["flask", "flask.helpers"])
def test_a_name_that_is_missing_says_where_it_was_looked_for(module: str) -> None:
    done = run(f"import {module} as module\nmodule.nothing")
    assert done.stderr.splitlines()[-1] == (
        f"AttributeError: {module} has no 'nothing': it is microweb{module.removeprefix('flask')}"
        " under Flask's name, by microweb.compat.flask."
    )


def test_after_flask_itself_it_is_too_late() -> None:
    done = run("import microweb.compat.flask", start="import flask\n")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "microweb.errors.SetupError: Flask itself has been imported already, so that extensions"
        " would get parts of both: put `import microweb.compat.flask` before everything that"
        " imports flask."
    )
