"""What `import microweb` offers, and what it does not load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import microweb

NAMES = {
    *("App", "Blueprint", "Config", "Request", "Response"),
    *("abort", "after_this_request", "copy_current_request_context", "current_app", "flash", "g"),
    *("get_flashed_messages", "get_template_attribute", "has_app_context", "has_request_context"),
    *("jsonify", "make_response", "redirect", "render_template", "render_template_string"),
    *(
        "json",
        "render_block",
        "request",
        "send_file",
        "send_from_directory",
        "session",
        "stream_template",
    ),
    *("stream_template", "stream_template_string", "stream_with_context", "url_for"),
    *("appcontext_popped", "appcontext_pushed", "appcontext_tearing_down"),
    *("before_render_template", "got_request_exception", "message_flashed", "request_finished"),
    *("request_started", "request_tearing_down", "template_rendered"),
}


def test_the_package_exports_these_names() -> None:
    tree = ast.parse(Path(microweb.__file__).read_text(encoding="utf-8"))
    exported = {
        alias.asname
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert exported == NAMES


def test_every_exported_object_is_documented() -> None:
    proxies = {"current_app", "g", "request", "session"}
    undocumented = {name for name in NAMES - proxies if not getattr(microweb, name).__doc__}
    assert undocumented == set()


@pytest.mark.parametrize(
    "module",
    [
        *("jinja2", "click", "itsdangerous", "asyncio", "sqlite3", "werkzeug.debug", "dotenv"),
        *("orjson", "msgspec", "signal", "queue", "decimal", "importlib.metadata"),
        *("microweb.pages", "microweb.debug", "microweb.commands", "microweb.testing"),
        *("microweb.access", "microweb.health", "werkzeug.middleware.proxy_fix"),
    ],
)
def test_importing_the_package_does_not_load(module: str) -> None:
    # What Werkzeug needs is there in any case, and differs from one Python to the next.
    code = (
        "import sys, werkzeug.wrappers, werkzeug.routing; known = {*sys.modules};"
        f"import microweb; print({module!r} in {{*sys.modules}} - known)"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout == "False\n"
