"""Checking what was written, installed and changed by hand, and who may use it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping

import click

from . import uwsgi
from .access import cannot_enter, cannot_read, cannot_write
from .ports import holder, longest_queue
from .site import WEB_USER, Site
from .stacks import STACKS, files, outdated
from .trial import try_import
from .trying import apache_accepts, nginx_accepts, text_of, uwsgi_starts

Check = Callable[[Site, Mapping[str, str]], Iterator[str]]


def check(site: Site, environment: Mapping[str, str]) -> int:
    """Try what was written, and say of each part whether it works.

    :param site: The site.
    :param environment: The variables of the processes that are started for it.
    :returns: The exit status: 0 where all is well, else 1.
    """
    failed = 0
    for title, look in _checks(site).items():
        try:
            problems = list(look(site, environment))
        except click.ClickException as error:
            problems = [error.message]
        failed += bool(problems)
        click.secho(f"{'FAILED' if problems else 'ok':7} {title}", fg="red" if problems else None)
        for problem in problems:
            click.echo("".join(f"        {line}\n" for line in problem.splitlines()), nl=False)
    return min(failed, 1)


def _checks(site: Site) -> dict[str, Check]:
    stack = STACKS[site.server]
    checks: dict[str, Check] = {
        "the application can be imported": _import,
        f"{site.server} is installed": _installed,
    }
    if site.system:
        checks[f"{site.user} can read the files"] = _files
        checks["what was installed is what was written"] = _copies
    if site.server == "uwsgi":
        checks["uWSGI starts with uwsgi.ini"] = uwsgi_starts
        checks["the files name the same paths"] = _paths
    if stack.front:
        checks[f"nginx accepts {site.name}.nginx"] = nginx_accepts
        checks["nginx reaches the socket"] = _socket
    else:
        checks["Apache's Python is that of the environment"] = _same_python
        checks[f"Apache accepts {site.name}.apache.conf"] = apache_accepts
    if site.static:
        checks["static files can be read"] = _static
    checks["the port is free"] = _port
    return checks


def _import(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    try_import(site, environment)
    yield from ()


def _installed(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    executable = STACKS[site.server].command(site)[0]
    if os.path.isabs(executable) and not os.access(executable, os.X_OK):
        yield f"There is no {executable}: {_INSTALL[site.server].format(site=site)}"


_INSTALL = {
    "uwsgi": "{site.python} -m pip install pyuwsgi",
    "gunicorn": "{site.python} -m pip install gunicorn",
    "waitress": "{site.python} -m pip install waitress",
    "granian": "{site.python} -m pip install granian",
    "apache": "apt-get install apache2 libapache2-mod-wsgi-py3",
}


def _files(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    for name in files(site):
        obstacle = cannot_read(site.user, site.file(name))
        if name.endswith((".ini", ".py")) and obstacle is not None:
            yield f"{site.user} may not read {site.file(name)}: {obstacle}."


def _copies(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    for name, copy in outdated(site):
        yield (
            f"{copy} is not what {site.file(name)} is by now: `microweb deploy` prints the command"
            " that installs it. Then systemctl restart, or reload nginx."
        )


# --- what the files say


def _paths(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    found = uwsgi.settings(text_of(site, "uwsgi.ini"))
    ours = found.get("socket", [])
    theirs = _upstreams(site)
    if not site.hosts and theirs and not set(theirs) & set(ours):
        yield (
            f"uWSGI listens on {' and '.join(ours) or 'no socket'}, and nginx asks"
            f" {' and '.join(theirs)}: `socket` in uwsgi.ini and `server` in {site.name}.nginx have"
            " to be the same, or all requests are answered 502."
        )
    for name, path in (
        ("safe-pidfile", site.pid_file),
        ("touch-chain-reload", site.reload_file),
        ("stats", site.stats_socket),
    ):
        if path not in found.get(name, []):
            yield f"uwsgi.ini has no `{name} = {path}`, which `microweb deploy --reload` looks for."
    allowed = longest_queue()
    wanted = max(map(int, filter(str.isdigit, found.get("listen", []))), default=0)
    if wanted > allowed:
        yield (
            f"uwsgi.ini has listen = {wanted}, above what the system allows, which is {allowed}."
            f" Lower it, or raise the limit: sysctl net.core.somaxconn={wanted}"
        )


def _upstreams(site: Site) -> list[str]:
    """Return what nginx sends requests to, as it is in its file by now."""
    pattern = r'(?m)^\s*server\s+(?:"(?:unix:)?([^"]+)"|(?:unix:)?([^\s;"{]+))[\s;]'
    found = re.findall(pattern, text_of(site, f"{site.name}.nginx"))
    return [in_quotes or plain for in_quotes, plain in found]


def _same_python(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    own, systems = os.path.realpath(site.python), os.path.realpath("/usr/bin/python3")
    if own != systems:
        yield (
            f"Debian's mod_wsgi has {systems} in it, and the environment was made with {own}: what"
            " was compiled for the one can crash the other. Make the environment anew with"
            " `/usr/bin/python3 -m venv`, install the application there, and run its microweb."
        )


# --- who may do what


def _front_user(site: Site) -> str:
    return WEB_USER if site.system else site.user


def _socket(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    # As it is in the file by now; `_paths` has compared that with uWSGI's.
    path = next((each for each in _upstreams(site) if "/" in each), None)
    if path is None:
        return
    front = _front_user(site)
    if os.path.exists(path):
        obstacle = cannot_write(front, path)
        if obstacle is not None:
            yield (
                f"nginx, which runs as {front}, may not write to {path} ({obstacle}), and answers"
                f" 502. Is {front} in the group of the socket? The group is {site.group} in the"
                " files: chown-socket in uwsgi.ini, Group in the service."
            )
    elif os.path.isdir(folder := os.path.dirname(path)):
        for who, verb, obstacle in (
            (site.user, "make", cannot_write(site.user, folder)),
            (front, "reach", cannot_enter(front, folder)),
        ):
            if obstacle is not None:
                yield (
                    f"{who} may not {verb} the socket {path}: {obstacle}. Give the folder away with"
                    f" `install -d -m 750 -o {site.user} -g {site.group} {folder}`."
                )


def _static(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    front = _front_user(site)
    for prefix, folder in site.static:
        obstacle = cannot_read(front, folder)
        if obstacle is not None:
            yield (
                f"{front} may not read the files of {prefix} in {folder} ({obstacle}), and would"
                " answer 403. Open the way with chmod o+x, or let the application serve them:"
                " --no-static."
            )


def _port(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    front, name = "apache2", f"{site.name}.apache.conf"
    if STACKS[site.server].front:
        front, name = "nginx", f"{site.name}.nginx"
    pattern = r"(?m)^\s*(?:listen\s+|<VirtualHost\s+)([^\s;>]+)"
    for port in dict.fromkeys(re.findall(pattern, text_of(site, name))):
        if port.startswith("[::]:"):  # beside the same one of IPv4
            continue
        taken = holder(port)
        if taken is not None and taken.program != front:
            yield (
                f"The port {port} is taken by {taken}. Stop that program, or take another port with"
                " --listen."
            )
    if site.unix_socket is None:
        taken = holder(site.socket)
        if taken is not None and taken.program not in (site.server, "python", "python3"):
            yield (
                f"The socket {site.socket} is taken by {taken}. Stop that program, or take another"
                " with --socket."
            )
