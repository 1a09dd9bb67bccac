"""What another user of the machine may do with a file or folder."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path

_READ, _WRITE, _ENTER = 4, 2, 1


def cannot_enter(user: str, folder: str) -> str | None:
    """Say why a user cannot enter a folder; None where nothing is in the way.

    :param user: The name of the user.
    :param folder: An absolute path.
    """
    return _obstacle(user, folder, _ENTER)


def cannot_read(user: str, path: str) -> str | None:
    """Say why a user cannot read a file, or those of a folder; None where nothing is in the way.

    :param user: The name of the user.
    :param path: An absolute path.
    """
    return _obstacle(user, path, _READ | (_ENTER if os.path.isdir(path) else 0))


def cannot_write(user: str, path: str) -> str | None:
    """Say why a user cannot write to a socket, or into a folder; None where nothing is in the way.

    :param user: The name of the user.
    :param path: An absolute path.
    """
    return _obstacle(user, path, _WRITE | (_ENTER if os.path.isdir(path) else 0))


def _obstacle(user: str, path: str, wanted: int) -> str | None:
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return f"there is no user {user}"
    if account.pw_uid == 0:
        return None
    groups = set(os.getgrouplist(user, account.pw_gid))
    real = Path(os.path.realpath(path))
    steps = [(parent, _ENTER) for parent in reversed(real.parents)]
    for step, needed in [*steps, (real, wanted)]:
        try:
            status = step.stat()
        except OSError as error:
            return f"{step}: {error.strerror}"
        if needed & ~_rights(status, account.pw_uid, groups):
            return f"{step} is {stat.filemode(status.st_mode)}, of {_names(status)}"
    return None


def _rights(status: os.stat_result, uid: int, groups: set[int]) -> int:
    if status.st_uid == uid:
        return status.st_mode >> 6 & 7
    return (status.st_mode >> 3 if status.st_gid in groups else status.st_mode) & 7


def _names(status: os.stat_result) -> str:
    try:
        owner = pwd.getpwuid(status.st_uid).pw_name
        return f"{owner}:{grp.getgrgid(status.st_gid).gr_name}"
    except KeyError:
        return f"{status.st_uid}:{status.st_gid}"
