"""Let extensions that were written for Flask work on microweb.

Import this before the extensions: from then on ``import flask`` finds microweb under Flask's names,
in this process. Flask itself need not be installed, and is not touched.

.. code-block:: python

    import microweb.compat.flask  # isort: skip
    from flask_login import LoginManager

    from microweb import App

    app = App(__name__)
    login = LoginManager(app)

What differs on purpose (see README, "Coming from Flask") differs for extensions too. Those that
reach into Flask's inside, above all into its dicts of hooks, do not work.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .. import (
    app,
    blueprint,
    cli,
    config,
    ctx,
    folders,
    globals,
    helpers,
    json,
    logging,
    sessions,
    signals,
    templating,
    testing,
    typing,
    views,
    wrappers,
)
from ..errors import SetupError
from ..json import provider, tag

#: The release of Flask whose interface this is.
VERSION = "3.1.3"

#: Where extensions look for things, and what stands there under another name.
_MODULES: dict[str, tuple[ModuleType, dict[str, Any]]] = {
    "flask": (sys.modules[__name__.partition(".")[0]], {"Flask": app.App, "__version__": VERSION}),
    "flask.app": (app, {"Flask": app.App}),
    "flask.blueprints": (blueprint, {}),
    "flask.cli": (cli, {"FlaskGroup": cli.MicrowebGroup, "cli": cli.main}),
    "flask.config": (config, {}),
    "flask.ctx": (ctx, {}),
    "flask.globals": (globals, {}),
    "flask.helpers": (
        helpers,
        {
            "get_debug_flag": config.debug_from_environment,
            "get_root_path": folders.find_root_path,
        },
    ),
    "flask.json": (json, {}),
    "flask.json.provider": (provider, {}),
    "flask.json.tag": (tag, {}),
    "flask.logging": (logging, {}),
    "flask.sessions": (sessions, {}),
    "flask.signals": (signals, {}),
    "flask.templating": (templating, {}),
    "flask.testing": (
        testing,
        {"FlaskClient": testing.Client, "FlaskCliRunner": testing.CliRunner},
    ),
    "flask.typing": (typing, {}),
    "flask.views": (views, {"http_method_funcs": frozenset(views.METHODS)}),
    "flask.wrappers": (wrappers, {}),
}


class _Alias(ModuleType):
    """A module that finds its names in another one, and a few in a dict of its own."""

    def __init__(self, name: str, original: ModuleType, renamed: dict[str, Any]) -> None:
        super().__init__(name, original.__doc__)
        # A module with a path is a package, which others are imported from.
        self.__dict__.update(renamed, __path__=[])
        self.__spec__ = ModuleSpec(name, None, is_package=True)
        self._original = original

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(self._original, name)
        except AttributeError:
            raise AttributeError(
                f"{self.__name__} has no {name!r}: it is {self._original.__name__} under Flask's"
                " name, by microweb.compat.flask."
            ) from None


def _install() -> None:
    loaded = sys.modules.get("flask")
    if loaded is not None and not isinstance(loaded, _Alias):
        raise SetupError(
            "Flask itself has been imported already, so that extensions would get parts of both:"
            " put `import microweb.compat.flask` before everything that imports flask."
        )
    for name, (original, renamed) in _MODULES.items():
        alias = _Alias(name, original, renamed)
        sys.modules[name] = alias
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], last, alias)


_install()
