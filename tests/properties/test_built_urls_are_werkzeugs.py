"""What `url_for` builds is what Werkzeug's adapter builds, for any rule and any values."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from werkzeug.routing import BuildError

from microweb import App
from microweb.building import Builder, Choice, builder_of
from microweb.routing import URLMap, URLRule

TEXTS = st.text(st.sampled_from("ab1/ &?#%+=é٣~|'\"<>:;,!$()*@.-_\n"), max_size=6)


class Color(Enum):
    RED = "red"


class Size(IntEnum):
    LARGE = 3


class Named(str):
    """A text that is shown in another way, as enumerations and lazy translations are."""

    def __str__(self) -> str:
        return f"<{super().__str__()}>"


class Shown:
    """What is no text, and knows how it is written."""

    def __str__(self) -> str:
        return "a b/ü"


class Incomparable:
    """As the arrays of some libraries are: to compare them gives no truth."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> Any:
        raise ValueError("neither true nor false")


ODD = [Color.RED, Size.LARGE, Named("a"), Shown(), Incomparable(), Markup("<b>"), Decimal("1.50")]
VALUES = st.one_of(
    TEXTS,
    st.sampled_from(ODD),
    st.integers(-20, 2000),
    st.floats(-5, 5),
    st.booleans(),
    st.none(),
    st.uuids(),
    st.binary(max_size=4),
    st.lists(st.one_of(TEXTS, st.none(), st.integers(0, 9)), max_size=3),
    st.tuples(TEXTS),
    st.sets(st.integers(0, 9), max_size=2),
    st.dictionaries(TEXTS, TEXTS, max_size=1),
)
SEGMENTS = ["a", "é b", "a%41", "<{}>", "<int:{}>", "<int(fixed_digits=3):{}>", "<float:{}>"]
SEGMENTS += [
    "<path:{}>",
    "<any(a, b):{}>",
    "<uuid:{}>",
    "@<{}>",
    "<{}>.json",
    "<string(length=2):{}>",
]


@st.composite
def rules(draw: st.DrawFn) -> str:
    segments = draw(st.lists(st.sampled_from(SEGMENTS), max_size=3))
    end = draw(st.sampled_from(["", "/", "//"]))
    return "/" + "/".join(text.format(f"n{at}") for at, text in enumerate(segments)) + end


KEYS = st.one_of(st.sampled_from(["n0", "n1", "n2", "self", "page"]), TEXTS)
NAMED = st.dictionaries(KEYS, VALUES, max_size=5)
COUNTED = settings(
    max_examples=600,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)


def test_a_builder_builds_what_werkzeug_builds() -> None:
    count: Counter[str] = Counter()

    @COUNTED
    @given(rules(), st.lists(NAMED, min_size=5, max_size=5), st.booleans())
    def compare(text: str, several: list[dict[str, Any]], merge: bool) -> None:
        url_map = URLMap([URLRule(text, endpoint="one", methods=["GET"], merge_slashes=merge)])
        adapter = url_map.bind("localhost", "/root")
        builder = builder_of(url_map, "one")
        assert isinstance(builder, Builder)
        for values in several:
            built = builder.build(values)
            if built is None:
                count["left"] += 1
                continue
            count["built"] += 1
            assert f"/root/{built}" == adapter.build("one", values), (text, values)

    compare()
    assert count["built"] > 600, count


PAGED = [
    "/",
    "/<n0>",
    "/<int:n0>",
    "/<int:n0>/<n1>",
    "/a/<n1>",
    "/a",
    "/<path:n1>/a/",
    "/<any(a):n0>",
]
DEFAULTS = [None, None, {"n0": 1}, {"n1": "a"}, {"n0": 1, "n1": "a"}]


@st.composite
def several_rules(draw: st.DrawFn) -> list[URLRule]:
    alike = draw(st.sampled_from([True, True, True, False]))
    return [
        URLRule(
            text,
            endpoint="one",
            methods=["GET"] if alike else draw(st.sampled_from([["GET"], ["POST"], None])),
            defaults=draw(st.sampled_from(DEFAULTS)),
            alias=draw(st.sampled_from([False] * 4 + [True])),
            build_only=draw(st.sampled_from([False] * 4 + [True])),
        )
        for text in draw(st.lists(st.sampled_from(PAGED), min_size=1, max_size=4))
    ]


SMALL = st.one_of(st.sampled_from([1, 2, True, 1.0, "1", "a", "b", None, *ODD]), VALUES)
CHOSEN = st.dictionaries(st.sampled_from(["n0", "n1", "page"]), SMALL)


def test_of_several_rules_werkzeugs_is_chosen() -> None:
    count: Counter[str] = Counter()

    @COUNTED
    @given(
        several_rules(), st.lists(CHOSEN, min_size=5, max_size=5), st.sampled_from(["GET", "PUT"])
    )
    def compare(rules: list[URLRule], several: list[dict[str, Any]], method: str) -> None:
        try:
            url_map = URLMap(rules)
        except ValueError:  # a default that the variable cannot write
            return
        adapter = url_map.bind("localhost", default_method=method)
        builder = builder_of(url_map, "one")
        if builder is None:
            return
        for values in several:
            built = builder.build(values)
            count[type(builder).__name__ if built is not None else "left"] += 1
            if built is not None:
                assert f"/{built}" == adapter.build("one", values), (rules, values)

    compare()
    assert count[Choice.__name__] > 200, count


ASKED = st.fixed_dictionaries(
    {},
    optional={"_anchor": TEXTS, "_external": st.booleans(), "_scheme": st.just("https")},
)
ROOTS = st.sampled_from(["", "/", "/app", "/app/", "/a%b", "/\xc3\xa9"])


def test_url_for_returns_what_the_adapter_builds() -> None:
    app = App("example", static_folder=None)
    for at, text in enumerate(["/", "/a/<n0>", "/b/<int:n0>/<path:n1>", "/c/<any(a, b):n0>"]):
        app.add_url_rule(text, f"one{at}", lambda **values: "")
    app.add_url_rule("/d", "one1", methods=["POST"])  # which of two rules, the method decides
    app.test_client().get("/")

    @COUNTED
    @given(st.sampled_from(["one0", "one1", "one2", "one3"]), NAMED, ASKED, ROOTS)
    def compare(endpoint: str, values: dict[str, Any], asked: dict[str, Any], root: str) -> None:
        values = {name: value for name, value in values.items() if name != "self"}
        if asked.get("_external") is False:
            asked.pop("_scheme", None)
        with app.test_request_context(environ_overrides={"SCRIPT_NAME": root}) as context:
            adapter = app.create_url_adapter(context.request)
            assert adapter is not None
            external = asked.get("_external", "_scheme" in asked)
            found: Any
            expected: Any
            try:
                expected = adapter.build(
                    endpoint,
                    values,
                    url_scheme=asked.get("_scheme"),
                    force_external=external,
                )
            except (BuildError, TypeError, ValueError) as error:
                expected = BuildError if isinstance(error, BuildError) else ValueError
            try:
                found = app.url_for(endpoint, **asked, **values)
            except (BuildError, ValueError) as error:
                found = BuildError if isinstance(error, BuildError) else ValueError
        if isinstance(found, str) and "_anchor" in asked:
            found = found[: found.rindex("#")] if "#" not in asked["_anchor"] else expected
        assert found == expected, (endpoint, values, asked, root)

    compare()
