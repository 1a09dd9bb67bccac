"""What is written for each server, how it is started, and how it takes new code."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from . import apache, command_lines, gunicorn, nginx, systemd, uwsgi
from .python import SCRIPT, script, target
from .site import Site


@dataclass(frozen=True)
class Stack:
    """One way to serve an application.

    :ivar title: What it is called.
    :ivar command: Returns the command that starts the server.
    :ivar configure: Returns the files that the server reads itself, by their names.
    :ivar reload: How it takes new code: ``touch`` of a file, ``HUP`` for its first process, or
        ``restart``.
    :ivar front: Whether nginx stands in front of it.
    :ivar notifies: Whether it tells systemd that it has started.
    :ivar stops: The signal that lets requests finish.
    """

    title: str
    command: Callable[[Site], list[str]]
    configure: Callable[[Site], dict[str, str]]
    reload: str
    front: bool = True
    notifies: bool = False
    stops: str = "SIGTERM"


STACKS = {
    "uwsgi": Stack(
        "uWSGI behind nginx",
        uwsgi.command,
        lambda site: {"uwsgi.ini": uwsgi.ini(site)},
        reload="touch",
        notifies=True,
    ),
    "gunicorn": Stack(
        "gunicorn behind nginx",
        gunicorn.command,
        lambda site: {"gunicorn.conf.py": gunicorn.configuration(site)},
        reload="HUP",
        notifies=True,
    ),
    "apache": Stack(
        "Apache with mod_wsgi",
        lambda site: ["apache2", "-f", site.file("httpd.conf")],
        lambda site: {
            f"{site.name}.apache.conf": apache.site_file(site),
            "httpd.conf": apache.main_file(site),
        },
        reload="touch",
        front=False,
    ),
    "waitress": Stack(
        "waitress behind nginx",
        command_lines.waitress,
        lambda site: {},
        reload="restart",
        stops="SIGINT",
    ),
    "granian": Stack("granian behind nginx", command_lines.granian, lambda site: {}, reload="HUP"),
}


_UNITS = "/etc/systemd/system"
_NGINX_SITES = "/etc/nginx/sites-enabled"
_APACHE_SITES = "/etc/apache2/sites-enabled"


def files(site: Site) -> dict[str, str]:
    """Return the text of all files of a site, by their names.

    :param site: The site.
    """
    stack = STACKS[site.server]
    found = stack.configure(site)
    if site.needs_script or site.server == "apache":
        found[SCRIPT] = script(site)
    if stack.front:
        found[f"{site.name}.nginx"] = nginx.site_file(site)
        found["nginx.conf"] = nginx.main_file(site)
        found[f"{site.name}.service"] = systemd.service(
            site, stack.command(site), reload_command(site), stack.notifies, stack.stops
        )
        if site.socket_activation:
            found[f"{site.name}.socket"] = systemd.socket(site)
    return found


def outdated(site: Site, root: str = "/") -> list[tuple[str, str]]:
    """Return what was copied for root's programs and has other text than the files have by now.

    :param site: The site.
    :param root: Where the file system of those programs begins.
    :returns: The name of each file, with the path of its copy.
    """
    names = {
        f"{site.name}.service": _UNITS,
        f"{site.name}.socket": _UNITS,
        f"{site.name}.nginx": _NGINX_SITES,
        f"{site.name}.apache.conf": _APACHE_SITES,
    }
    found = []
    for name, folder in names.items():
        copy = Path(root, folder[1:], name)
        with suppress(OSError):
            if Path(site.file(name)).read_bytes() != copy.read_bytes():
                found.append((name, str(copy)))
    return found


def reload_command(site: Site) -> list[str] | None:
    """Return the command that makes the server take new code, None where it cannot.

    :param site: The site.
    """
    if STACKS[site.server].reload == "restart":
        return None
    return [site.python, "-m", "microweb", "deploy", "--reload", "--to", site.files]


def touched_file(site: Site) -> str:
    """Return the file whose touch makes the server take new code.

    :param site: The site.
    """
    return site.file(SCRIPT) if site.server == "apache" else site.reload_file


def start_commands(site: Site, managed: bool, root: bool) -> list[str]:
    """Return the commands with which a site starts.

    :param site: The site.
    :param managed: Whether systemd runs this machine.
    :param root: Whether the user who has to type them is root.
    """
    sudo = "" if root or not site.system else "sudo "
    stack = STACKS[site.server]
    if not site.system or not managed:
        return _by_hand(site, stack, sudo)
    make = _instance(site, sudo)
    if not stack.front:
        return [
            f"{make}{sudo}a2enmod -q {' '.join(apache.modules_of(site))} && "
            + _installed(site, [f"{site.name}.apache.conf"], _APACHE_SITES, sudo),
            f"{sudo}apache2ctl configtest && {sudo}systemctl reload apache2",
        ]
    units = [f"{site.name}.socket"] * site.socket_activation + [f"{site.name}.service"]
    enable = f"{sudo}systemctl enable --now {' '.join(units)}"
    return [
        f"{make}{_installed(site, units, _UNITS, sudo)} && {enable}",
        f"{_installed(site, [f'{site.name}.nginx'], _NGINX_SITES, sudo)}"
        f" && {sudo}nginx -t && {sudo}systemctl reload nginx",
    ]


def start_commands_here(site: Site) -> list[str]:
    """Return the commands with which this user starts a site on this machine.

    :param site: The site.
    """
    return start_commands(site, os.path.isdir("/run/systemd/system"), os.geteuid() == 0)


def _installed(site: Site, names: list[str], folder: str, sudo: str) -> str:
    """Return what copies files for root's programs.

    As links they could be changed by whoever owns the application, which its processes may, and
    systemd would miss a unit whose file system comes later.
    """
    paths = shlex.join(site.file(name) for name in names)
    return f"{sudo}install -m 644 {paths} {folder}/"


def _by_hand(site: Site, stack: Stack, sudo: str) -> list[str]:
    mode = f"-m 750 -o {site.user} -g {site.group} " if site.system else "-m 700 "
    if not stack.front:
        mode = "-m 755 "  # Apache's processes are another user's than its first one
    make = f"{sudo}install -d {mode}{shlex.quote(site.run)} && {_instance(site, sudo)}"
    if not stack.front:
        return [f"{make}{sudo}{shlex.join(stack.command(site))}"]
    front = f"{sudo}nginx -c {shlex.quote(site.file('nginx.conf'))}"
    return [f"{make}{sudo}{_in_background(site, stack)}", front]


def _in_background(site: Site, stack: Stack) -> str:
    log = os.path.join(site.run, f"{site.server}.log")
    command = stack.command(site)
    if site.server == "uwsgi":
        return shlex.join([*command, "--daemonize2", log])
    # uWSGI becomes the user of its file by itself; these would serve as who starts them.
    become = ["setpriv", f"--reuid={site.user}", f"--regid={site.group}", "--init-groups"]
    before = become if site.system and site.user != "root" else []
    if site.server == "gunicorn":
        return shlex.join([*before, *command, "--daemon", "--error-logfile", log])
    into = f"cd {shlex.quote(target(site)[0])}"
    inner = f"{into} && exec {shlex.join(command)} >>{shlex.quote(log)} 2>&1 &"
    return shlex.join([*before, "sh", "-c", inner])


def _instance(site: Site, sudo: str) -> str:
    """Return what gives the application's own files to its user, whoever has made them so far."""
    if not site.system or os.path.commonpath([site.instance, site.folder]) != site.folder:
        return ""
    path = shlex.quote(site.instance)
    owner = f"{site.user}:{site.group}"
    return f"{sudo}mkdir -p {path} && {sudo}chown -R {owner} {path} && "


def notes(site: Site) -> list[str]:
    """Return what has to be done that no file can do.

    :param site: The site.
    """
    found = []
    if STACKS[site.server].front and site.server != "uwsgi" and not site.believes_proxies:
        found.append(
            "the application sees nginx's address as that of every client, and http where the"
            ' client used https, until app.config["TRUSTED_PROXIES"] = 1.'
        )
    if site.server == "apache" and site.believes_proxies:
        found.append(
            "Apache passes X-Forwarded-For, -Proto and -Host on as they come. Unless another proxy"
            " stands before it that writes them, clients can say they were anybody:"
            ' app.config["TRUSTED_PROXIES"] = 0.'
        )
    if site.hosts:
        found.append(
            "nginx belongs on one machine, the rest on each host. All need the same SECRET_KEY, and"
            " only nginx may reach their sockets: uWSGI's protocol knows no password."
        )
    return found
