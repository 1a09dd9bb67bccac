"""README's code is run, so that it stays true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from microweb import App

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def blocks() -> list[App]:
    """The applications of README's Python blocks, in their order."""
    apps = []
    for source in re.findall(r"```python\n(.*?)```", README, re.DOTALL):
        names: dict[str, Any] = {"__name__": "readme"}
        exec(source, names)
        apps.append(names["app"])
    return apps


def test_the_first_application_fits_into_ten_lines_and_answers(blocks: list[App]) -> None:
    source = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[0]
    assert len([line for line in source.splitlines() if line.strip()]) <= 10
    response = blocks[0].test_client().get("/hello/you?page=2")
    assert (response.status_code, response.json) == (200, {"hello": "you", "page": 2})


def test_the_tour_creates_and_shows_notes(blocks: list[App]) -> None:
    client = blocks[1].test_client()
    created = client.post("/notes", json={"text": "milk"})
    assert (created.status_code, created.json) == (201, {"text": "milk"})
    assert created.location == "/notes/1"
    assert client.get(created.location).json == {"id": 1}
    with client.session_transaction() as session:
        assert session["seen"] == 1


def test_the_tour_answers_errors_as_it_says(blocks: list[App]) -> None:
    client = blocks[1].test_client()
    missing = client.get("/notes/11")
    assert (missing.status_code, missing.json) == (404, {"error": "There are ten notes."})
    assert client.post("/notes", data="text").status_code == 415
    assert client.post("/notes", data="{", content_type="application/json").status_code == 400


def test_the_tour_streams_with_the_request_to_the_end(blocks: list[App]) -> None:
    response = blocks[1].test_client().get("/numbers")
    steps = response.iter_encoded()
    assert [next(steps), next(steps)] == [b"0 for 127.0.0.1\n", b"1 for 127.0.0.1\n"]
    response.close()


@pytest.mark.parametrize("command", ["make run", "make test"])
def test_the_two_commands_stand_on_the_first_screen(command: str) -> None:
    assert command in "\n".join(README.splitlines()[:30])


def test_how_to_serve_and_to_deploy_it_stands_there_too() -> None:
    first_screen = "\n".join(README.splitlines()[:40])
    assert "uwsgi --http :9090 -w app:app" in first_screen
    assert "\nmicroweb deploy " in first_screen


def test_the_tour_runs_tasks_after_the_response_and_cleans_up(blocks: list[App]) -> None:
    app = blocks[2]
    seen: list[str] = []

    @app.while_serving
    def look() -> Iterator[None]:
        yield
        seen.extend(app.extensions["visits"])

    with app.test_client() as client:
        assert client.get("/visit").text == "hello"
        visits = app.extensions["visits"]
    assert (seen, visits) == (["/visit"], [])


def test_coming_from_flask_has_a_table_of_two_columns() -> None:
    table = README.split("| subject | Flask 3.1 | microweb |\n", 1)[1].split("\n\n", 1)[0]
    rows = table.splitlines()[1:]
    assert len(rows) >= 20
    assert {row.count("|") for row in rows} == {4}
