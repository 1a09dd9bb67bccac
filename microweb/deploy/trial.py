"""Importing an application in a fresh process: ``python -m microweb.deploy.trial``.

The process that asks is old, and its modules may be those of the release before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

import click

from ..discovery import find_app
from .running import NotStarted, TookTooLong, account, run, variables_of, why_not_started
from .site import Site

#: After how many seconds an import is given up.
PATIENCE = 60


def try_import(site: Site, environment: Mapping[str, str]) -> None:
    """Import the application as its server would, by its user and with its environment.

    :param site: The site.
    :param environment: The variables to start from.
    :raises click.ClickException: where it fails, with the traceback.
    """
    place = f"{site.module}:{site.expression}"
    variables = {**environment, **variables_of(site)}
    if site.python_path is not None:
        paths = [site.python_path, *filter(None, [variables.get("PYTHONPATH")])]
        variables["PYTHONPATH"] = os.pathsep.join(paths)
    command = [site.python, "-m", __name__, place]
    try:
        status, output = run(command, site.folder, variables, PATIENCE, account(site))
    except TookTooLong as error:
        raise click.ClickException(
            f"{error} Does importing the application call app.run()?"
        ) from None
    except NotStarted as error:
        raise click.ClickException(why_not_started(site, site.python, error)) from None
    if status != 0:
        raise click.ClickException(
            f"{place} cannot be imported in {site.folder}:\n\n{output.strip()}"
        )


def main(place: str) -> None:
    """Import an application, and let it say now what its first request would fail with.

    :param place: ``module:name``, or ``module:factory()``.
    """
    try:
        app = find_app(place)
    except click.ClickException as error:
        sys.exit(error.format_message())
    except SystemExit as error:  # with a status of 0 it would pass for an import
        sys.exit(f"The import ends the process: SystemExit({error.code!r}) was raised.")
    with app.test_request_context("/"):
        pass  # the routes and the configuration were looked at


if __name__ == "__main__":
    main(sys.argv[1])
