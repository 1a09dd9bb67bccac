"""Writing files without losing what somebody has changed in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from pathlib import Path

import click


def write(folder: Path, texts: Mapping[str, str], force: bool) -> list[str]:
    """Write files into a folder: all of them, or none.

    :param folder: The folder; it is made.
    :param texts: The text of each file by its name.
    :param force: Overwrite files that are there and different.
    :returns: The names of those that were written; the others were as they should be.
    :raises click.ClickException: where a file would be overwritten, or cannot be written.
    """
    changed = [name for name, text in texts.items() if _read(folder / name) != text]
    lost = [name for name in changed if (folder / name).exists()]
    if lost and not force:
        raise click.ClickException(
            f"{', '.join(lost)} in {folder} would be overwritten, and nothing was written. Look at"
            " what would change with --diff, and overwrite with --force."
        )
    try:
        # Other users read them, nginx's and the site's, whatever the umask is of who writes them.
        if not folder.is_dir():
            folder.mkdir(parents=True)
            folder.chmod(0o755)
        for name in changed:
            is_new = not (folder / name).exists()
            (folder / name).write_text(texts[name], encoding="utf-8")
            if is_new:
                (folder / name).chmod(0o644)
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or folder} cannot be written: {error.strerror}. Name a folder of"
            " yours with --to."
        ) from None
    return changed


def differences(folder: Path, texts: Mapping[str, str]) -> Iterator[str]:
    """Yield what :func:`write` would change, as the lines of a unified diff.

    :param folder: The folder.
    :param texts: The text of each file by its name.
    """
    for name, text in texts.items():
        before = _read(folder / name)
        yield from unified_diff(
            [] if before is None else before.splitlines(keepends=True),
            text.splitlines(keepends=True),
            "/dev/null" if before is None else str(folder / name),
            str(folder / name),
        )


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):  # there is something, and it is not ours
        return ""
