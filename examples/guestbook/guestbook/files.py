"""Files that are made once, by whichever worker is the first to need them."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory


def create_once(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` make the file at `path` unless there is one.

    Of several workers that start at once the first to finish decides what the file holds, and
    none of them can see it half made: it gets its name only when it is complete. It is private
    from the beginning, before it holds anything.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as folder:
        draft = Path(folder, path.name)
        draft.touch(mode=0o600)
        write(draft)
        # Unlike a rename, a link refuses to replace a file that came into being meanwhile.
        with suppress(FileExistsError):
            os.link(draft, path)


def kept_key(path: Path) -> str:
    """Return the key in the file at `path`, drawing one at random if there is none yet.

    As it outlives the process, a restart ends nobody's session.
    """
    create_once(path, lambda draft: draft.write_text(secrets.token_hex(32)))
    return path.read_text()
