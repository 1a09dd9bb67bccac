"""uWSGI's configuration."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .python import SCRIPT
from .site import WEB_USER, Site


def ini(site: Site) -> str:
    """Return ``uwsgi.ini``.

    :param site: The site.
    """
    parts = [_application(site), _processes(site), _socket(site), _releases(site), _limits(site)]
    return "[uwsgi]\n" + "\n".join("".join(f"{line}\n" for line in part) for part in parts)


def settings(text: str) -> dict[str, list[str]]:
    """Read the settings of ``uwsgi.ini``: each name with its values, of which there may be several.

    :param text: The file.
    """
    found: dict[str, list[str]] = {}
    for line in map(str.strip, text.splitlines()):
        name, equals, value = line.partition("=")
        if equals and line[0] not in ";#[":
            found.setdefault(name.strip(), []).append(value.strip())
    return found


def program(site: Site) -> str:
    """Return the path of uWSGI: that of the application's environment, else the system's.

    :param site: The site.
    """
    own = site.beside_python("uwsgi")
    return own if os.path.exists(own) else shutil.which("uwsgi") or own


def command(site: Site) -> list[str]:
    """Return the command that starts uWSGI.

    :param site: The site.
    """
    return [program(site), "--ini", site.file("uwsgi.ini")]


def _application(site: Site) -> list[str]:
    lines = [
        "; An option that uWSGI does not know, misspelt for example, is an error.",
        "strict = true",
    ]
    executable = program(site)
    prefix = os.path.dirname(os.path.dirname(site.python))
    if executable == site.beside_python("uwsgi") and prefix != "/usr":
        if _is_script(executable):
            lines += [
                "; uWSGI as a wheel is a module of Python: without this a restart looks for it in",
                "; the wrong Python, and the service is gone.",
                f"binary-path = {site.python}",
            ]
    else:
        lines += [
            "; The system's uWSGI has Python as a plugin: apt-get install uwsgi-plugin-python3.",
            "plugin = python3",
        ]
        lines += [f"virtualenv = {prefix}"] * (prefix != "/usr")
    lines += [f"chdir = {site.folder}"]
    if site.needs_script:
        lines += [f"wsgi-file = {site.file(SCRIPT)}"]
    else:
        lines += [f"module = {site.module}:{site.expression}"]
    return [
        *lines,
        "; Rather no start than a server that answers 500 to everything.",
        "need-app = true",
    ]


def _processes(site: Site) -> list[str]:
    lines = [
        "master = true",
        "; Each process imports the application by itself, so that new ones get new code.",
        "lazy-apps = true",
        f"processes = {site.processes}",
        "enable-threads = true",
    ]
    if site.threads > 1:
        lines += [f"threads = {site.threads}"]
    if site.system:
        lines += [
            "; Only heeded where root starts it; systemd gives it to this user from the start.",
            f"uid = {site.user}",
            f"gid = {site.group}",
        ]
    lines += ["; In the background uWSGI would let every user write to its files.", "umask = 022"]
    return lines


def _socket(site: Site) -> list[str]:
    lines = [f"socket = {site.socket}"]
    if site.unix_socket is None:
        lines.insert(0, "; Whoever reaches this port speaks for nginx: a firewall has to guard it.")
    elif site.system:
        lines += [
            f"; For the user and for nginx, which is in the group {WEB_USER}, and nobody else.",
            "chmod-socket = 660",
            f"chown-socket = {site.user}:{site.group}",
        ]
    else:
        lines += ["chmod-socket = 600"]
    lines += [
        "; How many connections may wait. With uWSGI's own 100 a burst of more is answered 502.",
        "; The system allows net.core.somaxconn at most.",
        f"listen = {site.backlog}",
    ]
    if site.unix_socket is not None and not site.socket_activation:
        lines += ["; Takes the socket away at the end.", "vacuum = true"]
    return [
        *lines,
        f"safe-pidfile = {site.pid_file}",
        "; Says what the processes are doing: `microweb deploy --reload` and uwsgitop ask it.",
        f"stats = {site.stats_socket}",
    ]


def _releases(site: Site) -> list[str]:
    return [
        "; A touch of this file replaces the processes one by one, so that nobody has to wait.",
        "; `microweb deploy --reload` does that, when it has seen that the new code can be",
        "; imported: with code that cannot, uWSGI would end.",
        f"touch-chain-reload = {site.reload_file}",
        "; SIGTERM lets requests finish. With die-on-term it would cut them.",
        "hook-master-start = unix_signal:15 gracefully_kill_them_all",
        "; How many seconds they have for that.",
        f"worker-reload-mercy = {site.request_seconds}",
    ]


def _limits(site: Site) -> list[str]:
    return [
        "; A request that takes longer ends its process, and with it the requests of its other",
        "; threads; nginx answers 502.",
        f"harakiri = {site.request_seconds}",
        "; Room for the headers of a request and what nginx adds, in bytes. nginx accepts 32 KB of",
        "; them, and sends a long URL in three forms; what does not fit here is answered 502.",
        "buffer-size = 65535",
        "; How many seconds nginx may take to accept a piece of an answer.",
        "socket-timeout = 30",
        "; nginx logs the requests. What uWSGI and the application say goes to the system's log,",
        "; which looks after the space that it takes.",
        "disable-logging = true",
    ]


def _is_script(executable: str) -> bool:
    try:
        with Path(executable).open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:  # not installed yet; the wheel is what the documentation recommends
        return True
