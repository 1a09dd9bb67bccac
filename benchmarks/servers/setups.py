"""The ways to serve a site, each with one worker process on a core of its own."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from socket import create_server
from tempfile import TemporaryDirectory

from benchmarks.servers.processes import children, on_core, program, running, wait_until

HOST = "127.0.0.1"
ANSWER_SECONDS = 10.0
IN_DEV = "pip install -e '.[dev]'"


@dataclass(frozen=True)
class Cores:
    """The worker has one for itself; the load generator and nginx share the other."""

    worker: int
    load: int


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, and which process runs the application."""

    port: int
    worker: int

    def get(self, path: str) -> tuple[int, bytes]:
        connection = HTTPConnection(HOST, self.port, timeout=ANSWER_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


Serve = Callable[[str, Cores], AbstractContextManager[Server]]


@contextmanager
def uwsgi_http_socket(site: str, cores: Cores) -> Iterator[Server]:
    port = free_port()
    command = [*uwsgi(site), "--http-socket", f"{HOST}:{port}"]
    with running(on_core(cores.worker, command)) as process:
        wait_until(lambda: answers(port), process)
        yield Server(port, process.pid)


@contextmanager
def uwsgi_behind_nginx(site: str, cores: Cores) -> Iterator[Server]:
    port = free_port()
    with TemporaryDirectory(prefix="microweb-") as folder:
        socket = Path(folder, "site.sock")
        back = [*uwsgi(site), "--socket", str(socket)]
        front = nginx(Path(folder), port, socket)
        with (
            running(on_core(cores.worker, back)) as application,
            running(on_core(cores.load, front)) as proxy,
        ):
            wait_until(lambda: answers(port), application, proxy)
            yield Server(port, application.pid)


@contextmanager
def gunicorn(site: str, cores: Cores) -> Iterator[Server]:
    port = free_port()
    command = [program("gunicorn", IN_DEV), "--bind", f"{HOST}:{port}", "--workers", "1", site]
    with running(on_core(cores.worker, command)) as arbiter:
        wait_until(lambda: answers(port), arbiter)
        (worker,) = children(arbiter.pid)
        yield Server(port, worker)


SETUPS: Mapping[str, Serve] = {
    "uwsgi-http-socket": uwsgi_http_socket,
    "nginx-uwsgi": uwsgi_behind_nginx,
    "gunicorn-sync": gunicorn,
}


def uwsgi(site: str) -> list[str]:
    # Without a master there is one process, and it is the worker.
    return [program("uwsgi", IN_DEV), "--disable-logging", "--need-app", "-w", site]


NGINX = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
{user}
events {{
    worker_connections 256;
}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {host}:{port};
        location / {{
            include /etc/nginx/uwsgi_params;
            uwsgi_param HTTP_HOST $http_host;
            uwsgi_pass unix:{socket};
        }}
    }}
}}
"""


def nginx(folder: Path, port: int, socket: Path) -> list[str]:
    executable = program("nginx", "apt-get install nginx-light")
    configuration = folder / "nginx.conf"
    configuration.write_text(
        NGINX.format(folder=folder, host=HOST, port=port, socket=socket, user=_nginx_user())
    )
    return [executable, "-p", str(folder), "-c", str(configuration), "-e", "stderr"]


def _nginx_user() -> str:
    # Started by root, nginx gives its workers to another user, who may not enter the folder.
    if os.geteuid() != 0:
        return ""
    user = pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(os.getegid()).gr_name
    return f"user {user} {group};"


def free_port() -> int:
    with create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Whether the application answers; a 502 is only the word of nginx in front of it."""
    try:
        return Server(port, worker=0).get("/")[0] == 200
    except (OSError, HTTPException):
        return False
