"""The site of Falcon."""

from __future__ import annotations

import falcon


class Hello:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_TEXT
        resp.text = "Hello, World!"


class Message:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"message": "Hello, World!", "ok": True}


class Post:
    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str, post_id: int) -> None:
        resp.media = {"name": name, "post_id": post_id}


app = falcon.App()
app.add_route("/", Hello())
app.add_route("/json", Message())
app.add_route("/user/{name}/post/{post_id:int}", Post())
