"""What commands are written with: groups, the application that they work on, its context.

.. code-block:: python

    @app.cli.command()
    @click.argument("name")
    def add_user(name): ...
"""

from __future__ import annotations

import os
from collections.abc import Callable
from difflib import get_close_matches
from functools import update_wrapper
from typing import Any, TypeVar, overload

import click

from .config import debug_from_environment, load_dotenv
from .context import current
from .discovery import NoAppException as NoAppException
from .discovery import find_app, is_app
from .errors import ConfigError, MissingPackage

F = TypeVar("F", bound=Callable[..., Any])


class ScriptInfo:
    """The application that a command works on, loaded when it is first needed.

    :param app_import_path: Where it is, as ``--app`` takes it. Without it MICROWEB_APP says so,
        and without that it is looked for.
    :param create_app: A function that returns it, in place of a path.
    :param set_debug_flag: Set its debug mode as MICROWEB_DEBUG says, where that is set.
    :param load_dotenv_defaults: The command line reads ``.env`` and ``.microwebenv`` first.

    :ivar data: A place for commands and extensions to keep what they share.

    .. code-block:: python

        @click.command()
        @pass_script_info
        def show_name(info):
            click.echo(info.load_app().name)
    """

    def __init__(
        self,
        app_import_path: str | None = None,
        create_app: Callable[[], Any] | None = None,
        set_debug_flag: bool = True,
        load_dotenv_defaults: bool = True,
    ) -> None:
        self.app_import_path = app_import_path
        self.create_app = create_app
        self.set_debug_flag = set_debug_flag
        self.load_dotenv_defaults = load_dotenv_defaults
        self.data: dict[Any, Any] = {}
        self._app: Any = None

    def load_app(self) -> Any:
        """Return the application, the same one at each call.

        :raises NoAppException: where there is none, saying what was looked for, and where.
        """
        if self._app is None:
            app = self._find()
            if self.set_debug_flag and "MICROWEB_DEBUG" in os.environ:
                app.debug = debug_from_environment()
            self._app = app
        return self._app

    def _find(self) -> Any:
        if self.create_app is None:
            return find_app(self.app_import_path or os.environ.get("MICROWEB_APP"))
        app = self.create_app()
        if not is_app(app):
            raise NoAppException(
                f"create_app returned {app!r} and not a microweb application: is a return missing?"
            )
        return app


#: Decorates a command that is to be called with its `ScriptInfo` as the first argument.
pass_script_info = click.make_pass_decorator(ScriptInfo, ensure=True)


def enter_app_context(ctx: click.Context, app: Any) -> None:
    """Keep an application's context open until a click context ends, unless it is open.

    :param ctx: The click context.
    :param app: The application.
    """
    context = current.get()
    if context is None or context.app is not app:
        ctx.with_resource(app.app_context())


def with_appcontext(f: F) -> F:
    """Run a command in the application's context, so that `current_app` and `g` work in it.

    Commands of an `AppGroup` have this already. In a command of its own it looks for the
    application as ``microweb`` does without ``--app``.

    .. code-block:: python

        @click.command()
        @with_appcontext
        def init_db(): ...
    """

    @click.pass_context
    def in_context(ctx: click.Context, /, *args: Any, **kwargs: Any) -> Any:
        # With a context and without a command line around it there is nothing to look for.
        if current.get() is None or ctx.find_object(ScriptInfo) is not None:
            enter_app_context(ctx, ctx.ensure_object(ScriptInfo).load_app())
        return ctx.invoke(f, *args, **kwargs)

    return update_wrapper(in_context, f)  # type: ignore[return-value]  # called like f


class AppGroup(click.Group):
    """A group of commands that run in the application's context.

    It is click's group otherwise; groups made by :meth:`group` are of this class too. `App.cli` and
    `Blueprint.cli` are such groups.
    """

    @overload
    def command(self, f: Callable[..., Any], /) -> click.Command: ...
    @overload
    def command(
        self, *args: Any, **kwargs: Any
    ) -> Callable[[Callable[..., Any]], click.Command]: ...
    def command(self, *args: Any, **kwargs: Any) -> Any:
        """Make the decorated function a command of this group.

        :param args: What :func:`click.command` takes; the command's name first.
        :param kwargs: What :func:`click.command` takes, and `with_appcontext`: False runs the
            command without the application's context.

        .. code-block:: python

            @app.cli.command("add-user")
            @click.argument("name")
            def add_user(name): ...
        """
        in_context = kwargs.pop("with_appcontext", True)
        function, args = _split_bare(args)
        make = super().command

        def decorator(f: Callable[..., Any]) -> click.Command:
            command: click.Command = make(*args, **kwargs)(with_appcontext(f) if in_context else f)
            return command

        return decorator if function is None else decorator(function)

    @overload
    def group(self, f: Callable[..., Any], /) -> click.Group: ...
    @overload
    def group(self, *args: Any, **kwargs: Any) -> Callable[[Callable[..., Any]], click.Group]: ...
    def group(self, *args: Any, **kwargs: Any) -> Any:
        """Make the decorated function a group in this group.

        :param args: What :func:`click.group` takes; the group's name first.
        :param kwargs: What :func:`click.group` takes; `cls` is this class unless it is given.

        .. code-block:: python

            @app.cli.group()
            def users():
                "Manage the users."

            @users.command()
            def prune(): ...
        """
        kwargs.setdefault("cls", AppGroup)
        function, args = _split_bare(args)
        make = super().group

        def decorator(f: Callable[..., Any]) -> click.Group:
            group: click.Group = make(*args, **kwargs)(f)
            return group

        return decorator if function is None else decorator(function)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is to run; a wrong name is answered with the nearest one."""
        name = args[0]
        is_name = name[:1].isalnum() and ctx.token_normalize_func is None
        if is_name and not ctx.resilient_parsing and self.get_command(ctx, name) is None:
            known = self.list_commands(ctx)
            close = get_close_matches(name, known, 1)
            there_are = f" There are: {', '.join(known)}." if known else ""
            hint = f" Did you mean {close[0]!r}?" if close else there_are
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)


def _split_bare(args: tuple[Any, ...]) -> tuple[Callable[..., Any] | None, tuple[Any, ...]]:
    """Take the function off the arguments of a decorator that was written without parentheses."""
    return (args[0], args[1:]) if args and callable(args[0]) else (None, args)


# --- options of the group that its commands take too, so that they may stand behind the name

# Under this name click keeps, for one command line, which variables came from files.
_FROM_FILES = f"{__name__}.variables_from_files"


def _read_env_file(ctx: click.Context, param: click.Parameter, path: str | None) -> None:
    if path is not None:  # the group has read the usual files
        _read_env_files(ctx, param, path)


def _read_env_files(ctx: click.Context, param: click.Parameter, path: str | None) -> None:
    # What the group has read goes first: a file that is named comes before the usual ones.
    for name, value in ctx.meta.pop(_FROM_FILES, {}).items():
        if os.environ.get(name) == value:
            del os.environ[name]
    before = set(os.environ)
    try:
        load_dotenv(path, ctx.ensure_object(ScriptInfo).load_dotenv_defaults)
    except (ConfigError, MissingPackage) as error:
        raise click.BadParameter(str(error), ctx, param) from None
    ctx.meta[_FROM_FILES] = {name: os.environ[name] for name in set(os.environ) - before}


def environment_without_files(ctx: click.Context) -> dict[str, str]:
    """Return the environment as it was before files of variables and the command line changed it.

    A server has that environment: it reads no such files.

    :param ctx: The click context.
    """
    from_files = ctx.meta.get(_FROM_FILES, {})
    return {
        name: value
        for name, value in os.environ.items()
        if from_files.get(name) != value and name != "MICROWEB_RUN_FROM_CLI"
    }


def _name_app(ctx: click.Context, param: click.Parameter, path: str | None) -> None:
    if path is None:
        return
    info = ctx.ensure_object(ScriptInfo)
    if info.create_app is not None:
        raise click.BadParameter("this program makes its application by itself.", ctx, param)
    info.app_import_path = path


def _switch_debug(ctx: click.Context, param: click.Parameter, on: bool | None) -> None:
    if on is not None:
        os.environ["MICROWEB_DEBUG"] = "1" if on else "0"
        ctx.meta.get(_FROM_FILES, {}).pop("MICROWEB_DEBUG", None)


def common_options(for_group: bool = False) -> list[click.Parameter]:
    """Return new options ``--env-file``, ``--app`` and ``--debug``.

    click looks at them in this order, and first of all.

    :param for_group: Read the usual files of variables too, and heed MICROWEB_ENV_FILE.
    """
    return [
        click.Option(
            ["-e", "--env-file"],
            type=click.Path(exists=True, dir_okay=False),
            envvar="MICROWEB_ENV_FILE" if for_group else None,
            callback=_read_env_files if for_group else _read_env_file,
            allow_from_autoenv=False,
            is_eager=True,
            expose_value=False,
            help="Read environment variables from this file, before .env and .microwebenv."
            " Variables that are set already stay. Needs python-dotenv.",
        ),
        click.Option(
            ["-A", "--app"],
            metavar="MODULE[:NAME]",
            callback=_name_app,
            # Read by ScriptInfo, also for commands that run without this group.
            allow_from_autoenv=False,
            is_eager=True,
            expose_value=False,
            help="The application: module, module:name, module:factory('argument') or a file."
            " Without it MICROWEB_APP says, else it is looked for in wsgi.py and app.py.",
        ),
        click.Option(
            ["--debug/--no-debug"],
            default=None,
            callback=_switch_debug,
            allow_from_autoenv=False,  # as above: by the application itself
            is_eager=True,
            expose_value=False,
            help="Switch debug mode on or off.",
        ),
    ]
