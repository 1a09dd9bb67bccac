"""Trying the files of a site without serving it, and explaining what fails."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from . import apache, nginx, uwsgi
from .access import cannot_enter, cannot_read, cannot_write
from .ports import holder, longest_queue
from .running import NotStarted, account, run, variables_of, why_not_started
from .site import WEB_USER, Site
from .stacks import STACKS, files, outdated
from .trial import try_import

#: After how many seconds a program that is tried is given up.
PATIENCE = 60

Check = Callable[[Site, Mapping[str, str]], Iterator[str]]


def check(site: Site, environment: Mapping[str, str]) -> int:
    """Try what was written, and say of each part whether it works.

    :param site: The site.
    :param environment: The variables of the processes that are started for it.
    :returns: The exit status: 0 where all is well, else 1.
    """
    failed = 0
    for title, look in _checks(site).items():
        try:
            problems = list(look(site, environment))
        except click.ClickException as error:
            problems = [error.message]
        failed += bool(problems)
        click.secho(f"{'FAILED' if problems else 'ok':7} {title}", fg="red" if problems else None)
        for problem in problems:
            click.echo("".join(f"        {line}\n" for line in problem.splitlines()), nl=False)
    return min(failed, 1)


def _checks(site: Site) -> dict[str, Check]:
    stack = STACKS[site.server]
    checks: dict[str, Check] = {
        "the application can be imported": _import,
        f"{site.server} is installed": _installed,
    }
    if site.system:
        checks[f"{site.user} can read the files"] = _files
        checks["what was installed is what was written"] = _copies
    if site.server == "uwsgi":
        checks["uWSGI starts with uwsgi.ini"] = _uwsgi
        checks["the files name the same paths"] = _paths
    if stack.front:
        checks[f"nginx accepts {site.name}.nginx"] = _nginx
        checks["nginx reaches the socket"] = _socket
    else:
        checks["Apache's Python is that of the environment"] = _same_python
        checks[f"Apache accepts {site.name}.apache.conf"] = _apache
    if site.static:
        checks["static files can be read"] = _static
    checks["the port is free"] = _port
    return checks


def _import(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    try_import(site, environment)
    yield from ()


def _installed(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    executable = STACKS[site.server].command(site)[0]
    if os.path.isabs(executable) and not os.access(executable, os.X_OK):
        yield f"There is no {executable}: {_INSTALL[site.server].format(site=site)}"


_INSTALL = {
    "uwsgi": "{site.python} -m pip install pyuwsgi",
    "gunicorn": "{site.python} -m pip install gunicorn",
    "waitress": "{site.python} -m pip install waitress",
    "granian": "{site.python} -m pip install granian",
    "apache": "apt-get install apache2 libapache2-mod-wsgi-py3",
}


def _files(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    for name in files(site):
        obstacle = cannot_read(site.user, site.file(name))
        if name.endswith((".ini", ".py")) and obstacle is not None:
            yield f"{site.user} may not read {site.file(name)}: {obstacle}."


def _copies(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    for name, copy in outdated(site):
        yield (
            f"{copy} is not what {site.file(name)} is by now: `microweb deploy` prints the command"
            " that installs it. Then systemctl restart, or reload nginx."
        )


# --- dry starts


def _uwsgi(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    text = _text(site, "uwsgi.ini")
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


def _paths(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    found = uwsgi.settings(_text(site, "uwsgi.ini"))
    ours = found.get("socket", [])
    theirs = _upstreams(site)
    if not site.hosts and theirs and not set(theirs) & set(ours):
        yield (
            f"uWSGI listens on {' and '.join(ours) or 'no socket'}, and nginx asks"
            f" {' and '.join(theirs)}: `socket` in uwsgi.ini and `server` in {site.name}.nginx have"
            " to be the same, or all requests are answered 502."
        )
    for name, path in (
        ("safe-pidfile", site.pid_file),
        ("touch-chain-reload", site.reload_file),
        ("stats", site.stats_socket),
    ):
        if path not in found.get(name, []):
            yield f"uwsgi.ini has no `{name} = {path}`, which `microweb deploy --reload` looks for."
    allowed = longest_queue()
    wanted = max(map(int, filter(str.isdigit, found.get("listen", []))), default=0)
    if wanted > allowed:
        yield (
            f"uwsgi.ini has listen = {wanted}, above what the system allows, which is {allowed}."
            f" Lower it, or raise the limit: sysctl net.core.somaxconn={wanted}"
        )


def _upstreams(site: Site) -> list[str]:
    """Return what nginx sends requests to, as it is in its file by now."""
    pattern = r'(?m)^\s*server\s+(?:"(?:unix:)?([^"]+)"|(?:unix:)?([^\s;"{]+))[\s;]'
    found = re.findall(pattern, _text(site, f"{site.name}.nginx"))
    return [in_quotes or plain for in_quotes, plain in found]


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


def _nginx(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    with TemporaryDirectory(prefix="microweb-") as folder:
        tried = Path(folder, "nginx.conf")
        tried.write_text(nginx.main_file(replace(site, run=folder)), encoding="utf-8")
        errors = f"{folder}/nginx-error.log"
        command = ["nginx", "-t", "-p", folder, "-c", str(tried), "-e", errors]
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


def _apache(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    with TemporaryDirectory(prefix="microweb-") as folder:
        tried = Path(folder, "httpd.conf")
        tried.write_text(apache.main_file(replace(site, run=folder)), encoding="utf-8")
        command = ["apache2", "-t", "-f", str(tried)]
        yield from _tried(command, folder, environment, _APACHE_SAYS)


def _same_python(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    own, systems = os.path.realpath(site.python), os.path.realpath("/usr/bin/python3")
    if own != systems:
        yield (
            f"Debian's mod_wsgi has {systems} in it, and the environment was made with {own}: what"
            " was compiled for the one can crash the other. Make the environment anew with"
            " `/usr/bin/python3 -m venv`, install the application there, and run its microweb."
        )


_APACHE_SAYS = {
    r"There is no program apache2": (
        "Apache is not installed: apt-get install apache2 libapache2-mod-wsgi-py3"
    ),
    r"Cannot load (\S+mod_wsgi\.so)": (
        "The module for Python is missing: apt-get install libapache2-mod-wsgi-py3"
    ),
    r"SSLCertificateFile: file '(.+?)' does not exist": "There is no certificate {0}.",
}


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


def _text(site: Site, name: str) -> str:
    try:
        return Path(site.file(name)).read_text(encoding="utf-8")
    except OSError as error:
        raise click.ClickException(
            f"{site.file(name)} cannot be read: {error.strerror}. `microweb deploy` writes it anew."
        ) from None


# --- who may do what


def _front_user(site: Site) -> str:
    return WEB_USER if site.system else site.user


def _socket(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    # As it is in the file by now; `_paths` has compared that with uWSGI's.
    path = next((each for each in _upstreams(site) if "/" in each), None)
    if path is None:
        return
    front = _front_user(site)
    if os.path.exists(path):
        obstacle = cannot_write(front, path)
        if obstacle is not None:
            yield (
                f"nginx, which runs as {front}, may not write to {path} ({obstacle}), and answers"
                f" 502. Is {front} in the group of the socket? The group is {site.group} in the"
                " files: chown-socket in uwsgi.ini, Group in the service."
            )
    elif os.path.isdir(folder := os.path.dirname(path)):
        for who, verb, obstacle in (
            (site.user, "make", cannot_write(site.user, folder)),
            (front, "reach", cannot_enter(front, folder)),
        ):
            if obstacle is not None:
                yield (
                    f"{who} may not {verb} the socket {path}: {obstacle}. Give the folder away with"
                    f" `install -d -m 750 -o {site.user} -g {site.group} {folder}`."
                )


def _static(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    front = _front_user(site)
    for prefix, folder in site.static:
        obstacle = cannot_read(front, folder)
        if obstacle is not None:
            yield (
                f"{front} may not read the files of {prefix} in {folder} ({obstacle}), and would"
                " answer 403. Open the way with chmod o+x, or let the application serve them:"
                " --no-static."
            )


def _port(site: Site, environment: Mapping[str, str]) -> Iterator[str]:
    front, name = "apache2", f"{site.name}.apache.conf"
    if STACKS[site.server].front:
        front, name = "nginx", f"{site.name}.nginx"
    pattern = r"(?m)^\s*(?:listen\s+|<VirtualHost\s+)([^\s;>]+)"
    for port in dict.fromkeys(re.findall(pattern, _text(site, name))):
        if port.startswith("[::]:"):  # beside the same one of IPv4
            continue
        taken = holder(port)
        if taken is not None and taken.program != front:
            yield (
                f"The port {port} is taken by {taken}. Stop that program, or take another port with"
                " --listen."
            )
    if site.unix_socket is None:
        taken = holder(site.socket)
        if taken is not None and taken.program not in (site.server, "python", "python3"):
            yield (
                f"The socket {site.socket} is taken by {taken}. Stop that program, or take another"
                " with --socket."
            )
