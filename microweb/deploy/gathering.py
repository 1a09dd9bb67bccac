"""Gathering what servers have to know, from an application and from options."""

from __future__ import annotations

import grp
import os
import pwd
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..errors import ConfigError
from . import systemd
from .ports import longest_queue
from .site import WEB_USER, Site

# Of struct sockaddr_un, less the zero at the end (unix(7)).
_LONGEST_SOCKET = 107


def make_site(
    app: Any, module: str, expression: str, python_path: str | None, options: Mapping[str, Any]
) -> Site:
    """Gather what servers have to know, from an application and from options.

    :param app: The application.
    :param module: Its module.
    :param expression: What it is called in there.
    :param python_path: A folder to import it from, where that is not the current one.
    :param options: The options of ``microweb deploy`` that were given.
    """
    _check_options(options)
    folder = os.getcwd()
    name = options.get("name") or default_name(folder)
    run = os.path.abspath(options.get("run") or f"/run/{name}")
    files = os.path.abspath(options["to"])
    hosts = tuple(options.get("hosts") or ())
    server = options.get("server") or "uwsgi"
    site = Site(
        name=name,
        server=server,
        module=module,
        expression=expression,
        folder=folder,
        python_path=python_path,
        # Not resolved: behind the link is a Python that knows nothing of the environment.
        python=os.path.abspath(sys.executable),
        files=files,
        run=run,
        user="",
        group="",
        domains=tuple(options.get("domains") or ()),
        address=options.get("listen"),
        processes=1 if server == "waitress" else options.get("processes") or 2,
        threads=options.get("threads") or 2,
        socket=options.get("socket") or _default_socket(server, run, hosts),
        hosts=hosts,
        body_limit=_body_limit(app),
        static=() if options.get("static") is False else tuple(static_folders(app)),
        internal=_internal_folders(app),
        max_age=_max_age(app),
        instance=app.instance_path,
        certificate=_absolute(options.get("certificate")),
        key=_absolute(options.get("key")),
        socket_activation=bool(options.get("socket_activation")),
        believes_proxies=bool(app.config.get("TRUSTED_PROXIES")),
        backlog=min(1024, longest_queue()),
        request_seconds=options.get("timeout") or 60,
    )
    _check_paths(site)
    user, group = _who_runs(site, options.get("user"))
    site = replace(site, user=user, group=group)
    other = systemd.others_unit(site) if site.system else None
    if other is not None:
        raise ConfigError(
            "--name", f"There is another service {name}: {other}. Name this one with --name."
        )
    return site


def _check_options(options: Mapping[str, Any]) -> None:
    """Refuse what would make files that no server accepts.

    :raises ConfigError: for such an option, saying what it takes.
    """
    server = options.get("server") or "uwsgi"
    name, socket = options.get("name"), options.get("socket")
    if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ConfigError("--name", f"--name {name}: use letters, digits, - and _ alone.")
    if bool(options.get("certificate")) != bool(options.get("key")):
        raise ConfigError("--key", "--certificate and --key go together: https needs both.")
    if socket is not None and "/" not in socket:
        _check_port("--socket", socket, "127.0.0.1:3031")
    for host in options.get("hosts") or ():
        _check_port("--hosts", host, "10.0.0.2:3031")
    if options.get("listen") is not None:
        _check_port("--listen", options["listen"], "8080 or 127.0.0.1:8080", alone=True)
    if options.get("socket_activation") and server != "uwsgi":
        raise ConfigError(
            "--socket-activation", f"--socket-activation is for uwsgi; {server} makes its own."
        )
    if server == "waitress" and (options.get("processes") or 1) > 1:
        raise ConfigError("--processes", "waitress is one process: give it more --threads.")
    for domain in options.get("domains") or ():
        if not re.fullmatch(r"[\w*.-]+", domain):
            raise ConfigError("--domain", f"--domain {domain}: a name such as www.example.org.")


def _check_paths(site: Site) -> None:
    paths = [site.folder, site.python, site.files, site.run, site.socket, site.instance]
    paths += [path for path in (site.certificate, site.key, site.python_path) if path is not None]
    for path in (*paths, *(part for pair in (*site.static, *site.internal) for part in pair)):
        strange = re.search(r"[%$\n'\"\\]", path)
        if strange is not None:
            raise ConfigError(
                "path",
                f"The path {path!r} has a {strange.group()!r} in it, which means something else in"
                " the files of servers. Rename that folder.",
            )
    if site.system and not re.fullmatch(r"[\w/.-]+", site.run):
        raise ConfigError("--run", f"--run {site.run}: systemd takes no spaces in it.")
    if site.unix_socket and len(os.fsencode(site.unix_socket)) > _LONGEST_SOCKET:
        raise ConfigError(
            "--socket",
            f"The path of the socket is too long for Linux, which takes {_LONGEST_SOCKET} bytes:"
            f" {site.unix_socket}. Name a shorter one with --socket, or a folder with --run.",
        )


def _check_port(option: str, value: str, example: str, alone: bool = False) -> None:
    host, colon, port = value.rpartition(":")
    is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if not (is_port and (colon or alone)):
        raise ConfigError(option, f"{option} {value}: this needs a port, as in {example}.")
    if not re.fullmatch(r"[\w.\[\]:*-]*", host):
        raise ConfigError(option, f"{option} {value}: {host!r} is no name or address of a host.")


def _body_limit(app: Any) -> int | None:
    """Return the longest body that some route takes; None where there is a route without limit."""
    limits = [app.config["MAX_CONTENT_LENGTH"]]
    limits += [
        rule.max_content_length
        for rule in app.url_map.iter_rules()
        if getattr(rule, "max_content_length", None) is not None
    ]
    return None if None in limits else max(limits)


def default_name(folder: str) -> str:
    """Return the name of a site that was given none: that of its folder.

    :param folder: The folder.

    >>> default_name("/srv/My Shop")
    'my-shop'
    """
    kept = re.sub(r"[^a-z0-9]+", "-", os.path.basename(folder).lower())
    return kept.strip("-") or "app"


def static_folders(app: Any) -> list[tuple[str, str]]:
    """Return the URL prefixes of an application's static files, each with its folder.

    Those of blueprints are among them. One at the root of the site is not, where views answer, nor
    one below a variable or on a host or subdomain of its own.
    """
    found = []
    owners = {"": app, **app.blueprints}
    for rule in app.url_map.iter_rules():
        owner_name, _, name = rule.endpoint.rpartition(".")
        owner = owners.get(owner_name)
        prefix, _, variable = rule.rule.rpartition("/")
        if (
            name == "static"
            and owner is not None
            and owner.has_static_folder
            and prefix
            and "<" not in prefix
            and variable == "<path:filename>"
            and not (rule.host or rule.subdomain)
        ):
            found.append((f"{prefix}/", owner.static_folder))
    return found


def _internal_folders(app: Any) -> tuple[tuple[str, str], ...]:
    mapping = app.config["X_ACCEL_MAPPING"] if app.config["USE_X_SENDFILE"] else None
    return tuple(
        (f"{location.rstrip('/')}/", folder.rstrip("/"))
        for folder, location in (mapping or {}).items()
    )


def _default_socket(server: str, run: str, hosts: tuple[str, ...]) -> str:
    ports = {host.rpartition(":")[2] for host in hosts}
    if not hosts:
        return os.path.join(run, f"{server}.sock")
    if len(ports) > 1:
        raise ConfigError(
            "--hosts",
            f"The hosts have different ports ({', '.join(sorted(ports))}), so say which socket is"
            " this one's: --socket address:port.",
        )
    return f"0.0.0.0:{ports.pop()}"


def _who_runs(site: Site, wanted: str | None) -> tuple[str, str]:
    """Return the user and the group of the processes."""
    if not site.system:
        user = wanted or pwd.getpwuid(os.geteuid()).pw_name
        group = grp.getgrgid(os.getegid() if wanted is None else _user(user).pw_gid).gr_name
        return user, group
    owner = os.stat(site.folder).st_uid
    user = wanted or (WEB_USER if owner == 0 else _name_of(owner, site.folder))
    return _user(user).pw_name, _user(WEB_USER).pw_name


def _name_of(owner: int, folder: str) -> str:
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        raise ConfigError(
            "--user",
            f"{folder} belongs to the user {owner}, who has no name on this machine. Name who is to"
            " run the application with --user.",
        ) from None


def _user(name: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise ConfigError(
            "--user",
            f"There is no user {name!r} on this machine. Make one with `adduser --system --group"
            f" {name}`, or name another with --user.",
        ) from None


def _max_age(app: Any) -> int | None:
    age = app.config["SEND_FILE_MAX_AGE_DEFAULT"]
    return None if age is None else int(getattr(age, "total_seconds", lambda: age)())


def _absolute(path: str | None) -> str | None:
    return None if path is None else os.path.abspath(path)
