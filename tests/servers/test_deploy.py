"""What `microweb deploy` writes and prints is started as it stands, in the words that it prints."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_connection, create_server
from tempfile import TemporaryDirectory

import pytest
from click import ClickException
from click.testing import CliRunner

import microweb
from microweb.cli import main
from microweb.deploy.releasing import ask
from microweb.deploy.site import load

from . import apache
from .client import HOST, Client
from .process import wait_until
from .programs import program
from .servers import answers, free_port

MICROWEB = str(Path(sys.executable).with_name("microweb"))

FACTORY = """\
import os
from microweb import App

def create_app(greeting):
    app = App(__name__)

    @app.get("/")
    def hello():
        return {"hello": greeting, "folder": os.getcwd()}

    return app
"""


HELLO = "from microweb import App\napp = App(__name__)\n"


class Deployment:
    """A folder with an application, and the files that are written for it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.run = folder / "run"
        self.port = free_port()
        self.command = [MICROWEB]
        self.environment = {**os.environ, "PATH": f"/usr/sbin:{os.environ['PATH']}"}

    def deploy(self, *options: str, app: str = "app:app") -> subprocess.CompletedProcess[str]:
        """Type the command; where it does not import the application, in this process."""
        if self.command == [MICROWEB] and options[0] in ("--check", "--reload"):
            return self._deploy_here(*options)
        return subprocess.run(
            [*self.command, "--app", app, "deploy", *options],
            check=False,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def _deploy_here(self, *options: str) -> subprocess.CompletedProcess[str]:
        folder, variables = os.getcwd(), dict(os.environ)
        os.chdir(self.folder)
        os.environ.update(self.environment)
        try:
            result = CliRunner().invoke(main, ["deploy", *options], catch_exceptions=False)
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(variables)
        return subprocess.CompletedProcess(
            options, result.exit_code, result.stdout, "" if result.exit_code == 0 else result.output
        )

    def write(self, *options: str, app: str = "app:app") -> list[str]:
        """Write the files for a port of this machine; return the commands that start them."""
        here = ("--run", str(self.run), "--listen", f"{HOST}:{self.port}")
        done = self.deploy(*here, *options, app=app)
        assert done.returncode == 0, done.stderr
        return [line.strip() for line in done.stdout.splitlines() if line.startswith("  ")]

    @contextmanager
    def started(self, commands: list[str]) -> Iterator[Client]:
        """Type the commands into a shell; in the end stop whose process ids they left."""
        try:
            for command in commands:
                subprocess.run(
                    ["sh", "-ec", command],
                    check=True,
                    cwd=self.folder,
                    env=self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=60,
                )
            wait_until(lambda: answers(self.port))
            yield Client(self.port)
        finally:
            for process in self.processes():
                os.kill(process, signal.SIGTERM)
            wait_until(self._all_have_ended)

    def _all_have_ended(self) -> bool:
        """Tell processes of uWSGI again: one that imports overlooks it, says the unit."""
        left = self.processes()
        if (self.run / "uwsgi.log").exists():
            for process in left:
                if _parent(process) in left:
                    with suppress(ProcessLookupError):
                        os.kill(process, signal.SIGHUP)
        return not left

    def processes(self) -> list[int]:
        """Return the processes whose command line or configuration is in the folder."""
        found = []
        for file in self.run.glob("*.pid"):
            with suppress(FileNotFoundError):  # it has ended meanwhile
                text = file.read_text().strip()
                if text and _lives(int(text)):
                    found.append(int(text))
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                named = str(self.run) in line.read_bytes().decode(errors="replace")
            except OSError:
                continue
            process = int(line.parent.name)
            if named and _lives(process) and process not in found and process != os.getpid():
                found.append(process)
        return found


def _lives(process: int) -> bool:
    return _stat(process)[0] not in ("", "Z")


def _parent(process: int) -> int:
    return int(_stat(process)[1])


def _stat(process: int) -> list[str]:
    """Return the state of a process and its parent's id, and more; of one that is gone nothing."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["", "0"]


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    # Not pytest's own folder, which is too deep for the name of a unix socket.
    with TemporaryDirectory(prefix="microweb-") as folder:
        os.chmod(folder, 0o755)
        yield Deployment(Path(folder))


@pytest.fixture
def guestbook(deployment: Deployment, examples: Path) -> Deployment:
    ignored = shutil.ignore_patterns("instance", "__pycache__", "deploy")
    shutil.copytree(examples / "guestbook", deployment.folder, ignore=ignored, dirs_exist_ok=True)
    return deployment


def test_the_two_commands_that_are_printed_serve_the_guestbook(guestbook: Deployment) -> None:
    program("nginx", "apt-get install nginx-light")
    commands = guestbook.write()
    assert len(commands) == 2
    with guestbook.started(commands) as client:
        page = client.get("/entries/")
        assert (page.status, page.headers["Server"].partition("/")[0]) == (200, "nginx")
        stylesheet = client.get("/static/style.css")
        assert stylesheet.status == 200
        assert stylesheet.headers["X-Content-Type-Options"] == "nosniff"
        checked = guestbook.deploy("--check")
        assert (checked.returncode, checked.stderr) == (0, "")
        assert {line.split()[0] for line in checked.stdout.splitlines()} == {"ok"}


def test_what_was_stored_is_there_after_new_code_and_after_a_restart(
    guestbook: Deployment,
) -> None:
    program("nginx", "apt-get install nginx-light")
    commands = guestbook.write()
    page = guestbook.folder / "guestbook" / "templates" / "base.html"
    with guestbook.started(commands) as client:
        assert "Guestbook, second edition" not in client.get("/entries/").text
        page.write_text(page.read_text().replace("<body>", "<body>Guestbook, second edition"))
        done = guestbook.deploy("--reload")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("2 processes were replaced in ")
        assert "Guestbook, second edition" in client.get("/entries/").text
    with guestbook.started(commands) as client:
        assert "Guestbook, second edition" in client.get("/entries/").text


@pytest.mark.parametrize("server", ["uwsgi", "gunicorn", "waitress", "granian"])
def test_every_server_serves_a_factory_from_what_was_written(
    deployment: Deployment, server: str
) -> None:
    program("nginx", "apt-get install nginx-light")
    (deployment.folder / "shop.py").write_text(FACTORY)
    commands = deployment.write("--for", server, "--threads", "3", app="shop:create_app('you')")
    with deployment.started(commands) as client:
        assert client.get("/").json == {"hello": "you", "folder": str(deployment.folder)}
        mode = (deployment.run / f"{server}.sock").stat().st_mode
        assert (mode & 0o600, mode & 0o007) == (
            0o600,
            0,
        )  # who else could reach it, speaks for nginx
        (deployment.folder / "shop.py").write_text(FACTORY.replace('"hello"', '"bye"'))
        done = deployment.deploy("--reload")
        if server == "waitress":
            assert done.returncode == 1
            assert "cannot take new code while it runs: restart it" in done.stderr
        else:
            assert (done.returncode, done.stderr) == (0, "")
            assert client.get("/").json == {"bye": "you", "folder": str(deployment.folder)}


def test_apache_serves_a_factory_from_what_was_written(deployment: Deployment) -> None:
    apache.installed()
    # Readable for the user of Apache's processes, who is not the one that runs this.
    shutil.copytree(apache.venv(), deployment.folder / "venv", symlinks=True)
    package = Path(microweb.__file__).parent
    shutil.copytree(package, deployment.folder / "microweb")
    deployment.command = [str(deployment.folder / "venv/bin/python"), "-m", "microweb"]
    (deployment.folder / "shop.py").write_text(FACTORY)
    commands = deployment.write("--for", "apache", app="shop:create_app('you')")
    assert len(commands) == 1
    with deployment.started(commands) as client:
        assert client.get("/").json == {"hello": "you", "folder": str(deployment.folder)}
        checked = deployment.deploy("--check")
        assert (checked.returncode, checked.stderr) == (0, "")
        (deployment.folder / "shop.py").write_text(FACTORY.replace('"hello"', '"bye"'))
        done = deployment.deploy("--reload")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == "Apache takes the new code with the next request.\n"
        assert client.get("/").json["bye"] == "you"


BIG = """\
from microweb import App, Response, request

app = App(__name__)

@app.get("/")
def echo():
    answer = Response(request.host)
    answer.headers["Set-Cookie"] = "taste=" + "x" * 6_994
    return answer
"""


@pytest.mark.parametrize("server", ["uwsgi", "gunicorn"])  # the others have no limits so low
def test_a_server_takes_the_headers_that_nginx_takes(deployment: Deployment, server: str) -> None:
    program("nginx", "apt-get install nginx-light")
    (deployment.folder / "app.py").write_text(BIG)
    with deployment.started(deployment.write("--for", server)) as client:
        long = dict.fromkeys(("Cookie", "X-One", "X-Two"), "x" * 7500)
        answer = client.request("GET", f"/?{'q' * 8_000}", headers=long)
        assert answer.status == 200
        assert len(answer.headers["Set-Cookie"]) == 7_000


def test_a_request_with_two_names_is_refused(deployment: Deployment) -> None:
    program("nginx", "apt-get install nginx-light")
    (deployment.folder / "app.py").write_text(BIG)

    def asked(target: str, host: str) -> bytes:
        with create_connection((HOST, deployment.port), timeout=20) as connection:
            connection.sendall(f"GET {target} HTTP/1.0\r\n{host}\r\n".encode())
            with connection.makefile("rb") as answer:
                return answer.readline().split()[1]

    with deployment.started(deployment.write("--domain", "shop.test,*.shop.test")):
        assert asked("http://shop.test/", "Host: evil.test\r\n") == b"400"
        assert asked("http://shop.test/", "Host: shop.test.evil.test\r\n") == b"400"
        assert asked("http://shop.test/", "Host: Shop.Test:80\r\n") == b"200"
        assert asked("/", "Host: www.shop.test.\r\n") == b"200"
        assert asked("/", "Host: [::1]:8080\r\n") == b"200"
        assert asked("/", "") == b"200"


def test_nginx_sends_static_files_as_the_application_would(deployment: Deployment) -> None:
    program("nginx", "apt-get install nginx-light")
    (deployment.folder / "app.py").write_text(HELLO)
    (deployment.folder / "static").mkdir()
    (deployment.folder / "static" / "text.txt").write_text("déjà vu")
    for number, options in enumerate([(), ("--no-static", "--force")]):
        with deployment.started(deployment.write(*options)) as client:
            text = client.get("/static/text.txt")
            assert (number, text.headers["Content-Type"]) == (number, "text/plain; charset=utf-8")
            assert (number, text.headers["Cache-Control"]) == (number, "no-cache")


def test_code_that_cannot_be_imported_leaves_what_runs_alone(deployment: Deployment) -> None:
    program("nginx", "apt-get install nginx-light")
    (deployment.folder / "shop.py").write_text(FACTORY)
    with deployment.started(deployment.write(app="shop:create_app('you')")) as client:
        (deployment.folder / "shop.py").write_text(FACTORY + "import nothing_like_it\n")
        done = deployment.deploy("--reload")
        assert done.returncode == 1
        assert "No module named 'nothing_like_it'" in done.stderr
        assert "what runs goes on with the code it has" in done.stderr
        assert client.get("/").json["hello"] == "you"


def test_the_check_names_the_program_that_has_the_port(deployment: Deployment) -> None:
    program("nginx", "apt-get install nginx-light")
    (deployment.folder / "app.py").write_text(HELLO)
    deployment.write()
    with create_server((HOST, deployment.port)):
        done = deployment.deploy("--check")
    assert done.returncode == 1
    taken = f"The port {HOST}:{deployment.port} is taken by "
    (line,) = [line for line in done.stdout.splitlines() if taken in line]
    assert f"(process {os.getpid()}). Stop that program, or take another port" in line


def test_the_check_finds_a_uwsgi_without_python(deployment: Deployment) -> None:
    program("/usr/bin/uwsgi", "apt-get install uwsgi-core")
    if Path("/usr/lib/uwsgi/plugins/python3_plugin.so").exists():
        pytest.skip("this machine has the plugin whose absence is to be found")
    (deployment.folder / "app.py").write_text(HELLO)
    # An environment without a uWSGI of its own: the system's is taken.
    python = deployment.folder / "env" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(os.path.realpath(sys.executable))
    deployment.command = [str(python), "-m", "microweb"]
    deployment.environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    deployment.environment["PATH"] = os.defpath
    assert "bin/uwsgi --ini " in deployment.write()[0]
    done = deployment.deploy("--check")
    assert done.returncode == 1
    assert "FAILED  uWSGI starts with uwsgi.ini" in done.stdout
    assert "apt-get install uwsgi-plugin-python3" in done.stdout


def test_the_check_finds_a_socket_that_its_user_may_not_make(deployment: Deployment) -> None:
    program("nginx", "apt-get install nginx-light")
    (deployment.folder / "app.py").write_text(HELLO)
    deployment.write("--user", "nobody")
    deployment.run.mkdir(mode=0o700)
    done = deployment.deploy("--check")
    assert done.returncode == 1
    assert "FAILED  nginx reaches the socket" in done.stdout
    assert (
        f"nobody may not make the socket {deployment.run}/uwsgi.sock: {deployment.run} is"
        " drwx------, of "
    ) in done.stdout
    assert "install -d -m 750 -o nobody -g " in done.stdout


def test_the_check_looks_at_the_files_as_they_are(deployment: Deployment) -> None:
    program("nginx", "apt-get install nginx-light")
    (deployment.folder / "app.py").write_text(HELLO)
    deployment.write()
    deploy, run = deployment.folder / "deploy", deployment.run
    ini, (site,) = deploy / "uwsgi.ini", deploy.glob("*.nginx")
    text = ini.read_text().replace(f"socket = {run}/uwsgi.sock", f"socket = {run}/other.sock")
    ini.write_text(text.replace("listen = ", "listen = 9").replace("/reload\n", "/again\n"))
    with create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        site.write_text(site.read_text().replace(str(deployment.port), str(port)))
        told = deployment.deploy("--check").stdout
    assert f"uWSGI listens on {run}/other.sock, and nginx asks {run}/uwsgi.sock" in told
    assert f"no `touch-chain-reload = {run}/reload`" in told
    assert "above what the system allows, which is" in told
    assert f"The port {HOST}:{port} is taken by" in told
    site.write_text(site.read_text().replace("/uwsgi.sock", "/other.sock"))
    assert "nginx asks" not in deployment.deploy("--check").stdout


def test_the_check_leaves_alone_what_runs(deployment: Deployment) -> None:
    program("nginx", "apt-get install nginx-light")
    (deployment.folder / "app.py").write_text(HELLO)
    deployment.write()
    deployment.run.mkdir()
    kept = ["uwsgi.pid", "uwsgi.sock", "old.pid", "uwsgi.log"]
    for name in kept:
        (deployment.run / name).write_text("of what runs")
    with (deployment.folder / "deploy" / "uwsgi.ini").open("a") as ini:
        for line in (
            f"pidfile = {deployment.run}/old.pid",
            f"  logto={deployment.run}/uwsgi.log",
            f"exec-pre-app = touch {deployment.run}/migrated",
            f"hook-asap = exec:touch {deployment.run}/migrated",
            f"daemonize2 = {deployment.run}/uwsgi.log",
            f"http = {HOST}:{deployment.port}",
        ):
            ini.write(f"{line}\n")
    done = deployment.deploy("--check")
    assert "ok      uWSGI starts with uwsgi.ini" in done.stdout
    assert sorted(os.listdir(deployment.run)) == sorted(kept)
    assert {(deployment.run / name).read_text() for name in kept} == {"of what runs"}
    for name in kept:
        (deployment.run / name).unlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_file_that_asks_for_a_reload_is_touched_by_its_user(deployment: Deployment) -> None:
    (deployment.folder / "app.py").write_text(HELLO)
    with TemporaryDirectory(prefix="microweb-", dir="/run") as run:
        done = deployment.deploy("--run", run, "--user", "nobody")
        assert done.returncode == 0, done.stderr
        site, _ = load(deployment.folder / "deploy" / "deploy.json")
        os.chmod(run, 0o777)
        ask(site, 0)
        assert Path(site.reload_file).owner() == "nobody"
        os.chmod(run, 0o700)
        with pytest.raises(ClickException, match="This user may not reload .* Permission denied"):
            ask(site, 0)


def test_the_check_names_a_misspelt_option(deployment: Deployment) -> None:
    program("nginx", "apt-get install nginx-light")
    (deployment.folder / "app.py").write_text(HELLO)
    deployment.write()
    deploy = deployment.folder / "deploy"
    ini, (site,) = deploy / "uwsgi.ini", deploy.glob("*.nginx")
    ini.write_text(ini.read_text().replace("harakiri =", "harakire ="))
    site.write_text(site.read_text().replace("server_name", "serve_name"))
    done = deployment.deploy("--check")
    assert done.returncode == 1
    assert "the option harakire, which uWSGI does not know" in done.stdout
    assert "nginx does not know the directive serve_name" in done.stdout
