"""An nginx of our own: its configuration, pid and temporary files are in one folder."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from .client import HOST
from .programs import program

CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
{user}
events {{
    worker_connections 64;
}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 20m;
    large_client_header_buffers 4 16k;
    server {{
        listen {host}:{port};
        location / {{
            {passing}
        }}
        {more}
    }}
}}
"""


def to_uwsgi(socket: Path) -> str:
    """The directives that pass a request to uWSGI."""
    return f"""include /etc/nginx/uwsgi_params;
            uwsgi_param HTTP_HOST $http_host;
            uwsgi_param HTTP_X_FORWARDED_PROTO $scheme;
            uwsgi_buffer_size 16k;
            uwsgi_buffers 8 16k;
            uwsgi_pass unix:{socket};"""


def to_http(port: int) -> str:
    """The directives that pass a request to a server of HTTP."""
    return f"""proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_buffer_size 16k;
            proxy_buffers 8 16k;
            proxy_pass http://{HOST}:{port};"""


def command(folder: Path, port: int, passing: str, more: str = "") -> list[str]:
    """The command of an nginx.

    :param passing: The directives that pass a request on.
    :param more: Further locations.
    """
    executable = program("nginx", "apt-get install nginx-light")
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=folder,
            host=HOST,
            port=port,
            passing=passing,
            more=more,
            user=_user(),
        )
    )
    return [executable, "-p", str(folder), "-c", str(configuration), "-e", "stderr"]


def _user() -> str:
    # Started by root, nginx gives its workers to another user, who may not enter the folder.
    if os.geteuid() != 0:
        return ""
    user = pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(os.getegid()).gr_name
    return f"user {user} {group};"
