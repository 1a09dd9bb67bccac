"""The script that makes an application known to a server as a variable."""

from __future__ import annotations

import re

from .site import Site

SCRIPT = "wsgi_script.py"


def target(site: Site) -> tuple[str, str]:
    """Return where a server imports the application from: the folder, and ``module:name``.

    :param site: The site.
    """
    if site.needs_script:
        return site.files, f"{SCRIPT.removesuffix('.py')}:application"
    return site.folder, f"{site.module}:{site.expression}"


def script(site: Site) -> str:
    """Return a Python file whose `application` is the application.

    Some servers want a file, and most cannot call a factory with arguments.

    :param site: The site.
    """
    folders = [site.folder] if site.python_path is None else [site.folder, site.python_path]
    root = re.match(r"\w*", site.expression)
    name = root.group() if root is not None else site.expression
    return f'''\
"""The application {site.module}:{site.expression} as a server finds it."""

import os
import sys

os.chdir({site.folder!r})
for folder in {folders!r}:
    if folder not in sys.path:
        sys.path.insert(0, folder)

from {site.module} import {name}  # noqa: E402 - the folders come first

application = {site.expression}
'''
