"""What all pages share: the look of errors, filters and names for templates, and headers."""

from __future__ import annotations

from typing import Any

from werkzeug import Response as WerkzeugResponse
from werkzeug.exceptions import HTTPException

from microweb import App, Response, current_app, render_template, request

from . import text
from .auth import PUBLIC

HEADERS = {
    # Whatever an entry holds, it cannot bring a script, a frame or a form of somebody else.
    "Content-Security-Policy": "default-src 'self'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}


def init_app(app: App) -> None:
    app.register_error_handler(HTTPException, error_page)
    app.add_template_filter(text.readable)
    app.add_template_filter(text.marked)
    app.context_processor(names)
    app.after_request(add_headers)


def error_page(error: HTTPException) -> WerkzeugResponse | HTTPException:
    """Dress an error as a page of the site, keeping its status and headers."""
    if request.endpoint in PUBLIC:
        # Pages of the site look at the session: they greet the visitor and show flashed messages.
        return error
    response = error.get_response()
    page = render_template([f"errors/{error.code}.html", "errors/any.html"], error=error)
    response.set_data(page)
    return response


def names() -> dict[str, Any]:
    return {"site_name": current_app.config["SITE_NAME"]}


def add_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response
