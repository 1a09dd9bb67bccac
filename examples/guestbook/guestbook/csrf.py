"""Protection from requests forged on other sites.

Every form carries a token that only this visitor's session knows. Another site can make a
browser send a form here, but it can neither read nor guess the token.
"""

from __future__ import annotations

import secrets

from microweb import Blueprint, abort, request, session


def protect(bp: Blueprint) -> None:
    """Refuse the blueprint's POST requests without a token; templates get `csrf_token()`."""
    bp.before_request(check)
    bp.add_app_template_global(token, "csrf_token")


def token() -> str:
    """Return the token of this session, drawing one at first."""
    value: str = session.setdefault("csrf_token", secrets.token_hex(16))
    return value


def check() -> None:
    if request.method == "POST":
        # A session that has no token yet gets one now, which no form can match.
        expected, received = token(), request.form.get("csrf_token", "")
        if not secrets.compare_digest(expected.encode(), received.encode()):
            abort(400, "This form has expired. Please go back, reload the page and try again.")
