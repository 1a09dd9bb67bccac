"""What a reader has to know about the place the figures come from."""

from __future__ import annotations

import os
import platform
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

DISTRIBUTIONS = (
    "microweb",
    "flask",
    "werkzeug",
    "jinja2",
    "itsdangerous",
    "markupsafe",
    "blinker",
    "asgiref",
    "falcon",
    "bottle",
    "wheezy.web",
    "wheezy.http",
    "wheezy.routing",
    "wheezy.security",
    "wheezy.html",
    "pyramid",
    "pyramid_jinja2",
    "webob",
    "zope.interface",
)


def describe_python() -> dict[str, str]:
    return {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "compiler": platform.python_compiler(),
    }


def describe_platform() -> dict[str, str | int | None]:
    return {
        "system": platform.platform(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
    }


def package_versions() -> dict[str, str]:
    """Versions of what is installed of the peers, and of what they stand on."""
    versions = {}
    for name in DISTRIBUTIONS:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            # A source tree that was never installed still says what it is.
            if name in sys.modules:
                versions[name] = str(getattr(sys.modules[name], "__version__", "unknown"))
    return versions


def compiled_modules() -> dict[str, list[str]]:
    """Extension modules in use: a compiled peer is a different contest from a pure one."""
    found: dict[str, list[str]] = {}
    for name, module in sorted(sys.modules.items()):
        path = getattr(module, "__file__", None) or ""
        if path.endswith(tuple(EXTENSION_SUFFIXES)):
            for package in DISTRIBUTIONS:
                if name.startswith(f"{package}."):
                    found.setdefault(package, []).append(name)
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
