"""An Apache of our own with Debian's mod_wsgi: configuration, pid and sockets are in one folder."""

from __future__ import annotations

import configparser
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from .client import HOST, Client
from .process import running, wait_until
from .programs import missing, program
from .servers import Site, answers, free_port

PROJECT = Path(__file__).parents[2]
MODULES = Path("/usr/lib/apache2/modules")
DEBIAN = "apt-get install apache2 libapache2-mod-wsgi-py3 python3-venv"
# mod_wsgi is linked to the Python of Debian, and goes with no other.
PYTHON = "/usr/bin/python3"

CONFIGURATION = """\
ServerRoot {folder}
ServerName {host}
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
Mutex file:{folder} default
ErrorLog "|$exec cat >&2"
Listen {host}:{port}
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule wsgi_module {modules}/mod_wsgi.so
WSGISocketPrefix {folder}/wsgi
WSGIDaemonProcess app processes=1 threads=4 python-home={venv} python-path={project}:{site}
WSGIProcessGroup app
WSGIApplicationGroup %{{GLOBAL}}
WSGIPassAuthorization On
WSGIChunkedRequest On
AllowEncodedSlashes On
WSGIScriptAlias {prefix} {folder}/app.wsgi
<Directory {folder}>
  Require all granted
</Directory>
"""


def installed() -> str:
    """Return the path of Apache, where mod_wsgi is there as well."""
    executable = program("apache2", DEBIAN)
    if not (MODULES / "mod_wsgi.so").exists():
        missing("mod_wsgi", DEBIAN)
    return executable


@contextmanager
def serve(site: Site, prefix: str = "/") -> Iterator[Client]:
    executable = installed()
    port = free_port()
    with TemporaryDirectory(prefix="microweb-") as name:
        folder = Path(name)
        (folder / "app.wsgi").write_text("from app import app as application\n")
        configuration = folder / "httpd.conf"
        configuration.write_text(
            CONFIGURATION.format(
                folder=folder,
                host=HOST,
                port=port,
                modules=MODULES,
                venv=venv(),
                project=PROJECT,
                site=site.folder,
                prefix=prefix,
            )
        )
        command = [executable, "-d", name, "-f", str(configuration), "-DFOREGROUND"]
        with running([*_user(folder), *command], folder, site.environment) as process:
            wait_until(lambda: answers(port), process)
            yield Client(port)


def _user(folder: Path) -> list[str]:
    """Return what Apache is started through: it does not serve as root."""
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "www-data", "www-data")
    user = ["--reuid=www-data", "--regid=www-data", "--clear-groups"]
    # A checkout may be where only root can read.
    return ["setpriv", *user, "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]


def venv() -> Path:
    """Return an environment of Debian's Python with what microweb needs, made once."""
    parser = configparser.ConfigParser()
    parser.read(PROJECT / "setup.cfg")
    needed = parser["options"]["install_requires"].split()
    key = hashlib.sha256("\n".join(needed).encode()).hexdigest()[:12]
    made = PROJECT / ".pytest_cache" / f"mod_wsgi-{key}"
    if not (made / "complete").exists():
        subprocess.run([PYTHON, "-m", "venv", "--clear", made], check=True)
        subprocess.run([made / "bin/pip", "install", "--quiet", *needed], check=True)
        (made / "complete").touch()
    return made
