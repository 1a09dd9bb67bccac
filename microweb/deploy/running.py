"""Running a program to see what it says."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping
from pathlib import Path

import click

from .access import cannot_enter
from .site import Site

# Where a user's PATH does not look, and Debian keeps servers.
_SYSTEM_FOLDERS = ("/usr/sbin", "/usr/local/sbin")


class NotStarted(Exception):
    """A program did not start, or took too long; the message says which."""


class TookTooLong(NotStarted):
    """A program was given up, as it took too long."""


def run(
    command: list[str],
    folder: str,
    environment: Mapping[str, str],
    seconds: float,
    account: tuple[str, str] | None = None,
) -> tuple[int, str]:
    """Run a program; return its exit status and what it wrote.

    :param command: The program and its arguments.
    :param folder: Its current folder.
    :param environment: Its variables.
    :param seconds: After how many seconds it is given up.
    :param account: Its user and group, where they are others.
    :raises NotStarted: where it does not start, or takes longer.
    """
    user, group = account or (None, None)
    path = os.pathsep.join([environment.get("PATH", os.defpath), *_SYSTEM_FOLDERS])
    own = {} if user is None else {"HOME": pwd.getpwnam(user).pw_dir, "USER": user, "LOGNAME": user}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**environment, "PATH": path, **own},
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            user=user,
            group=group,
            extra_groups=None if user is None else _groups(user),
        )
    except subprocess.TimeoutExpired:
        raise TookTooLong(f"{command[0]} took more than {seconds:g} seconds.") from None
    except FileNotFoundError:
        what = f"program {command[0]} on this machine" if os.path.isdir(folder) else folder
        raise NotStarted(f"There is no {what}.") from None
    except OSError as error:
        raise NotStarted(f"{command[0]}: {error.strerror}") from None
    return done.returncode, done.stdout


def _groups(user: str) -> list[int]:
    return os.getgrouplist(user, pwd.getpwnam(user).pw_gid)


def account(site: Site) -> tuple[str, str] | None:
    """Return the user and group of a site, where this process may and has to become them.

    :param site: The site.
    """
    if os.geteuid() != 0 or not site.system or site.user == "root":
        return None
    return site.user, site.group


def why_not_started(site: Site, program: str, error: NotStarted) -> str:
    """Say why a program of the application's environment did not start.

    :param site: The site.
    :param program: Its path.
    :param error: What was raised.
    """
    if not os.path.isdir(site.folder):
        return (
            f"There is no {site.folder}, the folder that the application had. Where it is now, run"
            " `microweb deploy --force`."
        )
    real = os.path.realpath(program)
    obstacle = cannot_enter(site.user, real) or cannot_enter(site.user, site.folder)
    if obstacle is None:
        return str(error)
    return (
        f"{site.user} cannot start {real} in {site.folder}: {obstacle}. Another user is named with"
        " --user; an environment that all users can read is made of the system's Python:"
        " /usr/bin/python3 -m venv."
    )


def variables_of(site: Site) -> dict[str, str]:
    """Return the variables of a site's environment file, as systemd reads it.

    :param site: The site.
    :raises click.ClickException: where it is there and cannot be read.
    """
    if "MAINPID" in os.environ:  # systemd has read it for ExecReload, as root; the user may not
        return {}
    try:
        text = Path(site.environment_file).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(
            f"{site.environment_file} cannot be read: {error}. Who runs the site has to read it,"
            f" and nobody else: chown {site.user} {site.environment_file}, and chmod 600."
        ) from None
    variables = {}
    for line in map(str.strip, text.splitlines()):
        name, equals, value = line.partition("=")
        if equals and line[0] not in "#;":
            value = value.strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
            variables[name.strip()] = value[1:-1] if quoted else value
    return variables
