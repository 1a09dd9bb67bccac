"""What happens on a machine that lacks a server."""

from __future__ import annotations

import re

import pytest

from .programs import program


def test_a_missing_program_skips_the_test_and_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CI", raising=False)
    expected = re.escape("no-such-server is not installed: apt-get install it")
    with pytest.raises(pytest.skip.Exception, match=f"^{expected}$"):
        program("no-such-server", "apt-get install it")


def test_a_missing_program_is_a_failure_where_everything_must_be_tested(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CI", "true")
    expected = re.escape("no-such-server is not installed: apt-get install it")
    with pytest.raises(pytest.fail.Exception, match=f"^{expected}$"):
        program("no-such-server", "apt-get install it")
