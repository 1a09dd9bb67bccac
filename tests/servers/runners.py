"""Every server, in every way to run it that changes what an application sees."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from . import apache, nginx
from .client import HOST, Client
from .process import running, wait_until
from .programs import module, program
from .servers import SERVERS, Command, Serve, Site, alone, answers, free_port, uwsgi

INSTALL = "pip install -e '.[dev]'"
LARGE_HEADERS = ["--buffer-size", "32768"]


def by_uwsgi(listen: str, *options: str) -> Command:
    def command(port: int) -> list[str]:
        command = [uwsgi(), f"--{listen}", f"{HOST}:{port}", "-w", "app:app", "--need-app"]
        return [*command, *LARGE_HEADERS, *options]

    return command


def by_gunicorn(*options: str) -> Command:
    def command(port: int) -> list[str]:
        gunicorn = program("gunicorn", INSTALL)
        return [gunicorn, "--bind", f"{HOST}:{port}", *options, "app:app"]

    return command


def with_gevent(command: Command) -> Command:
    def checked(port: int) -> list[str]:
        module("gevent", INSTALL)
        return command(port)

    return checked


def by_waitress(*options: str) -> Command:
    def command(port: int) -> list[str]:
        waitress = program("waitress-serve", INSTALL)
        return [waitress, f"--listen={HOST}:{port}", *options, "app:app"]

    return command


def granian(port: int) -> list[str]:
    command = [program("granian", INSTALL), "--interface", "wsgi", "--host", HOST]
    return [*command, "--port", str(port), "--no-access-log", "app:app"]


def werkzeug(port: int) -> list[str]:
    serve = f"from app import app; run_simple('{HOST}', {port}, app)"
    return [sys.executable, "-c", f"from werkzeug.serving import run_simple; {serve}"]


def uwsgi_behind_nginx(*options: str) -> Serve:
    """uWSGI with its own protocol over a unix socket."""

    def back(socket: Path) -> list[str]:
        command = [uwsgi(), "--socket", str(socket), "--chmod-socket=666", "-w", "app:app"]
        return [*command, "--need-app", *LARGE_HEADERS, *options]

    return behind_nginx(lambda folder: (nginx.to_uwsgi(folder / "s"), back(folder / "s")))


def gunicorn_behind_nginx(folder: Path) -> tuple[str, list[str]]:
    port = free_port()
    return nginx.to_http(port), by_gunicorn()(port)


def behind_nginx(back: Callable[[Path], tuple[str, list[str]]]) -> Serve:
    """A server that nginx talks to.

    :param back: Returns the directives of nginx and the command of the server, for a folder.
    """

    @contextmanager
    def serve(site: Site) -> Iterator[Client]:
        port = free_port()
        # pytest's own temporary folders can be too deep for the name of a unix socket: 107 bytes.
        with TemporaryDirectory(prefix="microweb-") as name:
            folder = Path(name)
            directives, command = back(folder)
            front = nginx.command(folder, port, directives)
            with (
                running(command, site.folder, site.environment) as application,
                running(front, folder) as proxy,
            ):
                wait_until(lambda: answers(port), application, proxy)
                yield Client(port)

    return serve


def under_a_prefix(prefix: str) -> dict[str, Serve]:
    """Every server that can have an application below a path, as it is told to."""

    def by_uwsgi_at(port: int) -> list[str]:
        return [uwsgi(), "--http-socket", f"{HOST}:{port}", *mounted]

    def behind_nginx_at(folder: Path) -> tuple[str, list[str]]:
        socket = folder / "s"
        return nginx.to_uwsgi(socket), [uwsgi(), "--socket", str(socket), *mounted]

    mounted = ["--mount", f"{prefix}=app:app", "--manage-script-name", "--need-app"]
    return {
        "uwsgi": alone(by_uwsgi_at),
        "nginx-uwsgi": behind_nginx(behind_nginx_at),
        "gunicorn": alone(by_gunicorn("--env", f"SCRIPT_NAME={prefix}")),
        "apache": lambda site: apache.serve(site, prefix),
        "waitress": alone(by_waitress(f"--url-prefix={prefix}")),
        "granian": alone(lambda port: [*granian(port), "--url-path-prefix", prefix]),
    }


MASTER = ["--master", "--die-on-term"]

MATRIX: dict[str, Serve] = {
    "wsgiref": SERVERS["wsgiref"],
    "werkzeug": alone(werkzeug),
    "development-server": SERVERS["development-server"],
    "uwsgi-http": alone(by_uwsgi("http")),
    "uwsgi-http-keepalive": alone(by_uwsgi("http", "--http-keepalive", "--http-auto-chunked")),
    "uwsgi-http-chunked": alone(by_uwsgi("http", "--http-chunked-input")),
    "uwsgi-http-socket": alone(by_uwsgi("http-socket")),
    "uwsgi-threads": alone(by_uwsgi("http-socket", "--threads", "4")),
    "uwsgi-ugreen": alone(by_uwsgi("http-socket", "--async", "16", "--ugreen")),
    "uwsgi-gevent": alone(
        with_gevent(by_uwsgi("http-socket", "--gevent", "16", "--gevent-monkey-patch"))
    ),
    "nginx-uwsgi": uwsgi_behind_nginx(),
    "nginx-uwsgi-processes": uwsgi_behind_nginx(*MASTER, "--processes", "2"),
    "nginx-uwsgi-lazy-threads": uwsgi_behind_nginx(
        *MASTER, "--processes", "2", "--threads", "4", "--lazy-apps"
    ),
    "gunicorn": alone(by_gunicorn()),
    "gunicorn-gthread": alone(by_gunicorn("--worker-class", "gthread", "--threads", "4")),
    "gunicorn-gevent": alone(with_gevent(by_gunicorn("--worker-class", "gevent"))),
    "nginx-gunicorn": behind_nginx(gunicorn_behind_nginx),
    "apache": apache.serve,
    "waitress": alone(by_waitress()),
    "granian": alone(granian),
}
