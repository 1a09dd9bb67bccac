"""Finding the programs that the tests start but do not bring along."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

import pytest

# Debian keeps nginx where the PATH of a normal user does not look.
SYSTEM_FOLDERS = ["/usr/sbin", "/usr/local/sbin"]


def program(name: str, remedy: str) -> str:
    """The path of a program; without it the test is skipped, or under CI fails."""
    beside_python = str(Path(sys.executable).parent)
    folders = [beside_python, os.environ.get("PATH", os.defpath), *SYSTEM_FOLDERS]
    found = shutil.which(name, path=os.pathsep.join(folders))
    return missing(name, remedy) if found is None else found


def module(name: str, remedy: str) -> None:
    """Do nothing where a module can be imported; else skip the test, or under CI fail."""
    if find_spec(name) is None:
        missing(name, remedy)


def missing(name: str, remedy: str) -> NoReturn:
    """Skip the test for want of a program, or under CI fail."""
    message = f"{name} is not installed: {remedy}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
