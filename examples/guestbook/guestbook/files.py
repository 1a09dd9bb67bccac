"""Files that are made once, by whichever worker is the first to need them."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory


def create_once(path: Path, write: Callable[[Path], None]) -> None:
    """Have `write` make the file at `path` unless there is one.

    Of several workers that start at once the first to finish decides what the file holds, and
    none of them can see it half made: it gets its name only when it is complete.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as folder:
        draft = Path(folder, path.name)
        write(draft)
        # Unlike a rename, a link refuses to replace a file that came into being meanwhile.
        with suppress(FileExistsError):
            os.link(draft, path)
