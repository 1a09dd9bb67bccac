"""Servers that a command line configures: waitress and granian."""

from __future__ import annotations

from .python import target
from .site import Site


def waitress(site: Site) -> list[str]:
    """Return the command that starts waitress, which is one process.

    :param site: The site.
    """
    command = [site.beside_python("waitress-serve")]
    if site.unix_socket:
        command += [f"--unix-socket={site.unix_socket}", "--unix-socket-perms=660"]
    else:
        command += [f"--listen={site.socket}"]
    command += [f"--threads={site.threads}", f"--backlog={site.backlog}"]
    if site.body_limit is not None:  # one more than the application's, which has a better answer
        command += [f"--max-request-body-size={site.body_limit + 1}"]
    return [*command, target(site)[1]]


def granian(site: Site) -> list[str]:
    """Return the command that starts granian.

    :param site: The site.
    """
    command = [site.beside_python("granian"), "--interface", "wsgi"]
    if site.unix_socket:
        command += ["--uds", site.unix_socket, "--uds-permissions", "0660"]
    else:
        host, _, port = site.socket.rpartition(":")
        command += ["--host", host, "--port", port]
    command += ["--workers", str(site.processes), "--blocking-threads", str(site.threads)]
    command += ["--backlog", str(site.backlog), "--respawn-failed-workers"]
    return [*command, "--pid-file", site.pid_file, target(site)[1]]
