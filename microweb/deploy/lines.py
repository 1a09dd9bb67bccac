"""Servers that a command line configures: waitress and granian."""

from __future__ import annotations

from .python import target
from .site import Site


def waitress(site: Site) -> str:
    """Return the command that starts waitress, which is one process.

    :param site: The site.
    """
    if site.unix_socket:
        listen = f"--unix-socket={site.unix_socket} --unix-socket-perms=660"
    else:
        listen = f"--listen={site.socket}"
    limit = "" if site.body_limit is None else f" --max-request-body-size={site.body_limit + 1}"
    return (
        f"{site.beside_python('waitress-serve')} {listen} --threads={site.threads}"
        f" --backlog={site.backlog}{limit} {target(site)[1]}"
    )


def granian(site: Site) -> str:
    """Return the command that starts granian.

    :param site: The site.
    """
    if site.unix_socket:
        listen = f"--uds {site.unix_socket} --uds-permissions 660"
    else:
        host, _, port = site.socket.rpartition(":")
        listen = f"--host {host} --port {port}"
    return (
        f"{site.beside_python('granian')} --interface wsgi {listen} --workers {site.processes}"
        f" --blocking-threads {site.threads} --backlog {site.backlog}"
        f" --respawn-failed-workers --pid-file {site.pid_file} {target(site)[1]}"
    )
