"""The life of worker processes: each starts once behind its fork, and ends once with its tasks."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from .client import HOST, Client
from .process import Process, running, wait_until
from .programs import program
from .servers import answers, free_port, uwsgi

# What it writes, with the number of the process: one line for one event.
APP = """\
import asyncio
import os
import sys

from microweb import App

app = App(__name__, static_folder=None)

def write(event):
    with open("log", "a") as log:
        log.write(f"{os.getpid()} {event}\\n")

write("import")

@app.before_serving
async def before():
    write("before")

@app.while_serving
async def serve():
    app.extensions["lock"] = asyncio.Lock()
    write("in")
    yield
    async with app.extensions["lock"]:
        write("out")

@app.after_serving
async def after():
    # Both need an executor, which ends early at the exit of a process.
    await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)
    await asyncio.to_thread(write, "after")

@app.get("/")
async def index():
    async with app.extensions["lock"]:  # it belongs to a loop
        write("request")
        await asyncio.sleep(0.01)
    return {"process": os.getpid(), "loop": id(asyncio.get_running_loop())}

@app.get("/slow")
async def slow():
    write("slow")
    await asyncio.sleep(0.5)
    write("request")
    return {"process": os.getpid()}

@app.get("/task")
def task():
    app.add_background_task(later)
    return {"process": os.getpid()}

async def later():
    await asyncio.sleep(0.5)  # longer than the test waits before it stops the server
    write("task")
"""

START = ["before", "in"]
END = ["out", "after"]


class Log:
    """What the processes of a server have written, by process."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "log"
        (folder / "app.py").write_text(APP)

    def of_processes(self) -> dict[int, list[str]]:
        events: dict[int, list[str]] = {}
        for line in self.path.read_text().splitlines() if self.path.exists() else ():
            process, _, event = line.partition(" ")
            events.setdefault(int(process), []).append(event)
        return events

    def of_workers(self) -> dict[int, list[str]]:
        """What those wrote that did more than to import the application."""
        events = self.of_processes()
        return {process: what for process, what in events.items() if what != ["import"]}

    def count(self, event: str) -> int:
        return sum(what.count(event) for what in self.of_processes().values())


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path)


def visit(port: int, times: int) -> tuple[Counter[int], int]:
    """Send requests, then one whose task outlasts it.

    :returns: How many requests each process has answered, and which one has the task.
    """
    client = Client(port)
    answered = [client.get("/").json for _ in range(times)]
    requests = Counter(answer["process"] for answer in answered)
    loops = {(answer["process"], answer["loop"]) for answer in answered}
    assert len(loops) == len(requests)  # one loop in each process
    return requests, client.get("/task").json["process"]


def expected(
    requests: Counter[int], with_task: int, workers: Iterable[int], imports: bool
) -> dict[int, list[str]]:
    """What each worker has written, from its start to its end."""
    return {
        worker: [
            *(["import"] if imports else []),
            *START,
            *["request"] * requests[worker],
            *(["task"] if worker == with_task else []),
            *END,
        ]
        for worker in workers
    }


def ended(process: Process, number: signal.Signals) -> int:
    process.popen.send_signal(number)
    return process.exit_status()


def uwsgi_command(port: int, *options: str) -> list[str]:
    return [uwsgi(), "--http-socket", f"{HOST}:{port}", "-w", "app:app", "--need-app", *options]


# Without the hook SIGTERM cuts the request of a worker that is busy, and ends it at once.
MASTER = ["--master", "--processes", "2", "--die-on-term"]
MASTER += ["--hook-master-start", "unix_signal:15 gracefully_kill_them_all"]


@pytest.mark.parametrize("options", [[], ["--threads", "2"]], ids=["processes", "threads"])
def test_behind_uwsgis_fork_each_worker_starts_before_any_request(
    log: Log, tmp_path: Path, options: list[str]
) -> None:
    port = free_port()
    with running(uwsgi_command(port, *MASTER, *options), tmp_path) as server:
        wait_until(lambda: log.count("in") == 2, server)
        master = server.popen.pid
        workers = sorted(log.of_workers())
        assert {**log.of_processes()} == {master: ["import"], **dict.fromkeys(workers, START)}
        assert len(workers) == 2
        requests, with_task = visit(port, 8)
        assert ended(server, signal.SIGTERM) == 0
        assert log.of_processes() == {
            master: ["import"],
            **expected(requests, with_task, workers, imports=False),
        }


def test_a_request_that_is_under_way_is_answered_before_its_worker_ends(
    log: Log, tmp_path: Path
) -> None:
    port = free_port()
    with running(uwsgi_command(port, *MASTER), tmp_path) as server, ThreadPoolExecutor() as threads:
        wait_until(lambda: log.count("in") == 2, server)
        answer = threads.submit(Client(port).get, "/slow")
        wait_until(lambda: log.count("slow") == 1, server)
        assert ended(server, signal.SIGTERM) == 0
        worker = answer.result().json["process"]
        assert log.of_workers()[worker] == [*START, "slow", "request", *END]


def test_under_uwsgi_with_lazy_apps_a_worker_starts_with_its_first_request(
    log: Log, tmp_path: Path
) -> None:
    port = free_port()
    with running(uwsgi_command(port, *MASTER, "--lazy-apps"), tmp_path) as server:
        wait_until(lambda: log.count("import") == 2, server)
        assert set(map(tuple, log.of_processes().values())) == {("import",)}
        requests, with_task = visit(port, 8)
        assert ended(server, signal.SIGTERM) == 0
        # A worker that no request came to has nothing to end.
        assert log.of_workers() == expected(
            requests, with_task, {*requests, with_task}, imports=True
        )
        assert server.popen.pid not in log.of_processes()


def test_uwsgi_without_a_master_is_one_worker(log: Log, tmp_path: Path) -> None:
    port = free_port()
    with running(uwsgi_command(port), tmp_path) as server:
        wait_until(lambda: log.count("in") == 1, server)
        requests, with_task = visit(port, 4)
        wait_until(lambda: " GET /task => " in server.log(), server)
        time.sleep(0.05)  # a worker that is busy ends at once, and calls nothing
        ended(server, signal.SIGINT)
        worker = server.popen.pid
        assert log.of_processes() == expected(requests, with_task, [worker], imports=True)


@pytest.mark.parametrize(
    "options",
    [[], ["--preload"], ["--worker-class", "gthread", "--threads", "2"]],
    ids=["sync", "preload", "gthread"],
)
def test_gunicorns_workers_start_with_their_first_requests(
    log: Log, tmp_path: Path, options: list[str]
) -> None:
    port = free_port()
    gunicorn = program("gunicorn", "pip install -e '.[dev]'")
    command = [gunicorn, "--bind", f"{HOST}:{port}", "--workers", "2", *options, "app:app"]
    with running(command, tmp_path) as server:
        wait_until(lambda: answers(port), server)
        requests, with_task = visit(port, 8)
        # It has answered once more, to tell that it was there.
        (first,) = [
            process
            for process, what in log.of_workers().items()
            if what.count("request") == requests[process] + 1
        ]
        requests[first] += 1
        assert ended(server, signal.SIGTERM) == 0
        imports = "--preload" not in options
        assert log.of_workers() == expected(
            requests, with_task, {*requests, with_task}, imports=imports
        )
        assert server.popen.pid not in log.of_workers()


def development_command(port: int, *options: str) -> list[str]:
    # What the background of a script starts ignores Ctrl-C, and so would the server.
    listen = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    run = f"from microweb.cli import main; main(['run', '--port', '{port}', *{[*options]!r}])"
    return [sys.executable, "-c", f"{listen}; {run}"]


def test_the_development_server_ends_its_worker_at_ctrl_c(log: Log, tmp_path: Path) -> None:
    port = free_port()
    with running(development_command(port), tmp_path) as server:
        wait_until(lambda: answers(port), server)
        requests, with_task = visit(port, 3)
        requests[with_task] += 1
        server.press_ctrl_c()
        assert server.exit_status() in {0, 130}
        assert log.of_workers() == expected(requests, with_task, [server.popen.pid], imports=True)
        assert "Traceback" not in server.log()


SLOW_END = """
import time

@app.after_serving
def slowly():
    time.sleep(1)
    write("slowly")
"""


def test_ctrl_c_lets_the_child_of_the_reloader_take_its_time(log: Log, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP + SLOW_END)
    port = free_port()
    with running(development_command(port, "--debug"), tmp_path) as server:
        wait_until(lambda: answers(port), server)
        child = Client(port).get("/").json["process"]
        os.killpg(server.popen.pid, signal.SIGINT)  # as a terminal does
        assert server.exit_status() in {0, 130}
        assert child != server.popen.pid
        assert log.of_workers()[child][-3:] == ["out", "after", "slowly"]
        assert "Traceback" not in server.log()


def test_the_development_server_ends_its_worker_at_sigterm(log: Log, tmp_path: Path) -> None:
    port = free_port()
    with running(development_command(port), tmp_path) as server:
        wait_until(lambda: answers(port), server)
        requests, with_task = visit(port, 3)
        requests[with_task] += 1
        server.popen.terminate()
        assert server.exit_status() == 0
        assert log.of_workers() == expected(requests, with_task, [server.popen.pid], imports=True)


def test_the_development_server_ends_its_worker_when_it_restarts(log: Log, tmp_path: Path) -> None:
    port = free_port()
    answered: Counter[int] = Counter()

    def count_answers() -> int:
        # None comes while it restarts.
        with suppress(OSError, HTTPException):
            answered[Client(port).get("/").json["process"]] += 1
        return len(answered)

    with running(development_command(port, "--debug"), tmp_path) as server:
        wait_until(lambda: count_answers() == 1, server)
        with_task = Client(port).get("/task").json["process"]
        (tmp_path / "app.py").write_text(f"{APP}\n# changed\n")
        wait_until(lambda: count_answers() == 2, server)
        first, second = answered
        assert with_task == first
        workers = log.of_workers()
        workers[first].remove("task")  # somewhere among the requests
        assert workers == {
            first: ["import", *START, *["request"] * answered[first], *END],
            second: ["import", *START, *["request"] * answered[second]],
        }
        assert server.popen.pid not in log.of_workers()
