"""The distributions: they build, hold what they should, and install into an empty environment."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

import microweb

ROOT = Path(__file__).parent.parent
VERSION = microweb.__version__


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both distributions from a copy of the repository as it is used, caches included."""
    source = tmp_path_factory.mktemp("source") / "microweb"
    shutil.copytree(
        ROOT, source, ignore=shutil.ignore_patterns(".git", ".venv*", "*.egg-info", "build", "dist")
    )
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", str(folder), str(source))
    return folder


def run(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_and_nothing_else(distributions: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    package = {
        f"microweb/{path.relative_to(ROOT / 'microweb')}"
        for path in (ROOT / "microweb").rglob("*")
        if path.suffix == ".py" or path.name == "py.typed"
    }
    assert names == package


def test_the_source_distribution_holds_tests_examples_and_benchmarks(distributions: Path) -> None:
    (sdist,) = distributions.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert names >= {
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "benchmarks/README.md",
        "benchmarks/__main__.py",
        "docs/deploying/README.md",
        "examples/guestbook/guestbook/schema.sql",
        "examples/guestbook/guestbook/static/style.css",
        "examples/guestbook/guestbook/templates/base.html",
        "examples/myapi/README.md",
        "examples/myapi/app.py",
        "microweb/py.typed",
        "setup.cfg",
        "tests/conftest.py",
        "tests/servers/nginx.py",
    }
    assert [name for name in names if "cache" in name or "instance" in name] == []


def test_the_wheel_installs_and_works_in_an_empty_environment(
    distributions: Path, tmp_path: Path
) -> None:
    (wheel,) = distributions.glob("*.whl")
    venv.create(tmp_path, with_pip=True)
    python = str(tmp_path / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel))
    version = run(str(tmp_path / "bin" / "microweb"), "--version").splitlines()[0]
    assert version == f"microweb {VERSION}"
    code = "import microweb; print(microweb.App('a').test_client().get('/').status)"
    assert run(python, "-c", code) == "404 NOT FOUND\n"


def test_without_jinja_a_template_says_what_to_install(distributions: Path, tmp_path: Path) -> None:
    (wheel,) = distributions.glob("*.whl")
    venv.create(tmp_path, with_pip=True)
    python = str(tmp_path / "bin" / "python")
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel))
    code = """\
from microweb import App, render_template
try:
    with App("a").app_context():
        render_template("page.html")
except ImportError as error:
    print(error)
"""
    assert run(python, "-c", code) == (
        "Rendering templates needs Jinja2. Install it with: pip install Jinja2\n"
    )
