"""A service in production: nginx and uWSGI, started from what `microweb deploy` has written."""

from __future__ import annotations

import os
import re
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from ..client import HOST, PATIENCE, Client
from ..process import Process, running, wait_until
from ..programs import program
from ..servers import answers, free_port, uwsgi
from .journal import Journal

NAME = "shop"

# Read and not imported: where it is imported it begins a journal.
SOURCE = Path(__file__).with_name("service.py").read_text()

# As in production, whatever the tests run with: modules are compiled once, not at every start.
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": ""}


class Deployment:
    """The folder of an application with the files of its deployment, and what runs from them.

    :ivar folder: The application; its files are in `deploy`, its socket and logs in `run`.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.run = folder / "run"
        self.journal = Journal(folder)
        self.client = Client(port)
        self.master: Process
        self.proxy: Process
        self.access_began = 0
        self.releases = 0

    def command(self, *options: str) -> subprocess.CompletedProcess[str]:
        """What `microweb deploy` does and says."""
        microweb = [sys.executable, "-m", "microweb", "--app", "app:app", "deploy"]
        return subprocess.run(
            [*microweb, *options],
            cwd=self.folder,
            env={**os.environ, **ENVIRONMENT},
            check=False,
            capture_output=True,
            text=True,
        )

    def write(self, *options: str) -> None:
        listen = ("--listen", f"{HOST}:{self.port}")
        done = self.command("--run", str(self.run), "--name", NAME, *listen, *options)
        assert done.returncode == 0, done.stderr
        self.run.mkdir(mode=0o700)

    def release(self, name: str, seconds: float = 0) -> None:
        """Put other code in the place of what runs, and nothing more.

        :param seconds: How much longer its import takes.
        """
        source = SOURCE.replace('RELEASE = "1"', f'RELEASE = "{name}"')
        self.release_source(f"{source}\ntime.sleep({seconds})\n")

    def release_source(self, source: str) -> None:
        # Python takes what it has compiled for the same if only second and size are.
        self.releases += 1
        source += "#" * self.releases
        # At once, as whatever brings releases should do it: no worker sees a half of it.
        new = self.folder / "app.py.new"
        new.write_text(source)
        new.replace(self.folder / "app.py")

    def reload(self) -> subprocess.CompletedProcess[str]:
        return self.command("--reload")

    def stop_as_systemd(self) -> int:
        """Do what `systemctl stop` does according to the unit (systemd.kill(5)).

        :returns: The exit status of uWSGI.
        """
        unit = (self.folder / "deploy" / f"{NAME}.service").read_text().replace("\\\n", "")
        settings = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line)
        variables = {**os.environ, "MAINPID": str(self.master.popen.pid)}
        assert settings["KillMode"] == "mixed"
        with subprocess.Popen(shlex.split(settings["ExecStop"]), env=variables) as stop:
            # Meanwhile, for the command waits until nothing is left of the process.
            status = self.master.exit_status()
            assert stop.wait(PATIENCE) == 0
        return status

    def leftovers(self) -> list[str]:
        """What is in the folder of the socket, less what is nginx's."""
        names = sorted(path.name for path in self.run.iterdir())
        return [name for name in names if not name.startswith("nginx")]

    def spooled(self) -> int:
        """How much of bodies the processes keep on the disk, in bytes.

        Such a file has no name any more while it is open, so that none is ever left behind.
        """
        logs = {os.fstat(process.output.fileno()).st_ino for process in (self.master, self.proxy)}
        return sum(
            found.st_size
            for process in (self.master, self.proxy)
            for pid in (process.popen.pid, *children(process.popen.pid))
            for found in open_files(pid)
            if found.st_nlink == 0 and found.st_ino not in logs
        )

    def workers(self) -> list[int]:
        return children(self.master.popen.pid)

    def all_workers_are_there(self) -> bool:
        """Whether none is about to start: such a one does not hear that it is to end."""
        log = self.master.log()
        return all(f" pid: {worker} (default app)" in log for worker in self.workers())

    def touched(self) -> float:
        """When the last reload was asked for; 0 before the first."""
        path = self.run / "reload"
        return path.stat().st_mtime if path.exists() else 0.0

    def reloads(self) -> int:
        """How many times all workers have been replaced."""
        return self.master.log().count("chain reloading complete")

    def access(self) -> list[int]:
        """The statuses that nginx has logged since the application was there."""
        log = (self.run / "nginx-access.log").read_text()[self.access_began :]
        return [int(status) for status in re.findall(r'" (\d{3}) ', log)]

    @contextmanager
    def uwsgi_running(self, *prefix: str) -> Iterator[Process]:
        command = [*prefix, uwsgi(), "--ini", "deploy/uwsgi.ini"]
        with running(command, self.folder, ENVIRONMENT) as self.master:
            yield self.master
            if self.master.popen.poll() is None:
                wait_until(self.all_workers_are_there, self.master)

    @contextmanager
    def nginx_running(self) -> Iterator[Process]:
        nginx = program("nginx", "apt-get install nginx-light")
        configuration = str(self.folder / "deploy" / "nginx.conf")
        # In the foreground, for the test to stop it.
        command = [nginx, "-c", configuration, "-g", "daemon off;"]
        with running(command, self.folder) as self.proxy:
            yield self.proxy

    @contextmanager
    def running(self) -> Iterator[Deployment]:
        with self.uwsgi_running(), self.nginx_running():
            wait_until(lambda: answers(self.port), self.master, self.proxy)
            wait_until(self.all_workers_are_there, self.master)
            self.access_began = (self.run / "nginx-access.log").stat().st_size
            yield self


def children(pid: int) -> list[int]:
    # The process may have gone.
    with suppress(OSError):
        return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return []


def open_files(pid: int) -> Iterator[os.stat_result]:
    """The regular files that a process has open."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        # It may have been closed.
        with suppress(OSError):
            found = descriptor.stat()
            if stat.S_ISREG(found.st_mode):
                yield found


@contextmanager
def prepared(*options: str) -> Iterator[Deployment]:
    """The application in a folder of its own, with its files written."""
    # pytest's own temporary folders can be too deep for the name of a unix socket: 107 bytes.
    with TemporaryDirectory(prefix="microweb-") as name:
        folder = Path(name)
        deployment = Deployment(folder, free_port())
        deployment.release("1")
        static = folder / "static"
        static.mkdir()
        (static / "site.css").write_text("body { color: teal }\n")
        deployment.write(*options)
        yield deployment


@contextmanager
def deployed(*options: str) -> Iterator[Deployment]:
    """The application behind nginx and uWSGI, as they run from the files."""
    with ExitStack() as stack:
        deployment = stack.enter_context(prepared(*options))
        yield stack.enter_context(deployment.running())
