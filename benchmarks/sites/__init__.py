"""One small application for each framework, as the module that a server loads.

Each module has an ``app`` that answers three requests: a line of text, a small object as JSON,
and two parameters of the path. Nothing but the framework is imported, because start-up and
memory are measured, too.
"""

from __future__ import annotations

from collections.abc import Mapping

# What each site answers, by name: the path to ask for and the text or the object to expect.
HELLO = "Hello, World!"
MESSAGE: Mapping[str, object] = {"message": "Hello, World!", "ok": True}
POST: Mapping[str, object] = {"name": "ada", "post_id": 42}
ANSWERS: Mapping[str, tuple[str, object]] = {
    "hello": ("/", HELLO),
    "json": ("/json", MESSAGE),
    "params": ("/user/ada/post/42", POST),
}
