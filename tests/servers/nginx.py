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


def command(folder: Path, port: int, socket: Path) -> list[str]:
    executable = program("nginx", "apt-get install nginx-light")
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(folder=folder, host=HOST, port=port, socket=socket, user=_user())
    )
    return [executable, "-p", str(folder), "-c", str(configuration), "-e", "stderr"]


def _user() -> str:
    # Started by root, nginx gives its workers to another user, who may not enter the folder.
    if os.geteuid() != 0:
        return ""
    user = pwd.getpwuid(os.geteuid()).pw_name
    group = grp.getgrgid(os.getegid()).gr_name
    return f"user {user} {group};"
