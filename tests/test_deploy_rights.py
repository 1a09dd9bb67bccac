"""Who may read, touch and ask for what a deployment consists of."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import pytest

from microweb import App
from microweb.deploy.gathering import make_site
from microweb.deploy.nginx import listen
from microweb.deploy.releasing import ask
from microweb.deploy.running import NotStarted, run, variables_of, why_not_started
from microweb.deploy.site import Site
from microweb.deploy.stacks import files, start_commands

CHALLENGE = """\
    # certbot certonly --webroot -w /var/www/html writes here, for the world to see.
    location /.well-known/acme-challenge/ {
        root /var/www/html;
    }
"""


@pytest.fixture
def site(app: App, tmp_path: Path) -> Site:
    options = {"to": str(tmp_path), "run": str(tmp_path / "run"), "name": "shop"}
    return make_site(app, "app", "app", None, options)


@pytest.fixture
def system_folder() -> Iterator[str]:
    if os.geteuid() != 0:
        pytest.skip("only root makes folders in /run, and gives files to others")
    with TemporaryDirectory(prefix="microweb-", dir="/run") as folder:
        yield folder


def test_what_root_has_touched_the_user_of_the_site_can_touch_again(
    site: Site, system_folder: str
) -> None:
    installed = replace(site, run=system_folder, user="nobody", group="nogroup")
    os.chown(system_folder, pwd.getpwnam("nobody").pw_uid, -1)
    ask(installed, 0)
    owner = pwd.getpwuid(os.stat(installed.reload_file).st_uid).pw_name
    assert owner == "nobody"


def test_of_a_site_that_is_only_tried_the_file_stays_the_users(site: Site) -> None:
    os.mkdir(site.run)
    ask(site, 0)
    assert os.stat(site.reload_file).st_uid == os.geteuid()


def test_secrets_that_cannot_be_read_say_whose_they_have_to_be(site: Site) -> None:
    os.mkdir(site.environment_file)  # root, too, cannot read this as a file
    with pytest.raises(click.ClickException) as caught:
        variables_of(site)
    assert f"chown {site.user} {site.environment_file}" in caught.value.message


def test_variables_are_read_as_systemd_reads_them(site: Site) -> None:
    assert variables_of(site) == {}
    Path(site.environment_file).write_text(
        "# a comment\n; another\n\nKEY=a=b\n  NAME = 'two words'\nEMPTY=\nQUOTED=\"x\"\nnone\n"
    )
    assert variables_of(site) == {"KEY": "a=b", "NAME": "two words", "EMPTY": "", "QUOTED": "x"}


def test_a_program_that_takes_too_long_is_given_up(site: Site, tmp_path: Path) -> None:
    with pytest.raises(NotStarted, match=r"^sleep took more than 0\.2 seconds\.$"):
        run(["sleep", "30"], str(tmp_path), os.environ, 0.2)
    with pytest.raises(NotStarted, match=r"^There is no program no-such-program"):
        run(["no-such-program"], str(tmp_path), os.environ, 5)


def test_who_cannot_start_a_program_is_told_what_is_in_the_way(site: Site, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    closed = replace(site, user="nobody", folder=str(tmp_path))
    text = why_not_started(closed, "/bin/sh", NotStarted("sh: Permission denied"))
    assert text.startswith("nobody cannot start ")
    assert "Another user is named with --user" in text
    opened = replace(site, user="root")
    assert why_not_started(opened, "/bin/sh", NotStarted("as it is")) == "as it is"


def test_the_unit_says_who_reads_the_secrets(site: Site) -> None:
    unit = files(replace(site, user="shop"))["shop.service"]
    assert "# nobody else should: chown shop and chmod 600." in unit


def test_a_site_with_a_name_proves_on_port_80_that_the_name_is_its_own(site: Site) -> None:
    text = files(replace(site, domains=("shop.example.org",)))["shop.nginx"]
    assert text.count(CHALLENGE) == 1


def test_a_site_with_a_certificate_renews_it_on_port_80_and_redirects_the_rest(site: Site) -> None:
    secured = replace(
        site, domains=("shop.example.org",), certificate="/etc/tls/a", key="/etc/tls/b"
    )
    listening = "".join(f"    {line}\n" for line in listen("80").splitlines())
    to_https = files(secured)["shop.nginx"].split("server {\n")[1]
    assert to_https == (
        f"{listening}    server_name shop.example.org;\n\n"
        + CHALLENGE
        + "\n    location / {\n        return 308 https://$host$request_uri;\n    }\n}\n\n"
    )


@pytest.mark.parametrize("changes", [{}, {"domains": ("shop",), "address": "8080"}])
def test_a_site_elsewhere_proves_nothing(site: Site, changes: dict[str, object]) -> None:
    assert "acme" not in files(replace(site, **changes))["shop.nginx"]  # type: ignore[arg-type]  # a part of its fields


@pytest.mark.parametrize("server", ["gunicorn", "waitress", "granian"])
def test_what_root_starts_by_hand_does_not_run_as_root(site: Site, server: str) -> None:
    installed = replace(site, server=server, run="/run/shop", user="shop", group="www-data")
    first, _ = start_commands(installed, managed=False, root=True)
    assert " && setpriv --reuid=shop --regid=www-data --init-groups " in first


def test_what_is_only_tried_runs_as_who_tries_it(site: Site) -> None:
    assert "setpriv" not in start_commands(replace(site, server="gunicorn"), False, True)[0]
