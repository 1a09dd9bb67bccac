"""The site of Flask."""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    return "Hello, World!"


@app.get("/json")
def message() -> dict[str, object]:
    return {"message": "Hello, World!", "ok": True}


@app.get("/user/<name>/post/<int:post_id>")
def show_post(name: str, post_id: int) -> dict[str, object]:
    return {"name": name, "post_id": post_id}
