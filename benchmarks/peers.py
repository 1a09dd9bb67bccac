"""The frameworks that are compared, and how their applications are found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


@dataclass(frozen=True)
class Peer:
    name: str
    title: str
    module: str
    # The import name that has to be installed; empty for the peer that needs nothing.
    package: str = ""


BASELINE = "microweb"
BARE = "bare"

PEERS: Sequence[Peer] = (
    Peer(BASELINE, "microweb", "microweb_app", "microweb"),
    Peer("flask", "Flask", "flask_app", "flask"),
    Peer("falcon", "Falcon", "falcon_app", "falcon"),
    Peer("bottle", "Bottle", "bottle_app", "bottle"),
    Peer("wheezy", "wheezy.web", "wheezy_app", "wheezy"),
    Peer("pyramid", "Pyramid", "pyramid_app", "pyramid"),
    Peer(BARE, "bare WSGI", "bare"),
)


class MissingPeersError(Exception):
    """Some of the requested peers are not installed."""

    def __init__(self, packages: Iterable[str]) -> None:
        super().__init__(
            f"not installed: {', '.join(packages)}. "
            "Install every peer with: pip install -e '.[dev]' "
            "(or choose among the installed ones with --peers)"
        )


def load_all(peers: Iterable[Peer]) -> dict[str, Mapping[str, Callable[[], WSGIApplication]]]:
    """Return each peer's application factories by case name."""
    loaded, missing = {}, []
    for peer in peers:
        try:
            module = import_module(f"benchmarks.apps.{peer.module}")
        except ModuleNotFoundError as error:
            # Anything else that cannot be imported is a fault, not a missing peer.
            if error.name != peer.package:
                raise
            missing.append(peer.package)
        else:
            loaded[peer.name] = cast("Mapping[str, Callable[[], WSGIApplication]]", module.APPS)
    if missing:
        raise MissingPeersError(missing)
    return loaded
