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
    "falcon",
    "bottle",
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
    """Versions of the packages that were really imported, by distribution name."""
    versions = {}
    for name in DISTRIBUTIONS:
        module = sys.modules.get(name)
        if module is not None:
            try:
                versions[name] = version(name)
            except PackageNotFoundError:
                # A source tree that was never installed still says what it is.
                versions[name] = str(getattr(module, "__version__", "unknown"))
    return versions


def compiled_modules() -> dict[str, list[str]]:
    """Extension modules in use: a compiled peer is a different contest from a pure one."""
    found: dict[str, list[str]] = {}
    for name, module in sorted(sys.modules.items()):
        package = name.partition(".")[0]
        path = getattr(module, "__file__", None) or ""
        if package in DISTRIBUTIONS and path.endswith(tuple(EXTENSION_SUFFIXES)):
            found.setdefault(package, []).append(name)
    return found


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
