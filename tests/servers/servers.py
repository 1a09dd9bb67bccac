"""The servers that the stories are told to, each with the command that a user would type."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from socket import create_server
from tempfile import TemporaryDirectory

from . import nginx
from .client import HOST, Client
from .process import running, wait_until
from .programs import program


@dataclass(frozen=True)
class Site:
    """A folder with an app.py in it, and the environment that configures it."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)


Serve = Callable[[Site], AbstractContextManager[Client]]
Command = Callable[[int], list[str]]


def free_port() -> int:
    with create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether an application answers; a 502 is only the word of a server in front of it."""
    try:
        return Client(port).get("/").status != 502
    except (OSError, HTTPException):
        return False


def uwsgi() -> str:
    return program("uwsgi", "pip install -e '.[dev]'")


def wsgiref(port: int) -> list[str]:
    server = "from wsgiref.simple_server import make_server; from app import app; "
    return [sys.executable, "-c", f"{server}make_server('{HOST}', {port}, app).serve_forever()"]


def development_server(port: int) -> list[str]:
    # What the background of a script starts ignores Ctrl-C, and so would the server.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    serve = f"from app import app; app.run(host='{HOST}', port={port})"
    return [sys.executable, "-c", f"{listen}; {serve}"]


def uwsgi_http_socket(port: int) -> list[str]:
    return [uwsgi(), "--http-socket", f"{HOST}:{port}", "-w", "app:app", "--need-app"]


def uwsgi_http(port: int) -> list[str]:
    return [uwsgi(), "--http", f"{HOST}:{port}", "-w", "app:app"]


def alone(command: Command) -> Serve:
    """A server that speaks HTTP itself."""

    @contextmanager
    def serve(site: Site) -> Iterator[Client]:
        port = free_port()
        with running(command(port), site.folder, site.environment) as process:
            wait_until(lambda: answers(port), process)
            yield Client(port)

    return serve


@contextmanager
def uwsgi_behind_nginx(site: Site) -> Iterator[Client]:
    port = free_port()
    # pytest's own temporary folders can be too deep for the name of a unix socket: 107 bytes.
    with TemporaryDirectory(prefix="microweb-") as folder:
        socket = Path(folder, "app.sock")
        front = nginx.command(Path(folder), port, nginx.to_uwsgi(socket))
        back = [uwsgi(), "--socket", str(socket), "--chmod-socket=666", "-w", "app:app"]
        back += ["--need-app", "--master", "--die-on-term"]
        with (
            running(back, site.folder, site.environment) as application,
            running(front, Path(folder)) as proxy,
        ):
            wait_until(lambda: answers(port), application, proxy)
            yield Client(port)


SERVERS: dict[str, Serve] = {
    "wsgiref": alone(wsgiref),
    "development-server": alone(development_server),
    "uwsgi-http-socket": alone(uwsgi_http_socket),
    "uwsgi-http": alone(uwsgi_http),
    "nginx-uwsgi": uwsgi_behind_nginx,
}
