"""A dict that never grows beyond a limit, for what is kept under names that clients choose."""

from __future__ import annotations

from threading import Lock
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(dict[K, V]):
    """A dict that forgets its oldest entry when one too many comes.

    To look something up costs what it costs in a dict; only a new entry takes the lock.

    :param capacity: How many entries there can be.

    >>> recent = Bounded(2)
    >>> for letter in "abc":
    ...     recent[letter] = letter.upper()
    >>> recent
    {'b': 'B', 'c': 'C'}
    """

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self._lock = Lock()

    def __setitem__(self, key: K, value: V) -> None:
        with self._lock:
            if len(self) >= self.capacity and key not in self:
                self.pop(next(iter(self), key), None)  # unless somebody has just emptied it
            super().__setitem__(key, value)
