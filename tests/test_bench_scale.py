"""A smoke run of the growing applications, and what keeps its figures honest."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.scale import __main__ as scale
from benchmarks.scale import child
from benchmarks.scale.contest import Child, ChildError, TooSlowError
from benchmarks.scale.peers.falcon_peer import template
from benchmarks.scale.scenes import PEERS, ROUTES, SCENES, Ask, NotApplicableError, Scene, load

for peer in ("flask", "falcon", "bottle"):
    pytest.importorskip(peer, reason=f"{peer} is not installed: pip install -e '.[dev]'")


def test_a_run_leaves_the_growth_of_every_scene(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "scale.json"
    chosen = ["--scenes=dynamic,blueprints", "--peers=microweb,falcon", f"--json={results}"]
    assert scale.main(["--quick", *chosen]) == 0
    scenes = json.loads(results.read_text(encoding="utf-8"))["scenes"]
    assert list(scenes) == ["dynamic", "blueprints"]
    assert list(scenes["dynamic"]["peers"]["falcon"]) == ["10", "100"]
    assert scenes["blueprints"]["peers"]["falcon"] == {}  # it has none
    figures = scenes["dynamic"]["peers"]["microweb"]["100"]
    assert figures["request_us"][0] > 0
    (start,) = figures["starts"]
    assert start["registration_ms"] > start["first_request_ms"] > 0
    assert "dynamic: a request with 100 routes" in capsys.readouterr().out


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
@pytest.mark.parametrize("peer", PEERS)
def test_every_request_gets_the_answer_of_its_route(
    scene: Scene, peer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    size = scene.sizes[1]
    try:
        app, asks = child.start(peer, scene, size)
    except NotApplicableError:
        assert scene.name == "blueprints"
        assert peer in {"falcon", "bottle"}
        return
    assert set(json.loads(capsys.readouterr().out)) == {
        "registration_ms",
        "first_request_ms",
        "registration_kb",
        "first_request_kb",
    }
    assert {ask.status for ask in asks} == {404 if scene.name == "missing" else 200}
    with pytest.raises(SystemExit, match="expected"):
        child.check(app, Ask(asks[0].path, status=201))


@pytest.mark.parametrize("size", ROUTES)
def test_as_many_paths_of_each_kind_are_timed_in_every_size(size: int) -> None:
    scene = next(scene for scene in SCENES if scene.name == "static")
    numbers = [int(ask.body or "") for ask in scene.asks(size)]
    assert len({later - earlier for earlier, later in pairwise(numbers)}) == 1
    assert (numbers[0], numbers[-1]) == (0, size - 1)
    assert sum(number % 2 for number in numbers) == len(numbers) / 2 == 5


def test_rules_are_written_in_the_way_of_each_framework() -> None:
    assert template("/a/<int:id>/<name>/b") == "/a/{id:int}/{name}/b"
    assert load("bottle").routes(["/<int:id>"]).routes[0].rule == "/<id:int>"


@pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGXCPU, TooSlowError), (signal.SIGALRM, TooSlowError), (signal.SIGKILL, ChildError)],
)
def test_only_a_process_that_is_out_of_time_was_too_slow(
    number: signal.Signals, error: type[Exception]
) -> None:
    code = f"import os; os.kill(os.getpid(), {int(number)})"
    with (
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as popen,
        pytest.raises(error),
    ):
        Child(popen).start()
