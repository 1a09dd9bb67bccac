"""Whether all is well, for a monitor or a load balancer to ask."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

from microweb import Blueprint, current_app

from . import db

bp = Blueprint("status", __name__)

PATIENCE = 2.0  # seconds
ENOUGH_SPACE = 50 * 1024 * 1024  # bytes


def database() -> None:
    # A connection of its own: the request's belongs to the thread that opened it.
    with closing(db.connect(db.location(current_app))) as connection:
        connection.execute("SELECT count(*) FROM entry").fetchone()


def disk() -> None:
    free = shutil.disk_usage(current_app.instance_path).free
    if free < ENOUGH_SPACE:
        raise RuntimeError(f"only {free} bytes are free")


@bp.get("/status")
async def show() -> tuple[dict[str, Any], int]:
    """Check everything at once: the answer takes as long as the slowest check."""
    found = await asyncio.gather(checked(database), checked(disk))
    status = 200 if all(check["ok"] for check in found) else 503
    return dict(zip(["database", "disk"], found, strict=True)), status


async def checked(check: Callable[[], None]) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        await asyncio.wait_for(asyncio.to_thread(check), PATIENCE)
    except Exception as error:
        # The reason is for the log: strangers can ask for this page.
        current_app.logger.error("The check of the %s failed: %r", check.__name__, error)
        return {"ok": False}
    return {"ok": True, "milliseconds": round((time.perf_counter() - start) * 1000, 3)}
