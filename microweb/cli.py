"""The command ``microweb``: run an application, list its routes, open a shell, deploy it."""

from __future__ import annotations

import json
import os
import platform
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import entry_points, version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click
from werkzeug.serving import is_running_from_reloader
from werkzeug.utils import import_string

from .commands import AppGroup as AppGroup
from .commands import NoAppException as NoAppException
from .commands import ScriptInfo as ScriptInfo
from .commands import common_options, enter_app_context
from .commands import pass_script_info as pass_script_info
from .commands import with_appcontext as with_appcontext
from .config import debug_from_environment
from .config import load_dotenv as load_dotenv
from .deploy.command import deploy_command
from .discovery import find_app as find_app
from .discovery import find_app_by_string as find_app_by_string
from .discovery import find_best_app as find_best_app
from .discovery import locate_app as locate_app
from .discovery import prepare_import as prepare_import
from .discovery import to_front_of_path, users_traceback
from .listing import list_routes, table
from .serving import failing, serve

if TYPE_CHECKING:
    from ssl import SSLContext

# Under this name click keeps, for one command line, that the application cannot be loaded.
_FAILED = f"{__name__}.application_failed"


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        own = sys.modules[__package__ or ""].__version__
        click.echo(f"microweb {own}")
        click.echo(f"Werkzeug {version('werkzeug')}")
        click.echo(f"Python {platform.python_version()}")
        ctx.exit()


class MicrowebGroup(AppGroup):
    """A group with the commands of microweb, of installed plugins and of the application.

    Plugins are the entry points of the group ``microweb.commands``. A variable such as
    MICROWEB_RUN_PORT stands for the option of a command that is not given.

    :param add_default_commands: With `run`, `routes`, `shell` and `deploy`.
    :param create_app: A function that returns the application, for a program of its own.
    :param add_version_option: With ``--version``.
    :param load_dotenv: Read ``.env`` and ``.microwebenv``, unless MICROWEB_SKIP_DOTENV is set.
    :param set_debug_flag: Set the application's debug mode as MICROWEB_DEBUG says.
    :param extra: What :class:`click.Group` takes.

    .. code-block:: python

        @click.group(cls=MicrowebGroup, create_app=create_app)
        def shop():
            "Manage the shop."
    """

    def __init__(
        self,
        add_default_commands: bool = True,
        create_app: Callable[[], Any] | None = None,
        add_version_option: bool = True,
        load_dotenv: bool = True,
        set_debug_flag: bool = True,
        **extra: Any,
    ) -> None:
        params = [*(extra.pop("params", None) or ()), *common_options(for_group=True)]
        if add_version_option:
            params.append(
                click.Option(
                    ["--version"],
                    is_flag=True,
                    is_eager=True,
                    expose_value=False,
                    callback=_show_version,
                    help="Show the versions of microweb, Werkzeug and Python.",
                )
            )
        settings = {"auto_envvar_prefix": "MICROWEB", **(extra.pop("context_settings", None) or {})}
        super().__init__(params=params, context_settings=settings, **extra)
        self.create_app = create_app
        self.load_dotenv = load_dotenv
        self.set_debug_flag = set_debug_flag
        self._plugins_loaded = False
        if add_default_commands:
            for command in (run_command, routes_command, shell_command, deploy_command):
                self.add_command(command)

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Begin a command line: `app.run()` does nothing from here on."""
        os.environ["MICROWEB_RUN_FROM_CLI"] = "true"
        if "obj" not in extra and "obj" not in self.context_settings:
            extra["obj"] = ScriptInfo(
                create_app=self.create_app,
                set_debug_flag=self.set_debug_flag,
                load_dotenv_defaults=self.load_dotenv,
            )
        return super().make_context(info_name, args, parent, **extra)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the group's options; nothing at all asks for the help."""
        if not args and self.no_args_is_help:
            # Not by click itself, which would not look at the variables for --app and --env-file.
            args = self.get_help_option_names(ctx)[:1]
        return super().parse_args(ctx, args)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return ``--help``, which lists commands and so comes after what they depend on."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.is_eager = False
        return option

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands; those of the application only if it can be loaded."""
        self._load_plugins()
        names = set(super().list_commands(ctx))
        cli = self._app_cli(ctx)
        return sorted(names if cli is None else names.union(cli.list_commands(ctx)))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, the application's own if there is no other of that name."""
        self._load_plugins()
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            return command  # works also without an application, or is to say that there is none
        cli = self._app_cli(ctx)
        return None if cli is None else cli.get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is to run; one of the application runs in its context."""
        found = super().resolve_command(ctx, args)
        if found[1] is not None and found[0] not in self.commands:
            # From here on, because types and callbacks of its parameters may need it.
            enter_app_context(ctx, ctx.ensure_object(ScriptInfo).load_app())
        return found

    def _app_cli(self, ctx: click.Context) -> click.Group | None:
        """Return the application's own commands; where it cannot be loaded, say why, once."""
        if _FAILED in ctx.meta:
            return None
        try:
            app = ctx.ensure_object(ScriptInfo).load_app()
        except Exception as error:
            ctx.meta[_FAILED] = True
            if not ctx.resilient_parsing:
                _show_error(error)
            return None
        cli: click.Group = app.cli
        return cli

    def _load_plugins(self) -> None:
        if self._plugins_loaded:
            return
        self._plugins_loaded = True
        for plugin in entry_points(group="microweb.commands"):
            try:
                self.add_command(plugin.load(), plugin.name)
            except Exception as error:
                where = f" of {plugin.dist.name}" if plugin.dist is not None else ""
                click.secho(
                    f"The plugin {plugin.name!r}{where} cannot be loaded ({plugin.value}):"
                    f" {type(error).__name__}: {error}",
                    fg="red",
                    err=True,
                )


def _show_error(error: Exception) -> None:
    if isinstance(error, click.ClickException):
        text = f"Error: {error.format_message()}\n"
    else:
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    click.secho(text, fg="red", err=True)


# --- run


_PATHS = os.pathsep.join(["PATH", "PATH…"])


def _ssl_context(cert: str | None, key: str | None) -> Any:
    """Return what the server takes for ``--cert`` and ``--key``, or say what does not fit."""
    if cert is not None and os.path.isfile(cert):
        return _ssl_context_of_files(cert, key)
    if key is not None:
        what = "needs --cert, the file of the" if cert is None else "only goes with a"
        raise click.BadParameter(f"a key {what} certificate.", param_hint="--key")
    if cert == "adhoc" and find_spec("cryptography") is None:
        raise click.BadParameter(
            "a certificate made on the spot needs cryptography. Install it with:"
            " pip install cryptography",
            param_hint="--cert",
        )
    if cert is None or cert == "adhoc":
        return cert
    to_front_of_path(os.getcwd())
    found = None
    with suppress(ImportError, ValueError):
        found = import_string(cert)
    from ssl import SSLContext

    if not isinstance(found, SSLContext):
        raise click.BadParameter(
            f"{cert!r} is neither a file, nor 'adhoc', nor the import path of an ssl.SSLContext.",
            param_hint="--cert",
        )
    return found


def _ssl_context_of_files(cert: str, key: str | None) -> SSLContext:
    if key is None:
        raise click.BadParameter(
            f"the certificate file {cert!r} needs --key, the file of its private key.",
            param_hint="--cert",
        )
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key)
    except OSError as error:
        raise click.BadParameter(
            f"{cert!r} with the key {key!r} cannot be used: {error}.", param_hint="--cert"
        ) from None
    return context


def _check_port(ctx: click.Context, param: click.Parameter, port: int | None) -> int | None:
    if port is not None and not 0 <= port <= 65535:
        raise click.BadParameter(f"{port} is no port: ports go from 0 to 65535.", ctx, param)
    return port


def _split_paths(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    return None if value is None else [path for path in value.split(os.pathsep) if path]


@click.command("run", params=common_options())
@click.option("-h", "--host", help="The address to listen on (127.0.0.1).")
@click.option(
    "-p", "--port", type=int, callback=_check_port, help="The port (8000, or the next free one)."
)
@click.option(
    "--cert",
    metavar="FILE|adhoc|IMPORT",
    help="Serve https with this certificate: a file, one made on the spot, or the import path of"
    " an ssl.SSLContext.",
)
@click.option(
    "--key", type=click.Path(exists=True, dir_okay=False), help="The key of a certificate file."
)
@click.option(
    "--reload/--no-reload", default=None, help="Restart when a file changes (in debug mode)."
)
@click.option(
    "--debugger/--no-debugger",
    default=None,
    help="Show exceptions with a debugger in the browser (in debug mode).",
)
@click.option(
    "--with-threads/--without-threads", default=True, help="A thread for each request (yes)."
)
@click.option(
    "--extra-files",
    metavar=_PATHS,
    callback=_split_paths,
    help="More files that restart it when they change.",
)
@click.option(
    "--exclude-patterns",
    metavar=_PATHS,
    callback=_split_paths,
    help="Files that do not, with * and ? in their names.",
)
@pass_script_info
def run_command(
    info: ScriptInfo,
    host: str | None,
    port: int | None,
    cert: str | None,
    key: str | None,
    reload: bool | None,
    debugger: bool | None,
    with_threads: bool,
    extra_files: list[str] | None,
    exclude_patterns: list[str] | None,
) -> None:
    """Serve the application on this machine, for development.

    With --debug it restarts when a file changes and shows a debugger in the browser.
    """
    ssl_context = _ssl_context(cert, key)
    app, name, debug = _load_to_serve(info)
    serve(
        app,
        name,
        host,
        port,
        ssl_context=ssl_context,
        use_reloader=debug if reload is None else reload,
        use_debugger=debug if debugger is None else debugger,
        threaded=with_threads,
        extra_files=extra_files,
        exclude_patterns=exclude_patterns,
    )


def _load_to_serve(info: ScriptInfo) -> tuple[Any, str, bool]:
    """Load the application; return it, its name and whether it is in debug mode.

    Where a changed file has broken it, this is an application that shows the error, so that the
    server lives until the file is mended.
    """
    try:
        app = info.load_app()
    except Exception as error:
        if not is_running_from_reloader():
            raise
        _show_error(error)
        shown: BaseException = error
        if isinstance(error, NoAppException):
            # The browser shows what the application raised, not how it was looked for.
            shown = error.__cause__ or error.with_traceback(None)
        return failing(shown, users_traceback(shown)), "", debug_from_environment()
    return app, app.name, app.debug


# --- routes


@click.command("routes", params=common_options())
@click.option(
    "-s",
    "--sort",
    type=click.Choice(["endpoint", "methods", "domain", "rule", "match"]),
    default="endpoint",
    show_default=True,
    help="What to sort by; match is the order in which rules are tried.",
)
@click.option("--all-methods", is_flag=True, help="Show HEAD and OPTIONS too.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    envvar="MICROWEB_ROUTES_JSON",
    help="Write JSON, for other programs.",
)
@pass_script_info
def routes_command(info: ScriptInfo, sort: str, all_methods: bool, as_json: bool) -> None:
    """List the routes, with the file and line of each view."""
    app = info.load_app()
    routes, columns = list_routes(app, sort, all_methods)
    if as_json:
        click.echo(json.dumps(routes, indent=2))
    elif not routes:
        click.echo("No routes were registered.")
    else:
        for line in table(routes, columns):
            click.echo(line)


# --- shell


@click.command("shell", params=common_options())
@pass_script_info
def shell_command(info: ScriptInfo) -> None:
    """Open a Python shell in the application's context.

    It begins with the file that PYTHONSTARTUP names, as Python itself does.
    """
    import code

    app = info.load_app()
    with app.app_context():
        namespace: dict[str, Any] = {}
        _run_startup_file(namespace)
        names = app.make_shell_context()
        namespace.update(names)
        _prepare_keyboard(namespace)
        banner = (
            f"Python {platform.python_version()} on {sys.platform}\n"
            f"microweb application {app.name!r}, debug mode {'on' if app.debug else 'off'}: "
            + ", ".join(sorted(names))
        )
        code.interact(banner, local=namespace, exitmsg="")


def _run_startup_file(namespace: dict[str, Any]) -> None:
    path = os.environ.get("PYTHONSTARTUP")
    if not path or sys.flags.ignore_environment:
        return
    try:
        with open(path, "rb") as file:
            exec(compile(file.read(), path, "exec"), namespace)
    except Exception as error:  # the shell opens nevertheless, as Python's own does
        own = error.__traceback__ and error.__traceback__.tb_next
        traceback.print_exception(type(error), error, own)


def _prepare_keyboard(namespace: dict[str, Any]) -> None:
    """Complete names at Tab, and keep a history, in the way that Python is set up to."""
    hook = getattr(sys, "__interactivehook__", None)
    if hook is None or not sys.stdin.isatty():
        return
    try:
        import readline
        from rlcompleter import Completer
    except ImportError:
        pass  # not on every system
    else:
        readline.set_completer(Completer(namespace).complete)
    hook()


main = MicrowebGroup(
    name="microweb",
    help="Work with a microweb application: serve it, list its routes, open a shell, deploy it, and"
    " run the commands of its own.",
)
