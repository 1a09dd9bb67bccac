"""A secret key that outlives the process, so that a restart ends nobody's session."""

from __future__ import annotations

import secrets
from pathlib import Path

from .files import create_once


def kept_key(path: Path) -> str:
    """Return the key in the file at `path`, drawing one at random if there is none yet."""
    create_once(path, write_key)
    return path.read_text()


def write_key(path: Path) -> None:
    # The file must be private before it holds the key, not after.
    path.touch(mode=0o600)
    path.write_text(secrets.token_hex(32))
