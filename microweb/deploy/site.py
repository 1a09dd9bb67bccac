"""A site: one application, and all that its servers have to know of it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
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
    :ivar internal: Folders of files that the application names and nginx sends, by URL prefix.
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
    internal: tuple[tuple[str, str], ...]
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
        return self.run.startswith("/run/") and not self.run.startswith("/run/user/")

    @property
    def needs_script(self) -> bool:
        """Whether a server needs a file to find the application: most take a plain name alone."""
        return not self.expression.isidentifier() or self.python_path is not None

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
