"""What the workers have executed, by the key of each request."""

from __future__ import annotations

from collections import Counter
from pathlib import Path


class Journal:
    """The lines that the workers append to one file, those of all processes and hosts.

    :param folder: Where the application is.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal"

    def _count(self, event: str) -> Counter[str]:
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        pairs = (line.split(" ", 1) for line in lines)
        return Counter(key for what, key in pairs if what == event)

    def begun(self) -> Counter[str]:
        return self._count("begin")

    def ended(self) -> Counter[str]:
        return self._count("end")

    def repeated(self) -> list[str]:
        return [key for key, times in self.begun().items() if times > 1]
