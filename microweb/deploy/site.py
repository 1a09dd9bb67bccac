"""A site: one application, and all that its servers have to know of it."""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from ..errors import ConfigError

#: Who runs a site that belongs to root, and who nginx and Apache run as on Debian.
WEB_USER = "www-data"


@dataclass(frozen=True)
class Site:
    """One deployment of an application.

    Paths are absolute texts, sizes bytes and times seconds.

    :ivar name: Names the files, the unit and the folder below /run.
    :ivar server: Which server runs the application: a key of `stacks.STACKS`.
    :ivar module: The module of the application, as a server imports it from `folder`.
    :ivar expression: What it is called in there: a name, or the call of a factory.
    :ivar folder: The current folder of the application's processes.
    :ivar python_path: A folder to import the application from, where that is not `folder`.
    :ivar python: The Python of its environment.
    :ivar files: The folder that the files are written into.
    :ivar run: The folder of the socket, of the process ids and of the file that asks for a reload.
    :ivar user: Who runs the application.
    :ivar group: Who else may use its socket: the group of the server in front.
    :ivar domains: The names of the site; none answers to any name.
    :ivar address: What nginx listens on, a port or `address:port`; None says 80 and 443.
    :ivar processes: How many processes serve the application.
    :ivar threads: How many threads each one has.
    :ivar socket: Where the processes listen: a path, or `host:port`.
    :ivar hosts: The sockets of all hosts, where there is more than this one.
    :ivar body_limit: The largest body of a request, None where there is no limit.
    :ivar static: Folders of static files by their URL prefix.
    :ivar max_age: How long browsers may keep static files, in seconds; None says nothing of it.
    :ivar instance: The folder of the application's own files.
    :ivar certificate: The certificate for https, and `key` its key; None serves http.
    :ivar socket_activation: The system's manager opens the socket, and keeps it over a restart.
    :ivar believes_proxies: TRUSTED_PROXIES of the application is set.
    :ivar backlog: How many connections may wait for a process.
    :ivar request_seconds: When a request is given up; a worker that is to end has as long.
    """

    name: str
    server: str
    module: str
    expression: str
    folder: str
    python_path: str | None
    python: str
    files: str
    run: str
    user: str
    group: str
    domains: tuple[str, ...]
    address: str | None
    processes: int
    threads: int
    socket: str
    hosts: tuple[str, ...]
    body_limit: int | None
    static: tuple[tuple[str, str], ...]
    max_age: int | None
    instance: str
    certificate: str | None
    key: str | None
    socket_activation: bool
    believes_proxies: bool
    backlog: int
    request_seconds: int

    @property
    def system(self) -> bool:
        """Whether it is installed on the machine, and not only tried by the user who wrote it."""
        return self.run.startswith("/run/")

    @property
    def needs_script(self) -> bool:
        """Whether a server needs a file to find the application: not all can call a factory."""
        return self.expression.endswith(")") or self.python_path is not None

    @property
    def unix_socket(self) -> str | None:
        """The path of the socket, None where it is one of the network."""
        return self.socket if "/" in self.socket else None

    @property
    def reload_file(self) -> str:
        """The file whose touch makes uWSGI take the new code."""
        return os.path.join(self.run, "reload")

    @property
    def pid_file(self) -> str:
        """The file with the id of the server's first process."""
        return os.path.join(self.run, f"{self.server}.pid")

    @property
    def stats_socket(self) -> str:
        """The socket on which uWSGI says what its processes are doing."""
        return os.path.join(self.run, "stats.sock")

    @property
    def environment_file(self) -> str:
        """The file of environment variables, which need not exist."""
        return os.path.join(self.files, f"{self.name}.env")

    def file(self, name: str) -> str:
        """Return the path of a file that is written.

        :param name: Its name in the folder.
        """
        return os.path.join(self.files, name)

    def beside_python(self, program: str) -> str:
        """Return the path of a program of the application's environment.

        :param program: Its name.
        """
        return os.path.join(os.path.dirname(self.python), program)


def save(site: Site, options: Mapping[str, Any]) -> str:
    """Return a site as text, for :func:`load`.

    :param options: The options it was made with, for the next time.
    """
    return json.dumps({"options": dict(options), "site": asdict(site)}, indent=2) + "\n"


def load(file: Path) -> tuple[Site, dict[str, Any]]:
    """Read what :func:`save` returned.

    :param file: The file that it was written to.
    :returns: The site, and the options it was made with.
    :raises ConfigError: where it is not such a file.
    """
    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
        known = saved["site"]
        values = {field.name: _frozen(known[field.name]) for field in fields(Site)}
        return Site(**values), dict(saved["options"])
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            str(file),
            f"{str(file)!r} is not what this version of microweb writes ({error!r}): delete it,"
            " and run `microweb deploy` again with all of its options.",
        ) from None


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


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
        max_age=_max_age(app),
        instance=app.instance_path,
        certificate=_absolute(options.get("certificate")),
        key=_absolute(options.get("key")),
        socket_activation=bool(options.get("socket_activation")),
        believes_proxies=bool(app.config.get("TRUSTED_PROXIES")),
        backlog=min(1024, _longest_queue()),
        request_seconds=options.get("timeout") or 60,
    )
    _check_paths(site)
    user, group = _who_runs(site, options.get("user"))
    return replace(site, user=user, group=group)


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
        _check_port("--socket", socket)
    for host in options.get("hosts") or ():
        _check_port("--hosts", host)
    if options.get("listen") is not None:
        _check_port("--listen", f":{options['listen']}".replace("::", ":", 1))
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
    for path in (*paths, *(part for pair in site.static for part in pair)):
        strange = re.search(r"[%$\n'\"\\]", path)
        if strange is not None:
            raise ConfigError(
                "path",
                f"The path {path!r} has a {strange.group()!r} in it, which means something else in"
                " the files of servers. Rename that folder.",
            )


def _check_port(option: str, value: str) -> None:
    host, colon, port = value.rpartition(":")
    if not (colon and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ConfigError(
            option, f"{option} {value}: this needs a port, as in {host or 'host'}:3031."
        )
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
    kept = (character if character.isalnum() else "-" for character in os.path.basename(folder))
    return "".join(kept).strip("-").lower() or "app"


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
    user = wanted or (WEB_USER if owner == 0 else pwd.getpwuid(owner).pw_name)
    return _user(user).pw_name, WEB_USER


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


def _longest_queue() -> int:
    try:
        return int(Path("/proc/sys/net/core/somaxconn").read_text())
    except (OSError, ValueError):  # no Linux; 128 is what others allow
        return 128
