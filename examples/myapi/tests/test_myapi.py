"""What the service answers, asked through the test client."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest

APP_FILE = Path(__file__).parents[1] / "app.py"


def load_example() -> ModuleType:
    # Every example has an app.py: a plain `import app` would give whichever came first.
    spec = importlib.util.spec_from_file_location("myapi_example", APP_FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def example() -> ModuleType:
    return load_example()


@pytest.fixture
def client(example: ModuleType) -> Any:
    return example.app.test_client()


@pytest.fixture
def uuid(example: ModuleType) -> str:
    return str(example.service.uuid)


def test_the_answer_tells_how_it_was_asked(client: Any, uuid: str) -> None:
    answer = client.get("/mypath?name=J%C3%BCrgen+M&tag=a&tag=b&empty=")
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.get_json() == {
        "status": "ok",
        "uuid": uuid,
        "view": "show_mypath",
        "method": "GET",
        "path_info": "/mypath",
        "query_string": "name=J%C3%BCrgen+M&tag=a&tag=b&empty=",
        "query": {"name": ["Jürgen M"], "tag": ["a", "b"], "empty": [""]},
    }


@pytest.mark.parametrize("path", ["/", "/nobody/registered/this", "/mypath/", "/documents"])
def test_any_other_path_is_answered_too(client: Any, uuid: str, path: str) -> None:
    assert client.get(path).get_json() == {
        "status": "ok",
        "uuid": uuid,
        "view": "show_any_path",
        "method": "GET",
        "path_info": path,
        "query_string": "",
        "query": {},
    }


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_the_same_path_has_another_view_for_changes(client: Any, uuid: str, method: str) -> None:
    assert client.open("/mypath", method=method).get_json() == {
        "status": "ok",
        "uuid": uuid,
        "view": "change_mypath",
        "method": method,
        "path_info": "/mypath",
        "query_string": "",
        "query": {},
    }


def test_a_path_is_told_decoded(client: Any) -> None:
    answer = client.get("/gr%C3%BC%C3%9Fe/%E2%98%83%20man/100%25")
    assert answer.get_json()["path_info"] == "/grüße/☃ man/100%"


def test_a_query_that_is_not_utf_8_is_answered_all_the_same(client: Any) -> None:
    answer = client.get("/?name=%FF")
    assert answer.status_code == 200
    assert answer.get_json()["query_string"] == "name=%FF"
    assert answer.get_json()["query"] == {"name": ["%FF"]}


def test_the_object_keeps_its_identity_as_long_as_the_process_lives(client: Any) -> None:
    seen = [client.get(path).get_json()["uuid"] for path in ("/", "/mypath", "/", "/else")]
    assert seen == [seen[0]] * 4
    assert UUID(seen[0]).version == 4


def test_another_process_has_another_object(example: ModuleType) -> None:
    assert load_example().service.uuid != example.service.uuid


@pytest.mark.parametrize(
    "document",
    [{"title": "Grüße", "pages": [1, 2.5, None, True]}, ["a", "list"], "text", 7, None, {}],
    ids=json.dumps,
)
def test_a_posted_document_comes_back(client: Any, document: object) -> None:
    answer = client.post("/documents", data=json.dumps(document), content_type="application/json")
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    assert answer.get_json() == document


def test_a_broken_document_is_told_where_it_breaks(client: Any) -> None:
    answer = client.post("/documents", data='{"title": }', content_type="application/json")
    assert answer.status_code == 400
    assert answer.get_json()["status"] == "Bad Request"
    assert "line 1 column 11" in answer.get_json()["reason"]


def test_what_is_not_json_is_told_what_is_expected(client: Any) -> None:
    answer = client.post("/documents", data={"title": "a form"})
    assert answer.status_code == 415
    assert answer.get_json()["status"] == "Unsupported Media Type"
    assert "application/json" in answer.get_json()["reason"]


def test_a_method_without_a_view_is_told_which_there_are(client: Any) -> None:
    answer = client.patch("/mypath")
    assert answer.status_code == 405
    assert answer.mimetype == "application/json"
    assert sorted(answer.allow) == ["DELETE", "GET", "HEAD", "OPTIONS", "PUT"]
    assert answer.get_json() == {
        "status": "Method Not Allowed",
        "reason": "The method is not allowed for the requested URL.",
    }
