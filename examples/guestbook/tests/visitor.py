"""Somebody with a browser, and what they find on the pages."""

from __future__ import annotations

import io
import re
from html import unescape
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from microweb import App

EXAMPLE = Path(__file__).resolve().parents[1]

PNG = b"\x89PNG\r\n\x1a\n and then the rest"


class Visitor:
    """A browser with its own cookies, and somebody who fills in forms."""

    def __init__(self, app: App) -> None:
        self.client = app.test_client()

    def get(self, path: str) -> str:
        return self.client.get(path).text

    def post(self, path: str, **fields: Any) -> TestResponse:
        token = csrf_token(self.get("/auth/login"))
        return self.client.post(path, data={"csrf_token": token, **fields})

    def register(self, name: str) -> Visitor:
        answer = self.post("/auth/register", name=name, password=password_of(name))
        assert (answer.status_code, answer.location) == (303, "/auth/account")
        self.get("/auth/account")
        return self

    def log_in(self, name: str) -> Visitor:
        answer = self.post("/auth/login", name=name, password=password_of(name))
        assert answer.status_code == 303
        self.get("/entries/")
        return self

    def write(self, message: str, **fields: Any) -> TestResponse:
        return self.post("/entries/new", message=message, **fields)

    def draw_token(self) -> str:
        (token,) = found('<code class="token">(.*?)</code>', self.post("/auth/token").text)
        return token


def password_of(name: str) -> str:
    return f"the password of {name}"


def upload(content: bytes = PNG, name: str = "tea.png") -> tuple[io.BytesIO, str]:
    return io.BytesIO(content), name


def found(pattern: str, page: str) -> list[str]:
    return [unescape(text) for text in re.findall(pattern, page, re.DOTALL)]


def csrf_token(page: str) -> str:
    return found(r'name="csrf_token" value="(.*?)"', page)[0]


def messages(page: str) -> list[str]:
    return found(r'<p class="message">(.*?)</p>', page)


def flashes(page: str) -> list[str]:
    return found(r'<p class="flash[^>]*" role="status">(.*?)</p>', page)


def problems(page: str) -> list[str]:
    return found(r'<p class="error" id="\w+-error">(.*?)</p>', page)


def heading(page: str) -> str:
    (text,) = found(r"<h1>(.*?)</h1>", page)
    return text


def pictures(page: str) -> list[str]:
    return found(r'<img src="(.*?)"', page)
