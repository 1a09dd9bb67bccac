"""A smoke run of the comparison of starts, and how its ratios are made."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from benchmarks import start
from benchmarks.start import PYTHON, WERKZEUG, ChildError, Sample

for peer in ("flask", "falcon", "bottle"):
    pytest.importorskip(peer, reason=f"{peer} is not installed: pip install -e '.[dev]'")


def test_a_run_leaves_every_sample_of_every_peer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "new" / "start.json"
    assert start.main(["--quick", "--peers=microweb,bottle", f"--json={results}"]) == 0
    document = json.loads(results.read_text(encoding="utf-8"))
    assert set(document["stages"]) == {"import", "first answer"}
    for peers in document["stages"].values():
        assert list(peers) == [PYTHON, WERKZEUG, "microweb", "bottle"]
        for entry in peers.values():
            assert set(entry["samples"]) == {"wall_ms", "cpu_ms", "rss_kb"}
            for values in entry["samples"].values():
                assert len(values) == document["settings"]["rounds"] == 2
                assert min(values) > 0
    assert document["packages"]["bottle"] != "unknown"
    printed = capsys.readouterr().out
    assert len([line for line in printed.splitlines() if line.startswith("| microweb")]) == 2
    assert all(target["text"] in printed for target in document["targets"])


def test_the_first_answer_of_every_peer_is_the_right_one() -> None:
    for peer in start.IMPORTS:
        assert start.run(start.program("first answer", peer), os.environ).rss_kb > 0


def test_a_time_is_compared_without_the_interpreter_and_memory_with_it() -> None:
    samples = {
        PYTHON: [Sample(0, 10, 1000)],
        WERKZEUG: [Sample(0, 30, 2000)],
        "microweb": [Sample(0, 40, 3000)],
    }
    assert start.time_ratios("microweb", samples) == [1.5]
    assert start.memory_ratios("microweb", samples) == [1.5]
    assert [target.met for target in start.targets(samples)] == [False, False]


def test_a_child_that_fails_is_no_sample() -> None:
    with pytest.raises(ChildError, match="ended with 3"):
        start.run("raise SystemExit(3)", os.environ)
