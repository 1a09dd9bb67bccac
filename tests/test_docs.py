"""The pages in docs/deploying are held by what they describe: files, options, commands, links."""

from __future__ import annotations

import getpass
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from microweb.config import DEFAULTS
from microweb.deploy.command import SERVERS, deploy_command
from microweb.deploy.site import Site, load, save
from microweb.deploy.stacks import files, start_commands

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "deploying"
EXAMPLES = ["guestbook", "myapi"]
PAGES = sorted(page.name for page in DOCS.glob("*.md"))

#: Programs that would change the machine, or need what no test has; they are only parsed.
NOT_RUN = {
    *("adduser", "apache2ctl", "apt-get", "cd", "certbot", "curl", "git", "install", "journalctl"),
    *("mkdir", "nginx", "pip", "systemctl", "tail"),
    *("venv/bin/pip", "venv/bin/python", "/usr/bin/python3"),
}
#: Servers whose commands a page gives for a first look; `tests/servers/test_docs.py` starts them.
SERVER_PROGRAMS = {"uwsgi", "gunicorn", "waitress-serve", "granian", "python"}


@dataclass(frozen=True)
class Block:
    """A fenced block.

    :ivar page: The name of its page.
    :ivar language: The first word behind the fence.
    :ivar name: The second one: the file that it is taken from, if any.
    :ivar text: What is in it.
    :ivar before: The last command that wrote files, above it.
    """

    page: str
    language: str
    name: str
    text: str
    before: str | None


def blocks_of(page: str) -> Iterator[Block]:
    before = None
    source = (DOCS / page).read_text(encoding="utf-8")
    for language, name, text in re.findall(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", source, re.M | re.S):
        yield Block(page, language, name, text, before)
        if language == "sh":
            writing = [line for line in text.splitlines() if writes(line)]
            before = writing[-1] if writing else before


def writes(command: str) -> bool:
    return is_deploy(command) and not re.search(r"--(check|diff|reload)\b", command)


def is_deploy(command: str) -> bool:
    return re.match(r"(venv/bin/)?microweb deploy\b", command) is not None


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
COMMANDS = [(b.page, line) for b in BLOCKS if b.language == "sh" for line in b.text.splitlines()]


def named(blocks: list[Block]) -> list[object]:
    return [
        pytest.param(b, id=f"{b.page}: {b.text.split(chr(10))[0].strip()[:50]}") for b in blocks
    ]


@cache
def documented(command: str) -> Site:
    """The site that a command of a page makes of the application in the recommended page."""
    with TemporaryDirectory(prefix="microweb-") as name:
        shop = Path(os.path.realpath(name), "shop")
        (shop / "static").mkdir(parents=True)
        (shop / "app.py").write_text(application())
        options = shlex.split(command)[2:]
        user = "www-data"
        if "--user" in options:  # who need not exist on this machine
            user = options.pop(options.index("--user") + 1)
            options.remove("--user")
        here = [
            "--run",
            str(shop / "run"),
            "--user",
            getpass.getuser(),
            "--to",
            str(shop / "deploy"),
        ]
        done = subprocess.run(
            [sys.executable, "-m", "microweb", "deploy", *options, *here],
            check=False,
            cwd=shop,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        site, _ = load(shop / "deploy" / "deploy.json")
        text = (
            save(site, {}).replace(str(shop / "run"), "/run/shop").replace(str(shop), "/srv/shop")
        )
        (shop / "deploy" / "deploy.json").write_text(text)
        site, _ = load(shop / "deploy" / "deploy.json")
    python = "/srv/shop/venv/bin/python3"
    return replace(site, python=python, user=user, group="www-data", backlog=1024)


def application() -> str:
    """The application that the recommended page begins with."""
    (source, *_) = [b.text for b in blocks_of("nginx-uwsgi.md") if b.language == "python"]
    return source


@pytest.fixture
def no_system_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    # A uWSGI of the system would be taken where /srv/shop has none.
    monkeypatch.setenv("PATH", "")


@pytest.mark.usefixtures("no_system_servers")
@pytest.mark.parametrize(
    "block", named([b for b in BLOCKS if "." in b.name and b.language != "sh"])
)
def test_what_is_said_to_be_in_a_file_is_written_there(block: Block) -> None:
    command = block.before or "microweb deploy --domain shop.example.org --user shop"
    text = files(documented(command))[block.name]
    assert block.text in text


@pytest.mark.usefixtures("no_system_servers")
@pytest.mark.parametrize("block", named([b for b in BLOCKS if b.name == "output"]))
def test_what_a_command_is_said_to_print_it_prints(block: Block) -> None:
    assert block.before is not None
    commands = start_commands(documented(block.before), managed=True, root=True)
    shown = [line.strip() for line in block.text.splitlines()]
    assert shown == [command for command in commands if command in shown]


@pytest.mark.parametrize(
    "command", sorted({command for _, command in COMMANDS if is_deploy(command)})
)
def test_options_of_deploy_are_there(command: str) -> None:
    arguments = shlex.split(command)[2:]
    with deploy_command.make_context("deploy", list(arguments)) as context:
        assert context.args == []


@pytest.mark.parametrize("page", PAGES)
def test_options_and_settings_that_the_prose_names_are_there(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    known = {option for param in deploy_command.params for option in param.opts}
    known |= {option for param in deploy_command.params for option in param.secondary_opts}
    for arguments in re.findall(r"`microweb deploy ([^`]*)`", text):
        assert set(re.findall(r"--[\w-]+", arguments)) <= known
    settings = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)\b", text)) - {"MICROWEB_SECRET_KEY"}
    assert {name for name in settings if name != "MICROWEB_"} <= set(DEFAULTS)


@pytest.mark.parametrize("block", named([b for b in BLOCKS if b.language == "sh"]))
def test_every_command_can_be_typed(block: Block) -> None:
    parsed = subprocess.run(
        ["sh", "-n"], check=False, input=block.text, text=True, capture_output=True
    )
    assert (parsed.returncode, parsed.stderr) == (0, "")
    if block.name == "try":
        return
    for line in block.text.splitlines():
        program = shlex.split(line)[0]
        assert is_deploy(line) or program in NOT_RUN | SERVER_PROGRAMS


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        there = DOCS / (path or page)
        assert there.is_file(), target
        assert not anchor or anchor in anchors(there), target


def anchors(page: Path) -> set[str]:
    """The names that a page's headings have for links, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_index_leads_to_every_page() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [page for page in PAGES if page != "README.md" and f"({page}" not in index] == []


@pytest.mark.parametrize("server", SERVERS)
def test_every_server_has_a_page(server: str) -> None:
    page = "nginx-uwsgi.md" if server == "uwsgi" else f"{server}.md"
    commands = [command for at, command in COMMANDS if at == page and writes(command)]
    assert commands
    assert all(documented(command).server == server for command in commands)


@pytest.mark.parametrize(
    "block", named([b for b in BLOCKS if b.language == "python" and b.name in ("", "app")])
)
def test_python_runs(block: Block) -> None:
    names: dict[str, object] = {"__name__": "app"}
    if block.name == "app":  # a line for an application that is there
        exec(application(), names)
    exec(block.text, names)
    client = names["app"].test_client()  # type: ignore[attr-defined]  # exec() says nothing of types
    assert client.get("/healthz" if "health_routes" in block.text else "/").status_code == 200


def test_every_block_says_what_it_is() -> None:
    fences = [
        line
        for page in PAGES
        for line in (DOCS / page).read_text(encoding="utf-8").splitlines()
        if line.startswith("```")
    ]
    opened, closed = fences[::2], fences[1::2]
    languages = {line.removeprefix("```").split(" ")[0] for line in opened}
    assert languages <= {"sh", "text", "ini", "nginx", "apache", "python", "json"}
    assert set(closed) == {"```"}


@pytest.mark.usefixtures("no_system_servers")
def test_the_readme_shows_what_the_first_deployment_prints() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"^```\n(microweb deploy .*)\n```$", readme, re.M)
    for line in start_commands(documented(command), managed=True, root=True):
        assert f"\n{line}\n" in readme


@pytest.mark.parametrize("page", ["README.md", *(f"examples/{e}/README.md" for e in EXAMPLES)])
def test_what_leads_to_the_pages_leads_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\(((?:\.\./)*docs/[^)]+)\)", text)
    assert targets
    for target in targets:
        assert ((ROOT / page).parent / target).is_file(), target
