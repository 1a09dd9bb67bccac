"""The development server: Werkzeug's, on a port that is free."""

from __future__ import annotations

import errno
import os
import socket
import sys
from threading import current_thread, main_thread
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from werkzeug.serving import is_running_from_reloader, run_simple

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000

#: How many ports behind the default one are tried.
_PORTS_TRIED = 100
# The reloader starts the program anew; the child must serve the port that its parent chose.
_CHOSEN_PORT = "MICROWEB_CHOSEN_PORT"


def serve(
    app: WSGIApplication, name: str, host: str | None, port: int | None, **options: Any
) -> None:
    """Serve an application until Ctrl-C, for development.

    :param name: The application's name, for the line that says what is served.
    :param port: The port; None takes 8000, or the next one that is free, and says so. 0 lets the
        system choose.
    :param options: Passed to :func:`werkzeug.serving.run_simple`.
    :raises SystemExit: with a message, where the wanted port is taken.
    """
    host = host or DEFAULT_HOST
    if is_running_from_reloader():
        port = int(os.environ.get(_CHOSEN_PORT, port or DEFAULT_PORT))
    else:
        port = _choose_port(host, port)
        os.environ[_CHOSEN_PORT] = str(port)
        debug = "on" if getattr(app, "debug", options.get("use_debugger")) else "off"
        _say(f" * Serving microweb application {name!r} for development (debug mode: {debug})")
    if current_thread() is main_thread():
        import signal  # its enums take 0.6 ms, which only this server needs

        # As at Ctrl-C: what the application has to do at its end is done.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
        if options.get("use_reloader") and not is_running_from_reloader():
            # Ctrl-C reaches the child as well, which may take its time: its parent waits for it.
            signal.signal(signal.SIGINT, lambda number, frame: None)
    run_simple(host, port, app, **options)


def failing(error: BaseException, traceback: TracebackType | None) -> WSGIApplication:
    """Return an application that raises the same error at each request, for the debugger to show.

    :param traceback: What the error's traceback goes on with, below the raising itself.
    """

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> NoReturn:
        # A raised exception keeps its old frames, which would become more at each request.
        raise error.with_traceback(traceback)

    return application


def _choose_port(host: str, wanted: int | None) -> int:
    if wanted is not None:
        if wanted and not host.startswith("unix://") and not _is_free(host, wanted):
            raise SystemExit(
                f"Port {wanted} on {host} is taken by another program. Stop that program, or"
                " choose another port; port 0 takes any that is free."
            )
        return wanted
    for port in range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED):
        if host.startswith("unix://") or _is_free(host, port):
            if port != DEFAULT_PORT:
                _say(f" * Port {DEFAULT_PORT} is taken by another program: using {port} instead")
            return port
    raise SystemExit(
        f"Ports {DEFAULT_PORT} to {DEFAULT_PORT + _PORTS_TRIED - 1} on {host} are all taken:"
        " choose one with app.run(port=...) or --port."
    )


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server does it, so that connections that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise SystemExit(f"Cannot listen on {host}:{port}: {error.strerror}.") from None
    return True


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
