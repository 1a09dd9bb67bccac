"""Letting a server that runs take new code."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import click

from .running import NotStarted, account, run
from .site import Site
from .stacks import STACKS, start_commands_here, touched_file
from .trial import try_import

_POLL_SECONDS = 0.05
_ASK_SECONDS = 10.0
# uWSGI overlooks a touch while it is busy with another, be it of a release that came before: then
# some of its processes are replaced, and others have already the code of that release.
_TOUCH_SECONDS = 2.0


def release(site: Site, environment: Mapping[str, str]) -> str:
    """Import the new code in a fresh process, and only then let the server take it.

    :param site: The site.
    :param environment: The variables of the fresh process.
    :returns: What has happened.
    :raises click.ClickException: where the code cannot be imported (the server goes on with the old
        one), where no server runs, and where it does not take the code.
    """
    stack = STACKS[site.server]
    if stack.reload == "restart":
        raise click.ClickException(
            f"{stack.title} cannot take new code while it runs: restart it, which fails requests"
            f" for about a second. systemctl restart {site.name}"
        )
    try:
        try_import(site, environment)
    except click.ClickException as error:
        raise click.ClickException(
            f"{error.message}\n\nNothing was reloaded: what runs goes on with the code it has."
        ) from None
    if site.server == "apache":
        ask(site, 0)
        return "Apache takes the new code with the next request."
    first = _first_process(site)
    before = _children(first)
    ask(site, first)
    return _wait(site, first, before)


def ask(site: Site, first: int) -> None:
    """Ask the server to take new code.

    That is done by the user of the site, also where root reloads: the folder of the process id and
    of the file is that user's, who could name any process in it, or put a link there.

    :param site: The site.
    :param first: The id of the server's first process.
    :raises click.ClickException: where this user may not.
    """
    if STACKS[site.server].reload == "touch":
        command = ["touch", "--", touched_file(site)]
    else:
        command = ["sh", "-c", 'kill -HUP "$0"', str(first)]
    own = None if site.server == "apache" else account(site)  # its file is among those written
    try:
        status, output = run(command, "/", os.environ, _ASK_SECONDS, own)
    except NotStarted as error:
        status, output = -1, str(error)
    if status != 0:
        raise click.ClickException(
            f"This user may not reload {site.name}: become {site.user} or root. ({output.strip()})"
        )


def _first_process(site: Site) -> int:
    with suppress(OSError, ValueError):
        process = int(Path(site.pid_file).read_text())
        # Another program may have the id by now, where the server could not take its file away.
        if site.server.encode() in Path(f"/proc/{process}/cmdline").read_bytes():
            return process
    raise click.ClickException(
        f"{site.name} does not run: {site.pid_file} names no process of"
        f" {site.server}. Start it with:"
        f"\n\n  {start_commands_here(site)[0]}"
    )


def _children(process: int) -> set[int]:
    with suppress(OSError):
        return set(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))
    return set()


def _wait(site: Site, first: int, before: set[int]) -> str:
    """Wait until new processes serve; the old ones finish what they are doing."""
    began = time.monotonic()
    ask_again = began + _TOUCH_SECONDS
    deadline = began + site.request_seconds * (site.processes + 1)
    touches = STACKS[site.server].reload == "touch"
    while before & (now := _children(first)) or not _all_serve(site):
        if not now and before:
            raise click.ClickException(
                f"{site.name} has ended while it took the new code, which could be imported a"
                f" moment ago. Its log says why: journalctl -u {site.name}"
            )
        if touches and before & now and time.monotonic() > ask_again:
            ask_again += _TOUCH_SECONDS
            ask(site, first)
        if time.monotonic() > deadline:
            raise click.ClickException(
                f"{len(before & now)} of {len(before)} old processes of {site.name} are still busy"
                f" after {deadline - began:.0f} seconds. They are replaced when their requests are"
                " done."
            )
        time.sleep(_POLL_SECONDS)
    return f"{len(before)} processes were replaced in {time.monotonic() - began:.1f} seconds."


def _all_serve(site: Site) -> bool:
    """Whether all processes accept requests; where a server does not say so, they do."""
    if site.server != "uwsgi":
        return True
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(site.stats_socket)
            with connection.makefile("rb") as answer:
                workers = json.load(answer)["workers"]
    except (OSError, ValueError):  # somebody has taken `stats` out of the file
        return True
    return all(worker["accepting"] for worker in workers)
