"""The command ``microweb deploy``."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..commands import ScriptInfo, common_options, environment_without_files, pass_script_info
from ..discovery import locate_expression
from ..errors import ConfigError
from .writing import differences, write

if TYPE_CHECKING:
    from .site import Site

#: What the options were, and what came of them.
STATE = "deploy.json"
FOLDER = "deploy"
SERVERS = ("uwsgi", "gunicorn", "apache", "waitress", "granian")

# What the command works with is imported late: it needs the users of a Unix system, and the other
# commands do not.


def _split(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [part.strip() for part in value.split(",") if part.strip()]


@click.command("deploy", params=common_options())
@click.option("--for", "server", type=click.Choice(SERVERS), help="The server (uwsgi).")
@click.option("--to", default=FOLDER, show_default=True, help="The folder of the files.")
@click.option("--run", help="The folder of the socket and process ids (/run/NAME).")
@click.option("--name", help="Names the files and the service (as the current folder).")
@click.option(
    "--domain",
    "domains",
    metavar="NAMES",
    callback=_split,
    help="The names of the site, with commas. Without one it answers to all, on port 8080.",
)
@click.option("--listen", metavar="[ADDRESS:]PORT", help="Where the site is served (80, or 443).")
@click.option("--processes", type=click.IntRange(1), help="How many processes (2).")
@click.option("--threads", type=click.IntRange(1), help="How many threads each one has (2).")
@click.option(
    "--timeout",
    type=click.IntRange(1),
    metavar="SECONDS",
    help="When a request is given up (60). uWSGI and Apache end its process, nginx answers 504.",
)
@click.option(
    "--socket",
    metavar="PATH|HOST:PORT",
    help="Between nginx and the application (a path in the folder of --run).",
)
@click.option("--user", help="Who runs it (who owns the current folder; www-data for root's).")
@click.option(
    "--static/--no-static", default=None, help="Static files are served by nginx itself (yes)."
)
@click.option("--certificate", type=click.Path(), help="The certificate: serves https.")
@click.option("--key", type=click.Path(), help="The key of the certificate.")
@click.option(
    "--hosts",
    metavar="HOST:PORT,…",
    callback=_split,
    help="The sockets of all hosts that nginx shares the requests among.",
)
@click.option(
    "--socket-activation/--no-socket-activation",
    default=None,
    help="systemd opens the socket: connections wait while the service restarts.",
)
@click.option("--force", is_flag=True, help="Overwrite files that are there.")
@click.option("--diff", is_flag=True, help="Show what would change, and write nothing.")
@click.option("--check", "checks", is_flag=True, help="Try the files that were written.")
@click.option(
    "--reload",
    "reloads",
    is_flag=True,
    help="Let the server take new code, if that can be imported.",
)
@pass_script_info
@click.pass_context
def deploy_command(
    ctx: click.Context,
    info: ScriptInfo,
    /,
    to: str,
    force: bool,
    diff: bool,
    checks: bool,
    reloads: bool,
    **options: Any,
) -> None:
    """Write the files for uWSGI and nginx, or for other servers.

    Options are remembered in deploy.json, in the folder of the files: a second call needs to give
    only what is to change. An empty value forgets one.
    """
    if diff + checks + reloads > 1:
        raise click.UsageError("--diff, --check and --reload are done one at a time.")
    if os.name != "posix":
        raise click.ClickException(
            "These servers run on Linux and its like: write the files there."
        )
    from .stacks import files

    folder = Path(to).absolute()
    given = {name: value for name, value in options.items() if value is not None}
    if checks:
        from .checking import check

        sys.exit(check(_written(folder), environment_without_files(ctx)))
    if reloads:
        from .releasing import release

        click.echo(release(_written(folder), environment_without_files(ctx)))
        return
    site, remembered = _asked(info, folder, given)
    texts = files(site)
    if diff:
        click.echo("".join(differences(folder, texts)), nl=False)
        return
    written = write(folder, texts, force)
    from .site import save

    write(folder, {STATE: save(site, remembered)}, force=True)
    _tell(site, written)


def _written(folder: Path) -> Site:
    """Return the site whose files are in a folder."""
    if not (folder / STATE).exists():
        raise click.ClickException(
            f"There is no {STATE} in {folder}: run `microweb deploy` first, or name the folder of"
            " its files with --to."
        )
    from .site import load

    try:
        site = load(folder / STATE)[0]
    except ConfigError as error:
        raise click.ClickException(str(error)) from None
    if os.path.realpath(site.files) != os.path.realpath(folder):
        raise click.ClickException(
            f"The files in {folder} were written in {site.files}, and name paths there. In the"
            " application's folder run `microweb deploy --force`, and start it with what that"
            " prints."
        )
    return site


def _asked(info: ScriptInfo, folder: Path, given: dict[str, Any]) -> tuple[Site, dict[str, Any]]:
    """Return the site that the options and the application ask for, and all of the options."""
    if info.create_app is not None:
        raise click.ClickException(
            "This program makes its application by itself. Servers need an import path: use the"
            " command microweb, with --app module:name or module:factory()."
        )
    from .gathering import make_site
    from .site import load

    try:
        options = load(folder / STATE)[1] if (folder / STATE).exists() else {}
        options.update(given)
        options = {name: value for name, value in options.items() if value not in ("", [])}
        named = info.app_import_path or os.environ.get("MICROWEB_APP") or options.get("app")
        info.app_import_path = options["app"] = named
        app = info.load_app()
        module, expression, path = locate_expression(app, named)
        return make_site(app, module, expression, path, {**options, "to": str(folder)}), options
    except ConfigError as error:
        raise click.ClickException(str(error)) from None


def _tell(site: Site, written: list[str]) -> None:
    from .stacks import notes, start_commands_here

    if written:
        click.echo(f"Written to {site.files}: {', '.join(written)}")
    else:
        click.echo(f"The files in {site.files} are as they should be.")
    for note in notes(site):
        click.echo(f"\nNote: {note}")
    commands = start_commands_here(site)
    click.echo(f"\nStart it with {'these two commands' if len(commands) == 2 else 'this'}:\n")
    for line in commands:
        click.echo(f"  {line}")
    again = "microweb deploy"
    if site.files != os.path.abspath(FOLDER):
        again += f" --to {shlex.quote(site.files)}"
    click.echo(f"\nThen `{again} --check` finds mistakes, and --reload brings new code.")
