"""`microweb deploy`: what it writes for an application, what it keeps, and what it refuses.

The servers themselves are in `tests/servers/test_deploy.py` and `tests/servers/deployed`.
"""

from __future__ import annotations

import getpass
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from socket import create_server

import pytest
from click.testing import CliRunner, Result

from microweb.cli import main
from microweb.deploy import trial
from microweb.deploy.access import cannot_enter, cannot_read, cannot_write
from microweb.deploy.command import SERVERS
from microweb.deploy.gathering import default_name
from microweb.deploy.nginx import quoted
from microweb.deploy.ports import Holder, holder
from microweb.deploy.site import Site, load
from microweb.deploy.stacks import STACKS, files, outdated, start_commands
from microweb.deploy.systemd import others_unit
from microweb.errors import ConfigError

APP = """\
from microweb import App, Blueprint

app = App(__name__)
app.config["MAX_CONTENT_LENGTH"] = 5_000
app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600
admin = Blueprint("admin", __name__, url_prefix="/admin", static_folder="admin files")
app.register_blueprint(admin)

@app.post("/pictures", max_content_length=9_000)
def upload():
    return ""

def create_app(name="shop"):
    return app if name == "same" else App(name, static_folder=None)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A current folder with an application; what is imported from it is forgotten."""
    place = tmp_path / "My shop"
    place.mkdir()
    (place / "app.py").write_text(APP)
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in list(os.environ):
        if name.startswith("MICROWEB_"):
            monkeypatch.delenv(name)
    importlib.invalidate_caches()
    yield place
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def microweb(*args: str) -> Result:
    before = dict(os.environ)
    try:
        return CliRunner().invoke(main, args, prog_name="microweb", catch_exceptions=False)
    finally:
        os.environ.clear()
        os.environ.update(before)


def deploy(*options: str, app: str = "app") -> str:
    """Write files for a run folder of this user; return what the command says."""
    result = microweb("--app", app, "deploy", "--run", os.path.abspath("run"), *options)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*options: str, app: str = "app") -> str:
    result = microweb("--app", app, "deploy", "--run", os.path.abspath("run"), *options)
    assert result.exit_code == 1, result.output
    return result.output.removeprefix("Error: ").rstrip()


def written(name: str) -> str:
    return Path("deploy", name).read_text(encoding="utf-8")


def lines(name: str) -> list[str]:
    """Return the lines of a file that are no comments, without their indentation."""
    stripped = map(str.strip, written(name).splitlines())
    return [line for line in stripped if line and line[0] not in ";#"]


# --- what is written


def test_the_files_are_named_after_the_folder(folder: Path) -> None:
    text = deploy()
    names = ["uwsgi.ini", "my-shop.nginx", "nginx.conf", "my-shop.service"]
    assert text.splitlines()[0] == f"Written to {folder}/deploy: {', '.join(names)}"
    assert sorted(os.listdir("deploy")) == sorted([*names, "deploy.json"])


def test_every_setting_of_uwsgi_that_was_measured_to_matter_is_there(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))  # the system may have a uWSGI of its own
    deploy("--processes", "3", "--threads", "4", "--socket", "/tmp/shop.sock")
    found = lines("uwsgi.ini")
    settings = dict(line.split(" = ", 1) for line in found if " = " in line)
    somaxconn = int(Path("/proc/sys/net/core/somaxconn").read_text())
    expected = {
        "module": "app:app",
        "chdir": str(folder),
        "need-app": "true",
        "master": "true",
        "lazy-apps": "true",
        "processes": "3",
        "threads": "4",
        "enable-threads": "true",
        "socket": "/tmp/shop.sock",
        "listen": str(min(1024, somaxconn)),
        "touch-chain-reload": f"{folder}/run/reload",
        "hook-master-start": "unix_signal:15 gracefully_kill_them_all",
        "harakiri": "60",
        "buffer-size": "65535",
        "binary-path": sys.executable,
    }
    assert {key: settings.get(key) for key in expected} == expected
    assert "die-on-term" not in settings


def test_debians_uwsgi_gets_its_plugin_also_for_debians_python(folder: Path) -> None:
    deploy()
    site, _ = load(Path("deploy", "deploy.json"))
    found = files(replace(site, python="/usr/bin/python3"))["uwsgi.ini"].splitlines()
    assert "plugin = python3" in found
    assert not [line for line in found if line.startswith(("binary-path", "virtualenv"))]


def test_nginx_takes_the_longest_body_that_a_route_takes(folder: Path) -> None:
    deploy()
    assert "client_max_body_size 9000;" in lines("my-shop.nginx")


def test_nginx_serves_the_static_files_of_blueprints_too(folder: Path) -> None:
    deploy()
    found = lines("my-shop.nginx")
    for head, place in (("/static/", "static"), ('"/admin/admin files/"', "admin files")):
        at = found.index(f"location {head} {{")
        assert found[at + 1 : at + 5] == [
            f'alias "{folder}/{place}/";',
            "charset utf-8;",
            "add_header X-Content-Type-Options nosniff;",
            "expires 3600;",
        ]


def test_static_files_can_be_left_to_the_application(folder: Path) -> None:
    deploy("--no-static")
    assert [line for line in lines("my-shop.nginx") if line.startswith("location")] == [
        "location / {"
    ]


def test_nginx_sends_the_files_that_the_application_names(folder: Path) -> None:
    mapping = 'app.config.update(USE_X_SENDFILE=True, X_ACCEL_MAPPING={"/srv/bills": "/bills"})'
    Path("app.py").write_text(f"{APP}\n{mapping}\n")
    deploy()
    found = lines("my-shop.nginx")
    at = found.index("location /bills/ {")
    assert found[at + 1 : at + 3] == ["internal;", "alias /srv/bills/;"]


def test_nginx_says_for_itself_what_a_client_could_forge(folder: Path) -> None:
    deploy()
    found = lines("my-shop.nginx")
    assert "uwsgi_param HTTP_HOST $http_host;" in found
    assert "uwsgi_param HTTP_X_FORWARDED_PROTO $scheme;" in found
    assert found.index("include /etc/nginx/uwsgi_params;") < found.index(
        "uwsgi_param HTTP_HOST $http_host;"
    )
    assert not [line for line in found if "non_idempotent" in line]


def test_a_domain_is_served_on_port_80_and_no_domain_on_8080(folder: Path) -> None:
    deploy()
    both = ["", "[::]:"] if os.path.exists("/proc/net/if_inet6") else [""]
    assert [
        line for line in lines("my-shop.nginx") if line.startswith(("listen", "server_name"))
    ] == [
        *(f"listen {address}8080 default_server;" for address in both),
        "server_name _;",
    ]
    deploy("--domain", "shop.test, www.shop.test", "--force")
    assert [
        line for line in lines("my-shop.nginx") if line.startswith(("listen", "server_name"))
    ] == [
        *(f"listen {address}80;" for address in both),
        "server_name shop.test www.shop.test;",
    ]


def test_a_certificate_serves_https_and_sends_http_there(folder: Path) -> None:
    deploy("--domain", "shop.test", "--certificate", "cert.pem", "--key", "/etc/key.pem")
    found = lines("my-shop.nginx")
    assert "return 308 https://$host$request_uri;" in found
    assert "listen 443 ssl http2;" in found
    assert f'ssl_certificate "{folder}/cert.pem";' in found
    assert "ssl_certificate_key /etc/key.pem;" in found


def test_hosts_share_the_requests(folder: Path) -> None:
    deploy("--hosts", "10.0.0.2:3031,10.0.0.3:3031")
    assert "socket = 0.0.0.0:3031" in lines("uwsgi.ini")
    found = lines("my-shop.nginx")
    assert found[:2] == ["upstream my-shop {", "least_conn;"]
    assert [line.split()[1] for line in found if line.startswith("server 10.")][:2] == [
        *("10.0.0.2:3031", "10.0.0.3:3031"),
    ]
    assert "uwsgi_next_upstream error timeout;" in found


def test_a_factory_is_called_by_a_script(folder: Path) -> None:
    deploy(app="app:create_app('same')")
    assert f"wsgi-file = {folder}/deploy/wsgi_script.py" in lines("uwsgi.ini")
    names: dict[str, object] = {}
    exec(written("wsgi_script.py"), names)
    assert names["application"] is sys.modules["app"].app


def test_a_factory_that_nobody_named_is_found(folder: Path) -> None:
    Path("app.py").write_text(
        "from microweb import App\n\ndef create_app():\n    return App(__name__)\n"
    )
    assert microweb("deploy", "--run", "run").exit_code == 0
    assert written("wsgi_script.py").endswith("application = create_app()\n")


def test_an_application_in_another_folder_is_imported_from_there(folder: Path) -> None:
    other = folder.parent / "src" / "pages"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("")
    (other / "site.py").write_text("from microweb import App\nsite = App(__name__)\n")
    deploy(app=str(other / "site.py"))
    assert str(folder.parent / "src") in written("wsgi_script.py")
    assert "from pages.site import site" in written("wsgi_script.py")


@pytest.mark.parametrize(
    ("server", "names"),
    [
        ("gunicorn", ["gunicorn.conf.py", "my-shop.nginx", "my-shop.service", "nginx.conf"]),
        ("waitress", ["my-shop.nginx", "my-shop.service", "nginx.conf"]),
        ("granian", ["my-shop.nginx", "my-shop.service", "nginx.conf"]),
        ("apache", ["httpd.conf", "my-shop.apache.conf", "wsgi_script.py"]),
    ],
)
def test_other_servers_have_files_of_their_own(folder: Path, server: str, names: list[str]) -> None:
    text = deploy("--for", server)
    assert sorted(os.listdir("deploy")) == sorted([*names, "deploy.json"])
    warned = 'until app.config["TRUSTED_PROXIES"] = 1' in text
    assert warned == (server != "apache")


def test_systemd_gets_a_unit_that_lets_requests_finish(folder: Path) -> None:
    result = microweb("--app", "app", "deploy", "--user", getpass.getuser())
    assert result.exit_code == 0, result.output
    found = lines("my-shop.service")
    assert "Type=notify" in found
    assert f"User={getpass.getuser()}" in found
    assert "Group=www-data" in found
    assert "RuntimeDirectory=my-shop" in found
    assert "KillMode=mixed" in found
    assert "TimeoutStartSec=270" in found  # two processes and their beginning, 60 seconds each
    reload = f'{sys.executable} -m microweb deploy --reload --to "{folder}/deploy"'
    assert f"ExecReload={reload}" in found


def test_systemd_can_keep_the_socket_over_a_restart(folder: Path) -> None:
    options = ("deploy", "--user", getpass.getuser(), "--socket-activation")
    assert microweb("--app", "app", *options).exit_code == 0
    assert "ListenStream=/run/my-shop/uwsgi.sock" in lines("my-shop.socket")
    assert "Requires=my-shop.socket" in lines("my-shop.service")
    assert "RuntimeDirectoryPreserve=yes" in lines("my-shop.service")
    assert "vacuum = true" not in lines("uwsgi.ini")


def test_a_name_of_several_parts_is_made_a_plain_one_by_a_script(folder: Path) -> None:
    Path("app.py").write_text(f"{APP}\nclass all:\n    shop = app\n")
    deploy("--for", "gunicorn", app="app:all.shop")
    assert "wsgi_app = 'wsgi_script:application'" in lines("gunicorn.conf.py")
    assert written("wsgi_script.py").endswith(
        "from app import all  # noqa: E402 - the folders come first\n\napplication = all.shop\n"
    )


def test_waitress_is_ended_with_the_signal_that_lets_requests_finish(folder: Path) -> None:
    deploy("--for", "waitress")
    assert "KillSignal=SIGINT" in lines("my-shop.service")


def test_the_service_may_reach_all_of_its_folders(folder: Path) -> None:
    deploy()
    site, _ = load(Path("deploy", "deploy.json"))
    site = replace(
        site,
        folder="/srv/shop",
        files="/srv/shop/deploy",
        run="/run/shop",
        socket="/run/shop/uwsgi.sock",
        python="/srv/shop/env/bin/python",
        instance="/srv/shop/instance",
    )

    def unit(site: Site) -> list[str]:
        return files(site)["my-shop.service"].splitlines()

    assert "PrivateTmp=true" in unit(site)
    assert "PrivateTmp=true" not in unit(replace(site, socket="/tmp/shop.sock"))
    assert 'ReadWritePaths=-"/usr/local/var/shop"' in unit(
        replace(site, instance="/usr/local/var/shop")
    )


def test_a_unit_has_no_specifiers_that_nobody_wrote(folder: Path) -> None:
    deploy(app="app:create_app('100%')")
    assert "Description=my-shop: app:create_app('100%%')" in lines("my-shop.service")


def test_a_site_has_a_name_that_all_servers_take() -> None:
    assert default_name("/srv/Café & Bar_2") == "caf-bar-2"
    assert default_name("/") == "app"


def test_a_server_without_a_user_of_its_own_is_started_as_the_sites(folder: Path) -> None:
    for server in ("gunicorn", "waitress", "granian"):
        result = microweb(
            "--app", "app", "deploy", "--for", server, "--to", server, "--user", "bin"
        )
        site, _ = load(Path(server, "deploy.json"))
        first, _ = start_commands(site, managed=False, root=True)
        assert " && setpriv --reuid=bin --regid=www-data --init-groups " in first, result.output


def test_files_for_root_are_copied_away_from_who_owns_the_application(folder: Path) -> None:
    microweb("--app", "app", "deploy", "--user", getpass.getuser(), "--socket-activation")
    site, _ = load(Path("deploy", "deploy.json"))
    path = f"{folder}/deploy/my-shop"
    first, second = start_commands(site, managed=True, root=False)
    assert first.endswith(
        f"sudo install -m 644 '{path}.socket' '{path}.service' /etc/systemd/system/"
        " && sudo systemctl enable --now my-shop.socket my-shop.service"
    )
    assert second == (
        f"sudo install -m 644 '{path}.nginx' /etc/nginx/sites-enabled/ && sudo nginx -t"
        " && sudo systemctl reload nginx"
    )


def test_a_copy_that_is_older_than_its_file_is_found(folder: Path, tmp_path: Path) -> None:
    deploy()
    site, _ = load(Path("deploy", "deploy.json"))
    copy = tmp_path / "etc" / "nginx" / "sites-enabled" / "my-shop.nginx"
    assert outdated(site, str(tmp_path)) == []
    copy.parent.mkdir(parents=True)
    copy.write_text(written("my-shop.nginx"))
    assert outdated(site, str(tmp_path)) == []
    deploy("--domain", "shop.test", "--force")
    assert outdated(site, str(tmp_path)) == [("my-shop.nginx", str(copy))]


def test_the_service_of_another_program_is_left_alone(folder: Path, tmp_path: Path) -> None:
    deploy()
    site, _ = load(Path("deploy", "deploy.json"))
    assert others_unit(site, [str(tmp_path)]) is None
    unit = tmp_path / "my-shop.service"
    unit.write_text(written("my-shop.service"))
    assert others_unit(site, [str(tmp_path)]) is None
    unit.write_text("[Service]\nExecStart=/usr/bin/my-shop\n")
    assert others_unit(site, [str(tmp_path)]) == str(unit)


def test_apache_believes_clients_no_more_than_nginx_does(folder: Path) -> None:
    deploy("--for", "apache")
    Path("app.py").write_text(f'{APP}\napp.config["TRUSTED_PROXIES"] = 1\n')
    text = subprocess.run(
        [sys.executable, "-m", "microweb", "deploy", "--force", "--run", os.path.abspath("run")],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert "Apache passes X-Forwarded-For, -Proto and -Host on as they come." in text


def test_apache_sends_http_to_https(folder: Path) -> None:
    tls = ("--certificate", "cert.pem", "--key", "key.pem")
    deploy("--for", "apache", "--domain", "shop.test,www.shop.test", *tls)
    found = lines("my-shop.apache.conf")
    at = found.index("<VirtualHost *:80>")
    assert found[at + 1 : at + 4] == [
        "ServerName shop.test",
        "ServerAlias www.shop.test",
        "Redirect 308 / https://shop.test/",
    ]


# --- what is kept


def test_the_application_is_remembered(folder: Path) -> None:
    deploy(app="app:create_app('same')")
    Path("deploy", "wsgi_script.py").unlink()
    result = microweb("deploy", "--threads", "9", "--force")
    assert result.exit_code == 0, result.output
    assert written("wsgi_script.py").endswith("application = create_app('same')\n")


def test_options_are_remembered(folder: Path) -> None:
    deploy("--processes", "5", "--domain", "shop.test")
    deploy("--threads", "6", "--force")
    assert {"processes = 5", "threads = 6"} <= set(lines("uwsgi.ini"))
    assert json.loads(written("deploy.json"))["options"]["domains"] == ["shop.test"]


def test_an_empty_value_forgets_an_option(folder: Path) -> None:
    deploy("--domain", "shop.test", "--certificate", "cert.pem", "--key", "key.pem")
    deploy("--certificate", "", "--key", "", "--domain", "", "--force")
    assert "server_name _;" in lines("my-shop.nginx")
    assert not [line for line in lines("my-shop.nginx") if "ssl" in line]


def test_all_users_can_read_what_is_written(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        deploy()
    finally:
        os.umask(before)
    assert oct(Path("deploy").stat().st_mode & 0o777) == "0o755"
    modes = {oct(file.stat().st_mode & 0o777) for file in Path("deploy").iterdir()}
    assert modes == {"0o644"}


def test_files_that_are_there_are_not_overwritten(folder: Path) -> None:
    deploy()
    changed = written("uwsgi.ini") + "max-requests = 1000\n"
    Path("deploy", "uwsgi.ini").write_text(changed)
    before = written("my-shop.nginx")
    assert refused("--domain", "shop.test") == (
        f"uwsgi.ini, my-shop.nginx in {folder}/deploy would be overwritten, and nothing was"
        " written. Look at what would change with --diff, and overwrite with --force."
    )
    assert (written("uwsgi.ini"), written("my-shop.nginx")) == (changed, before)


def test_the_difference_is_shown_and_nothing_written(folder: Path) -> None:
    deploy()
    before = written("uwsgi.ini")
    text = deploy("--threads", "7", "--diff")
    assert [line for line in text.splitlines() if line[:1] in "+-"] == [
        f"--- {folder}/deploy/uwsgi.ini",
        f"+++ {folder}/deploy/uwsgi.ini",
        "-threads = 2",
        "+threads = 7",
    ]
    assert written("uwsgi.ini") == before
    assert deploy("--diff") == ""


def test_another_folder_is_named_in_what_comes_next(folder: Path) -> None:
    assert "`microweb deploy --check` finds mistakes" in deploy()
    expected = f"`microweb deploy --to '{folder}/files' --check` finds mistakes"
    assert expected in deploy("--to", "files")


def test_a_second_call_without_changes_writes_nothing(folder: Path) -> None:
    deploy()
    assert deploy().splitlines()[0] == f"The files in {folder}/deploy are as they should be."


# --- what is refused


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--name", "my shop"), "--name my shop: use letters, digits, - and _ alone."),
        (("--key", "k.pem"), "--certificate and --key go together: https needs both."),
        (("--socket", "host"), "--socket host: this needs a port, as in 127.0.0.1:3031."),
        (("--hosts", "a:1,b"), "--hosts b: this needs a port, as in 10.0.0.2:3031."),
        (
            ("--listen", "8o"),
            "--listen 8o: this needs a port, as in 8080 or 127.0.0.1:8080.",
        ),
        (
            ("--run", "50%"),
            "The path '{}/50%' has a '%' in it, which means something else in the files of servers."
            " Rename that folder.",
        ),
        (("--run", "/run/my shop"), "--run /run/my shop: systemd takes no spaces in it."),
        (("--run", "x" * 100), "The path of the socket is too long for Linux, which takes 107"),
        (("--domain", "a;b"), "--domain a;b: a name such as www.example.org."),
        (
            ("--hosts", "a:1,b:2"),
            "The hosts have different ports (1, 2), so say which socket is this one's: --socket"
            " address:port.",
        ),
        (
            ("--for", "waitress", "--processes", "2"),
            "waitress is one process: give it more --threads.",
        ),
        (
            ("--for", "gunicorn", "--socket-activation"),
            "--socket-activation is for uwsgi; gunicorn makes its own.",
        ),
        (
            ("--check",),
            "There is no deploy.json in {}/deploy: run `microweb deploy` first, or name",
        ),
        (("--reload",), "There is no deploy.json in {}/deploy: run `microweb deploy` first"),
    ],
)
def test_options_that_cannot_work_are_refused(
    folder: Path, options: tuple[str, ...], message: str
) -> None:
    assert refused(*options).startswith(message.format(folder))
    assert not Path("deploy").exists()


def test_one_thing_is_done_at_a_time(folder: Path) -> None:
    result = microweb("deploy", "--check", "--reload")
    assert result.exit_code == 2
    assert "--diff, --check and --reload are done one at a time." in result.output


def test_an_unknown_user_is_refused(folder: Path) -> None:
    result = microweb("--app", "app", "deploy", "--user", "nobody-at-all")
    assert result.exit_code == 1
    assert result.output == (
        "Error: There is no user 'nobody-at-all' on this machine. Make one with `adduser --system"
        " --group nobody-at-all`, or name another with --user.\n"
    )


def test_a_folder_that_cannot_be_made_is_named(folder: Path) -> None:
    Path("deploy").write_text("a file")
    assert refused() == (
        f"{folder}/deploy cannot be written: File exists. Name a folder of yours with --to."
    )


def test_a_wrong_import_is_explained_before_anything_is_written(folder: Path) -> None:
    Path("app.py").write_text("import nothing_like_it\n")
    result = microweb("--app", "app", "deploy")
    assert result.exit_code == 2
    assert "Importing 'app' failed." in result.output
    assert "No module named 'nothing_like_it'" in result.output
    assert not Path("deploy").exists()


def test_what_another_version_has_remembered_is_refused(folder: Path) -> None:
    Path("deploy").mkdir()
    Path("deploy", "deploy.json").write_text('{"options": {}, "site": {"name": "old"}}')
    assert refused().startswith(
        f"'{folder}/deploy/deploy.json' is not what this version of microweb writes"
    )


def test_a_service_that_does_not_run_takes_no_new_code(folder: Path) -> None:
    deploy()
    text = refused("--reload")
    assert text.startswith(f"my-shop does not run: {folder}/run/uwsgi.pid names no process of")
    assert f"uwsgi --ini {folder}/deploy/uwsgi.ini" in text.replace("'", "")


def test_an_id_that_another_program_has_by_now_gets_no_signal(folder: Path) -> None:
    deploy("--for", "gunicorn")
    Path("run").mkdir()
    with subprocess.Popen(["sleep", "60"]) as other:
        Path("run", "gunicorn.pid").write_text(str(other.pid))
        assert refused("--reload").startswith(
            f"my-shop does not run: {folder}/run/gunicorn.pid names no process of gunicorn. Start"
        )
        assert other.poll() is None
        other.kill()


def test_files_of_a_folder_that_was_moved_are_not_believed(folder: Path) -> None:
    deploy()
    os.chdir("..")
    folder.rename("New shop")
    os.chdir("New shop")
    for what in ("--check", "--reload"):
        assert refused(what).startswith(
            f"The files in {os.getcwd()}/deploy were written in {folder}/deploy, and name paths"
        )


def test_an_application_that_is_gone_is_said_to_be(folder: Path, tmp_path: Path) -> None:
    deploy("--to", str(tmp_path / "files"))
    os.chdir("..")
    folder.rename("New shop")
    assert refused("--reload", "--to", str(tmp_path / "files")).startswith(
        f"There is no {folder}, the folder that the application had."
    )


def test_systemd_reads_the_variables_that_the_user_may_not(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy()
    Path("deploy", "my-shop.env").write_bytes(b"WORD=\xff")
    assert f"{folder}/deploy/my-shop.env cannot be read" in refused("--reload")
    monkeypatch.setenv("MAINPID", "1")
    assert refused("--reload").startswith("my-shop does not run")


# --- who may do what


def test_a_folder_that_others_cannot_enter_is_found(tmp_path: Path) -> None:
    inner = tmp_path / "private" / "static"
    inner.mkdir(parents=True)
    opened = tmp_path
    while opened != opened.parent and opened.name != "tmp":
        opened.chmod(0o755)
        opened = opened.parent
    assert cannot_read("nobody", str(inner)) is None
    (tmp_path / "private").chmod(0o710)
    obstacle = cannot_read("nobody", str(inner))
    assert obstacle is not None
    assert obstacle.startswith(f"{tmp_path}/private is drwx--x---, of ")
    assert cannot_enter("root", str(inner)) is None
    (tmp_path / "private").chmod(0o755)
    assert cannot_write("nobody", str(inner)) is not None
    inner.chmod(0o777)
    assert cannot_write("nobody", str(inner)) is None
    assert cannot_read("nobody", str(tmp_path / "missing")) == (
        f"{tmp_path}/missing: No such file or directory"
    )
    assert cannot_read("nobody-at-all", str(inner)) == "there is no user nobody-at-all"


def test_who_has_a_port_is_found() -> None:
    with create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        name = Path("/proc/self/comm").read_text().strip()
        assert holder(f"127.0.0.1:{port}") == Holder(name, os.getpid())
        assert holder(str(port)) == Holder(name, os.getpid())
    assert holder(f"127.0.0.1:{port}") is None
    assert str(Holder()) == "another program (as root, `ss -ltnp` names it)"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can have a port below 1024")
def test_who_has_a_port_of_root_is_found_by_others() -> None:
    for port in range(1023, 900, -1):
        with suppress(OSError), create_server(("127.0.0.1", port)):
            os.seteuid(65534)
            try:
                assert holder(f"127.0.0.1:{port}") is not None
            finally:
                os.seteuid(0)
            break
    assert holder(f"127.0.0.1:{port}") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("/srv/shop/static/", "/srv/shop/static/"),
        ("/srv/my shop", '"/srv/my shop"'),
        ('a"b\\c;', '"a\\"b\\\\c;"'),
    ],
)
def test_values_are_written_as_nginx_reads_them(value: str, text: str) -> None:
    assert quoted(value) == text


def test_an_import_says_now_what_the_first_request_would(folder: Path) -> None:
    trial.main("app:app")
    with pytest.raises(SystemExit) as missing:
        trial.main("app:shop")
    assert str(missing.value).startswith("The module 'app' has no 'shop'.")
    Path("late.py").write_text(APP + "\napp.config['MAX_CONTENT_LENGTH'] = 'much'\n")
    with pytest.raises(ConfigError, match="MAX_CONTENT_LENGTH"):
        trial.main("late:app")


def test_the_command_offers_every_server() -> None:
    assert tuple(STACKS) == SERVERS
