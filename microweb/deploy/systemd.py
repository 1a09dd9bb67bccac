"""The units with which systemd runs a site."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from .python import target
from .site import Site

# How long a reload may take beside the requests that it waits for: to import the new code.
_IMPORT_SECONDS = 90

UNITS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")


def service(
    site: Site, command: list[str], reload: list[str] | None, notifies: bool, stops: str
) -> str:
    """Return ``NAME.service``.

    :param site: The site.
    :param command: The command that starts the server.
    :param reload: The command that makes it take new code, if there is one.
    :param notifies: Whether the server tells systemd that it has started.
    :param stops: The signal that lets requests finish.
    """
    what = f"{site.module}:{site.expression}".replace("%", "%%")
    unit = [f"Description={site.name}: {what}", "After=network.target"]
    kept = "restart"
    install = ["WantedBy=multi-user.target"]
    if site.socket_activation:
        unit += [f"Requires={site.name}.socket"]
        install += [f"Also={site.name}.socket"]
        kept = "yes"  # the socket is in this folder
    folder = []
    if site.system:
        folder += [
            "# Made with the service, for the socket; gone with it.",
            f"RuntimeDirectory={site.run.removeprefix('/run/')}",
            "RuntimeDirectoryMode=0750",
            f"RuntimeDirectoryPreserve={kept}",
        ]
    return f"""\
[Unit]
{_lines(unit)}
[Service]
Type={"notify" if notifies else "exec"}
User={site.user}
Group={site.group}
{_lines(folder)}\
WorkingDirectory={target(site)[0]}
# Variables such as MICROWEB_SECRET_KEY, a NAME=value a line. Reloads read it as {site.user}, and
# nobody else should: chown {site.user} and chmod 600.
EnvironmentFile=-{site.environment_file}
ExecStart={_command(command)}
{"" if reload is None else _lines([f"ExecReload={_command(reload)}"])}\
{_stop(site)}\
# It goes to the first process alone, which lets requests finish.
KillSignal={stops}
KillMode=mixed
TimeoutStopSec={site.request_seconds + 10}
# For a reload as well, which imports the code and waits for the requests of one process by one.
TimeoutStartSec={site.request_seconds * (site.processes + 1) + _IMPORT_SECONDS}
Restart=on-failure
RestartSec=1
# A process of its own can be nothing more than this user.
NoNewPrivileges=true
{_lines(_folders(site))}ProtectKernelTunables=true
ProtectControlGroups=true
RestrictSUIDSGID=true

[Install]
{_lines(install)}"""


def others_unit(site: Site, folders: Iterable[str] = UNITS) -> str | None:
    """Return the unit of another program that has a site's name; None where there is none.

    :param site: The site.
    :param folders: Where systemd keeps units.
    """
    for folder in folders:
        path = Path(folder, f"{site.name}.service")
        if path.exists() and f"{site.files}/" not in path.read_text(errors="replace"):
            return str(path)
    return None


def socket(site: Site) -> str:
    """Return ``NAME.socket``, with which connections wait while the service restarts.

    :param site: The site.
    """
    return f"""\
[Unit]
Description=The socket of {site.name}

[Socket]
ListenStream={site.socket}
SocketUser={site.user}
SocketGroup={site.group}
SocketMode=0660
Backlog={site.backlog}

[Install]
WantedBy=sockets.target
"""


def _folders(site: Site) -> list[str]:
    lines = ["ProtectSystem=full"]
    used = [site.folder, site.files, site.run, site.socket, site.python, site.instance]
    if not any(path.startswith(("/tmp/", "/var/tmp/")) for path in used):
        lines.insert(0, "PrivateTmp=true")
    if site.instance.startswith(("/usr/", "/etc/", "/boot/")):
        lines += [
            "# The application's own files, which would be read-only there.",
            f'ReadWritePaths=-"{site.instance}"',
        ]
    return lines


def _stop(site: Site) -> str:
    if site.server != "uwsgi":
        return ""
    return """\
# A process that is still importing the application overlooks that it is to end, and is told again.
ExecStop=/bin/sh -c 'kill -TERM $MAINPID; \\
    while sleep 1 && kill -0 $MAINPID 2>/dev/null; do pkill -HUP -P $MAINPID; done; true'
"""


def _command(words: list[str]) -> str:
    """Return a command as systemd reads it: quoted like in a shell, where that is needed."""
    return " ".join(
        word if re.fullmatch(r"[\w/.:@+=,-]+", word) else f'"{_escaped(word)}"' for word in words
    )


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace('"', '\\"')


def _lines(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
