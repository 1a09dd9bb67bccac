"""A smoke run of the comparison under real servers, and that it leaves none of them behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.cases import Case, Expected
from benchmarks.servers import __main__ as servers
from benchmarks.servers.contest import PEERS, Life, Sample
from benchmarks.servers.processes import ServerError, children, cpu_ns, memory, program
from benchmarks.servers.report import figure, ratios
from benchmarks.servers.setups import SETUPS, Cores
from benchmarks.sites import ANSWERS
from benchmarks.wsgi import Exchange, Request

for peer in ("flask", "falcon", "bottle"):
    pytest.importorskip(peer, reason=f"{peer} is not installed: pip install -e '.[dev]'")

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 30.0  # seconds


@pytest.fixture
def cores() -> Cores:
    try:
        for name in ("nginx", "wrk", "taskset", "uwsgi", "gunicorn"):
            program(name, "see benchmarks/README.md")
        return servers.choose_cores()
    except ServerError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("name", ANSWERS)
def test_every_site_gives_the_same_answers(peer: str, name: str) -> None:
    path, expected = ANSWERS[name]
    app = import_module(f"benchmarks.sites.{peer}_site").app
    exchange = Exchange()
    body = exchange.run(app, Request(Case(name, "", Expected(), path=path)).environ())
    assert exchange.status_code == 200
    assert (body.decode() if isinstance(expected, str) else json.loads(body)) == expected
    assert exchange.header("Content-Length") == str(len(body))


@pytest.mark.parametrize("setup", SETUPS)
def test_a_server_knows_its_worker_and_ends_it(setup: str, cores: Cores) -> None:
    with SETUPS[setup]("benchmarks.sites.bare_site:app", cores) as server:
        before = cpu_ns(server.worker)
        assert server.get("/") == (200, b"Hello, World!")
        assert cpu_ns(server.worker) > before
        assert memory(server.worker).rss_kb >= memory(server.worker).pss_kb > 0
        assert os.sched_getaffinity(server.worker) == {cores.worker}
    assert not lives(server.worker)


def test_a_server_that_does_not_start_tells_why(cores: Cores) -> None:
    with (
        pytest.raises(ServerError, match="No module named 'none_such'"),
        SETUPS["uwsgi-http-socket"]("none_such:app", cores),
    ):
        pass


@pytest.mark.usefixtures("cores")
def test_a_run_leaves_every_life_of_every_worker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "servers.json"
    chosen = ["--servers=nginx-uwsgi", "--peers=microweb", f"--json={results}"]
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert servers.main(["--quick", *chosen]) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    document = json.loads(results.read_text(encoding="utf-8"))
    peers = document["servers"]["nginx-uwsgi"]
    assert list(peers) == ["microweb", "bare"]
    for (life,) in peers.values():
        assert list(life["samples"]) == list(ANSWERS)
        assert all(min(sample.values()) > 0 for sample in life["samples"].values())
    assert document["programs"]["nginx"].startswith("nginx version")
    assert all(target["text"] in capsys.readouterr().out for target in document["targets"][:1])


@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_ends_it_ends_its_servers(number: signal.Signals, tmp_path: Path) -> None:
    # What the background of a script starts ignores Ctrl-C, and so would this program.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    arguments = ["--servers=gunicorn-sync", "--peers=bare", f"--json={tmp_path / 'none.json'}"]
    run = f"from benchmarks.servers.__main__ import main; raise SystemExit(main({arguments!r}))"
    popen = subprocess.Popen([sys.executable, "-c", f"{listen}; {run}"], cwd=ROOT)
    try:
        arbiter, worker = arbiter_and_worker(popen)
        popen.send_signal(number)
        assert popen.wait(PATIENCE) == 128 + number
        assert not lives(arbiter)
        assert not lives(worker)
    finally:
        popen.kill()
        popen.wait()


def arbiter_and_worker(popen: subprocess.Popen[bytes]) -> tuple[int, int]:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        assert popen.poll() is None
        for child in children(popen.pid):
            for grandchild in children(child):
                return child, grandchild
        time.sleep(0.02)
    raise AssertionError("no worker came up")


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_ratios_compare_the_lives_of_one_round() -> None:
    def life(cpu_us: float) -> Life:
        return Life({"json": Sample(cpu_us, 1, 1, 1)}, 1, 1)

    lives = {"microweb": [life(3), life(8)], "bare": [life(2), life(4)]}
    assert ratios(lives, figure("json", "cpu_us"), "microweb") == [1.5, 2.0]
