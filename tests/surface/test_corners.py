"""What is rarely met: contexts without a request, wrong arguments, values of strange kinds."""

from __future__ import annotations

from typing import Any

import pytest
from markupsafe import Markup

from microweb import App, json
from microweb.errors import OutsideContext
from microweb.json.provider import DefaultJSONProvider
from microweb.json.tag import TaggedJSONSerializer


def test_a_context_without_a_request_says_what_it_lacks(app: App) -> None:
    with app.app_context() as context:
        assert repr(context) == "<Context of 'example'>"
        for name in ("request", "session"):
            with pytest.raises(OutsideContext) as raised:
                getattr(context, name)
            assert raised.value.name == name


def test_a_context_with_a_request_names_it(app: App) -> None:
    with app.test_request_context("/a", method="POST") as context:
        assert repr(context) == "<Context of 'example': POST /a>"


def test_names_for_templates_may_be_asked_for_outside_of_a_context(app: App) -> None:
    app.context_processor(lambda: {"year": 2015, "own": "processor"})
    names = {"own": "given"}
    app.update_template_context(names)
    assert names == {"own": "given", "year": 2015}


def test_a_context_processor_returns_a_dict(app: App) -> None:
    wrong: Any = lambda: ["year"]  # noqa: E731
    app.context_processor(wrong)
    with pytest.raises(TypeError, match=r"returned \['year'\]: it returns a dict of names for"):
        app.update_template_context({})


def test_the_main_program_is_called_like_its_file() -> None:
    import sys
    from pathlib import Path

    main = getattr(sys.modules["__main__"], "__file__", None)
    expected = "__main__" if main is None else Path(main).stem
    assert App("__main__", root_path=".", static_folder=None).name == expected


def test_only_a_blueprint_is_registered(app: App) -> None:
    wrong: Any = "blog"
    with pytest.raises(TypeError) as raised:
        app.register_blueprint(wrong)
    assert str(raised.value) == "register_blueprint takes a Blueprint, not 'blog'."


def test_html_travels_in_a_session_as_html() -> None:
    serializer = TaggedJSONSerializer()
    read = serializer.loads(serializer.dumps({"note": Markup("<b>")}))
    assert (read, type(read["note"])) == ({"note": Markup("<b>")}, Markup)


def test_an_error_of_ones_own_conversion_stays_what_it_is(app: App) -> None:
    class Strict(DefaultJSONProvider):
        @staticmethod
        def default(o: Any) -> Any:
            raise ValueError("not today")

    app.json = Strict(app)
    with app.app_context(), pytest.raises(ValueError, match="^not today$"):
        json.dumps({"a": object()})
