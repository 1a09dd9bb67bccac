"""Starting servers without serving, and explaining what they say."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from . import apache, nginx, uwsgi
from .running import NotStarted, account, run, variables_of, why_not_started
from .site import Site

#: After how many seconds a program that is tried is given up.
PATIENCE = 60


def uwsgi_starts(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    """Say why uWSGI does not start with ``uwsgi.ini``; nothing where it does.

    :param site: The site.
    :param environment: The variables that it is started with.
    """
    text = text_of(site, "uwsgi.ini")
    with TemporaryDirectory(prefix="microweb-") as folder:
        tried = Path(folder, "uwsgi.ini")
        tried.write_text(_harmless(text), encoding="utf-8")
        own = account(site)
        if own is not None:  # and nobody else's: there may be a password in it
            for path in (folder, tried):
                shutil.chown(path, *own)
        command = [uwsgi.program(site), "--ini", str(tried), "--no-server"]
        variables = {**environment, **variables_of(site)}
        try:
            status, output = run(command, site.folder, variables, PATIENCE, own)
        except NotStarted as error:
            yield why_not_started(site, command[0], error)
            return
    if status != 0:
        yield _explained(output, _UWSGI_SAYS, f"uWSGI ended with status {status}")


# Sockets, `stats` and `safe-pidfile` are not looked at by a uWSGI that is not to serve. These are:
# it would take a port, write over the process id or the log of what runs, go to the background, or
# execute commands.
_HARMFUL = (
    r"lazy-apps|uid|gid|vacuum|pidfile2?|logto2?|daemonize2?|https?|http-to|spooler"
    r"|(?:exec|hook)-(?:asap|(?:pre|post|in)-jail|as-(?:root|user|user-atexit)|(?:pre|post)-app)"
)


def _harmless(text: str) -> str:
    """Return a configuration that takes nothing from a server that runs."""
    return re.sub(rf"(?m)^\s*(?:{_HARMFUL})\s*=.*$", "", text)


_UWSGI_SAYS = {
    r"^Traceback \(most recent call last\)": "uWSGI cannot import the application.",
    r"unable to load plugin|UNABLE to load uWSGI plugin|can't find plugin|unavailable modifier": (
        "This uWSGI has no Python in it, nor the plugin for it. Install the plugin (apt-get install"
        " uwsgi-plugin-python3), or better a uWSGI in the application's environment: pip install"
        " pyuwsgi, and `microweb deploy --force` again."
    ),
    r"unknown config directive: (\S+)": (
        "uwsgi.ini has the option {0}, which uWSGI does not know. Is it misspelt?"
    ),
    r"unrecognized option '?-*([\w-]+)": "This uWSGI has no option {0}.",
    r"chdir\(\): (.+?) \[": "The folder of the application cannot be entered: {0}.",
    r"no python application found|no app loaded": (
        "The module was found and has no application of that name."
    ),
}


def nginx_accepts(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    """Say why nginx does not accept the site; nothing where it does.

    :param site: The site.
    :param environment: The variables that it is started with.
    """
    with _written(site, "nginx.conf", nginx.main_file) as (folder, file):
        command = ["nginx", "-t", "-p", folder, "-c", file, "-e", f"{folder}/nginx-error.log"]
        yield from _tried(command, folder, environment, _NGINX_SAYS)


_NGINX_SAYS = {
    r"There is no program nginx": "nginx is not installed: apt-get install nginx-light",
    r'cannot load certificate key "(.+?)"': (
        "The key {0} cannot be read, or does not belong to the certificate."
    ),
    r'cannot load certificate "(.+?)"': (
        "The certificate {0} cannot be read. Is it there, and does this user own it?"
    ),
    r"host not found in upstream \"(.+?)\"": "The name {0} of --hosts cannot be resolved.",
    r"unknown directive \"(\S+)\"": "nginx does not know the directive {0}. Is it misspelt?",
    r'open\(\) "(/etc/nginx/\S+)" failed': (
        "{0} is missing, which comes with nginx: apt-get install nginx-light"
    ),
}


def apache_accepts(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    """Say why Apache does not accept the site; nothing where it does.

    :param site: The site.
    :param environment: The variables that it is started with.
    """
    with _written(site, "httpd.conf", apache.main_file) as (folder, file):
        command = ["apache2", "-t", "-f", file]
        yield from _tried(command, folder, environment, _APACHE_SAYS)


_APACHE_SAYS = {
    r"There is no program apache2": (
        "Apache is not installed: apt-get install apache2 libapache2-mod-wsgi-py3"
    ),
    r"Cannot load (\S+mod_wsgi\.so)": (
        "The module for Python is missing: apt-get install libapache2-mod-wsgi-py3"
    ),
    r"SSLCertificateFile: file '(.+?)' does not exist": "There is no certificate {0}.",
}


@contextmanager
def _written(site: Site, name: str, main_file: Callable[[Site], str]) -> Iterator[tuple[str, str]]:
    """Write a whole configuration into a folder of its own, which is the run folder in it."""
    with TemporaryDirectory(prefix="microweb-") as folder:
        file = Path(folder, name)
        file.write_text(main_file(replace(site, run=folder)), encoding="utf-8")
        yield folder, str(file)


def _tried(
    command: list[str], folder: str, environment: Mapping[str, str], known: Mapping[str, str]
) -> Iterator[str]:
    try:
        status, output = run(command, folder, environment, PATIENCE)
    except NotStarted as error:
        status, output = -1, str(error)
    if status != 0:
        yield _explained(output, known, f"{command[0]} does not accept it")


def _explained(output: str, known: Mapping[str, str], otherwise: str) -> str:
    """Return what a program's output means, with its last lines."""
    last = "\n".join(output.strip().splitlines()[-12:])
    for pattern, meaning in known.items():
        found = re.search(pattern, output, re.MULTILINE)
        if found is not None:
            return f"{meaning.format(*found.groups())}\n\n{last}"
    return f"{otherwise}:\n\n{last}"


def text_of(site: Site, name: str) -> str:
    """Return a file of the site as it is by now.

    :param site: The site.
    :param name: The name of the file.
    :raises click.ClickException: where it cannot be read.
    """
    try:
        return Path(site.file(name)).read_text(encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"{site.file(name)} cannot be read: {error.strerror}. `microweb deploy` writes it anew."
        ) from None
