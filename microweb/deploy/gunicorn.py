"""gunicorn's configuration."""

from __future__ import annotations

import os

from .python import target
from .site import Site


def configuration(site: Site) -> str:
    """Return ``gunicorn.conf.py``, which gunicorn reads with ``--config``.

    :param site: The site.
    """
    folder, name = target(site)
    bind = f"unix:{site.unix_socket}" if site.unix_socket else site.socket
    return f'''\
"""gunicorn for {site.name}; see https://docs.gunicorn.org/en/stable/settings.html."""

wsgi_app = {name!r}
chdir = {folder!r}
bind = {bind!r}
# The socket is for the user and the group, in which nginx is.
umask = 0o007
backlog = {site.backlog}
worker_class = "gthread"
workers = {site.processes}
threads = {site.threads}
# Each process imports the application by itself, so that a reload (SIGHUP) gets new code.
preload_app = False
# In seconds: for a worker that has hung, and for requests to finish after SIGTERM.
timeout = {site.request_seconds}
graceful_timeout = {site.request_seconds}
# In bytes, as long as nginx takes; gunicorn's own 4094 would refuse a URL with 414.
limit_request_line = 8190
# Who reaches the socket is nginx.
forwarded_allow_ips = "*"
pidfile = {site.pid_file!r}
# Newer versions take commands there (gunicornc); else it would be in the user's own folder.
control_socket = {os.path.join(site.run, "gunicorn.ctl")!r}
# Errors go to the system's log, and nginx logs the requests.
errorlog = "-"
accesslog = None
'''


def command(site: Site) -> list[str]:
    """Return the command that starts gunicorn.

    :param site: The site.
    """
    return [site.beside_python("gunicorn"), "--config", site.file("gunicorn.conf.py")]
