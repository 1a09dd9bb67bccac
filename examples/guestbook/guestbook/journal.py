"""The journal: who did what and when, one line of JSON each, in the instance folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import Any

from microweb import App, current_app, g, request

# How many bytes at the end of the journal are looked at for its latest lines.
TAIL = 16 * 1024


def init_app(app: App) -> None:
    @app.while_serving
    def opening_hours() -> Iterator[None]:
        append(location(app), {"event": "a worker started"})
        yield
        append(location(app), {"event": "a worker stopped"})


def location(app: App) -> Path:
    return Path(app.instance_path, "journal.jsonl")


def record(event: str, **details: Any) -> None:
    """Note what the visitor did. It is written after the response, so that nobody waits for it."""
    who = g.user.name if g.user else None
    line = {"event": event, "who": who, "from": request.remote_addr, **details}
    current_app.add_background_task(append, location(current_app), line)


def append(path: Path, line: dict[str, Any]) -> None:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    with path.open("ab") as file:
        # In one piece: the lines of several workers come one after the other, never mixed.
        file.write(json.dumps({"at": now, **line}, ensure_ascii=False).encode() + b"\n")


def latest(app: App, count: int) -> list[dict[str, Any]]:
    """Return the last lines of the journal, the newest first."""
    path = location(app)
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        lines = file.read().splitlines()
    return list(islice(whole(reversed(lines)), count))


def whole(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Read lines, without those of which a part is missing.

    Reading began in the middle of the first, most likely; and a full disk can cut any of them.
    """
    for line in lines:
        with suppress(ValueError):
            yield json.loads(line)
