"""An application with what goes wrong on a developer's day; its argument is the port."""

from __future__ import annotations

import sys
from typing import Any

from microweb import App, request

app = App(__name__)

FORM = """\
<!doctype html>
<html lang="en">
<title>Upload</title>
<form method="post" action="/photos" {enctype}>
<input type="file" name="photo"><button>Send</button>
</form>
<form method="post" action="/users"><button id="create">Create</button></form>
"""


@app.get("/")
def index() -> str:
    return FORM.format(enctype="")


@app.get("/right")
def right() -> str:
    return FORM.format(enctype='enctype="multipart/form-data"')


@app.post("/photos")
def add_photo() -> str:
    return f"<p>{request.files['photo'].filename}</p>"


@app.get("/users")
def users() -> str:
    return ""


@app.get("/users/<int:id>/a-long-tail/that-does-not/fit-into-a-line/on-a-telephone/<path:rest>")
def user(id: int, rest: str) -> str:
    return ""


@app.get("/nothing")
def nothing() -> Any:
    request.args.get("value")


@app.get("/broken")
def broken() -> str:
    items: list[str] = []
    return items[7]


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]), debug=True)
