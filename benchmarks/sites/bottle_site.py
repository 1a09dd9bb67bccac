"""The site of Bottle."""

from __future__ import annotations

from bottle import Bottle


def hello() -> str:
    return "Hello, World!"


def message() -> dict[str, object]:
    return {"message": "Hello, World!", "ok": True}


def show_post(name: str, post_id: int) -> dict[str, object]:
    return {"name": name, "post_id": post_id}


app = Bottle()
app.route("/", "GET", hello)
app.route("/json", "GET", message)
app.route("/user/<name>/post/<post_id:int>", "GET", show_post)
