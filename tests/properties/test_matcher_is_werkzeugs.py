"""Where the compiled matcher is sure, Werkzeug's map says the same, for any rules and any path.

`MICROWEB_SOAK` in the environment multiplies the number of maps that hypothesis tries, and
`MICROWEB_COMPARISONS` is the number of requests that applications are compared by.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping
from random import Random
from typing import Any
from urllib.parse import unquote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, BuildError, Map, MapAdapter, Rule, ValidationError
from werkzeug.urls import iri_to_uri

from microweb import App, request
from microweb.matching import Matcher
from microweb.routing import URLMap, URLRule

SOAK = float(os.environ.get("MICROWEB_SOAK", "1"))
MAPS = settings(
    max_examples=max(1, round(250 * SOAK)),
    deadline=None,
    database=None,
    derandomize=SOAK == 1,
    suppress_health_check=[HealthCheck.too_slow],
)
#: How many paths are tried on each map, each of them with several methods.
PATHS = 40
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "get")


class Word(BaseConverter):
    """As heavy as the default converter, and it matches less."""

    regex = "[a-z]+"


class Mirrored(BaseConverter):
    """As heavy as the default converter; its value is not its text."""

    regex = "[a-c1-3]+"

    def to_python(self, value: str) -> str:
        return value[::-1]

    def to_url(self, value: str) -> str:
        return value[::-1]


class Choosy(BaseConverter):
    """As heavy as a number; it refuses values that its expression matches."""

    regex = "[^/]+"
    weight = 50

    def to_python(self, value: str) -> str:
        if value == "ab":
            raise ValidationError
        if value == "12":
            raise ValueError("not a validation error")
        return value


class Tail(BaseConverter):
    """Holds slashes, and is as heavy as the default converter."""

    regex = "[a-z].*"
    part_isolating = False


class Grouped(BaseConverter):
    """Its expression has groups and alternatives of its own."""

    regex = r"(?:a|(b)|1(?P<more>\d))"


CONVERTERS = {
    "word": Word,
    "mirrored": Mirrored,
    "choosy": Choosy,
    "tail": Tail,
    "grouped": Grouped,
}
STATIC = ["a", "b", "ab", "a-b", "a.b", "1", "12", "-1", "é", "%41", "A", "a b", "a+b", "1.5", "|"]
UUID = "0c7ec1f1-0e5c-4b4c-8f6e-5a1c2b3d4e5f"
TEXTS = [*STATIC, UUID, UUID.upper(), "007", "٣", "-12", "1.50", "-0.5", "2", "21", "a\nb", "abc"]
TEXTS += ["aa", "x1", "a-1", "z.html", "<n0>", "9" * 5000, "\n", "1\n", "�"]
WHOLE = [
    "<{}>",
    "<string:{}>",
    "<string(length=2):{}>",
    "<string(minlength=2, maxlength=3):{}>",
    "<int:{}>",
    "<int(signed=True):{}>",
    "<int(fixed_digits=2):{}>",
    "<int(min=2, max=20):{}>",
    "<float:{}>",
    "<float(signed=True, max=3.5):{}>",
    "<uuid:{}>",
    "<path:{}>",
    "<any(a, b, 'a.b', '1'):{}>",
    *(f"<{name}:{{}}>" for name in CONVERTERS),
]
MIXED = ["x<int:{}>", "<{}>-<{}>", "<int:{}>.<{}>", "<path:{}>.html", "<any(a, b):{}>b", "a<{}>"]


@st.composite
def rule_texts(draw: st.DrawFn, kinds: tuple[list[str], ...] = (STATIC, WHOLE, MIXED)) -> str:
    segments = draw(st.lists(st.one_of(*map(st.sampled_from, kinds)), max_size=4))
    names = [f"n{number}" for number in range(8)]
    text = ""
    for segment in segments:
        text += draw(st.sampled_from(["/"] * 99 + ["//", "///"]))
        holes = segment.count("{}")
        text += segment.format(*names[:holes])
        names = names[holes:]
    return text + draw(st.sampled_from(["", "", "/"])) or "/"


@st.composite
def rules(draw: st.DrawFn) -> URLRule:
    often = st.sampled_from
    return URLRule(
        draw(rule_texts()),
        endpoint=draw(often(["one", "two", "three", "four"])),
        methods=draw(often([["GET"], ["GET"], ["POST"], ["GET", "POST"], ["OPTIONS"], None])),
        strict_slashes=draw(often([None, None, True, False])),
        merge_slashes=draw(often([None, None, None, False])),
        defaults=draw(often([None] * 9 + [{"page": 1}])),
        redirect_to=draw(often([None] * 19 + ["/elsewhere"])),
        alias=draw(often([False] * 19 + [True])),
        build_only=draw(often([False] * 19 + [True])),
        websocket=False,
    )


@st.composite
def maps(draw: st.DrawFn) -> URLMap:
    made = draw(st.lists(rules(), min_size=1, max_size=9))
    # The same shape again, with other methods: the order of registration counts.
    for rule in draw(st.lists(st.sampled_from(made), max_size=2)):
        methods = draw(st.sampled_from([["GET"], ["POST"], None]))
        made.append(URLRule(rule.rule, endpoint="again", methods=methods))
    return URLMap(
        made,
        strict_slashes=draw(st.booleans()),
        merge_slashes=draw(st.sampled_from([True, True, False])),
        redirect_defaults=draw(st.sampled_from([True, True, False])),
        converters=CONVERTERS,
    )


def segments_of(rule: Rule) -> list[str]:
    return rule.rule.split("/")[1:]


def path_for(rule: Rule, random: Random) -> str:
    """Fill the variables of a rule with texts that may fit, and then perhaps spoil the path."""
    parts = []
    for segment in segments_of(rule):
        if "<" not in segment:
            parts.append(segment)
        elif random.random() < 0.1:
            parts.append("/".join(random.choices(TEXTS, k=2)))
        elif segment.startswith("<") and segment.endswith(">"):
            parts.append(random.choice(TEXTS))
        else:
            parts.append(random.choice(["x1", "a-b", "1.a", "a.html", "ab", "a/b.html", "12"]))
    for _ in range(random.choice((0, 0, 0, 1, 1, 2))):
        spoil(parts, random)
    return "/" + "/".join(parts)


def spoil(parts: list[str], random: Random) -> None:
    place = random.randrange(len(parts) + 1)
    match random.randrange(5):
        case 0:
            parts.insert(place, "")
        case 1:
            parts.insert(place, random.choice(TEXTS))
        case 2 if parts:
            parts.pop(place - 1)
        case 3 if parts:
            parts[place - 1] = random.choice(TEXTS)
        case _:
            parts.append("")


def paths_for(url_map: URLMap, random: Random) -> list[str]:
    candidates = list(url_map.iter_rules())
    paths = [path_for(random.choice(candidates), random) for _ in range(PATHS)]
    return [*paths, "", "/", "//", "//" + random.choice(STATIC), random.choice(STATIC)]


Answer = tuple[Rule, list[tuple[str, type[Any], Any]]]


def answer(hit: tuple[Rule, Any]) -> Answer:
    rule, values = hit
    return rule, [(name, type(value), value) for name, value in values.items()]


def werkzeugs(adapter: MapAdapter, path: str, method: str) -> Answer | type[Exception]:
    try:
        return answer(adapter.match(path, method=method, return_rule=True))
    except (HTTPException, ValueError) as error:
        return type(error)


def test_a_hit_of_the_matcher_is_the_hit_of_werkzeug() -> None:
    count: Counter[str] = Counter()

    @MAPS
    @given(maps(), st.integers(0, 2**32))
    def compare(url_map: URLMap, seed: int) -> None:
        random = Random(seed)
        matcher, adapter = Matcher(url_map, lambda rule, method: rule), url_map.bind("localhost")
        for path in paths_for(url_map, random):
            for method in random.sample(METHODS, 3):
                count["comparisons"] += 1
                found = matcher.match(path, method)
                if found is None:
                    count["misses"] += 1
                    expected: Any = NotFound
                elif isinstance(found, tuple):
                    count["hits"] += 1
                    expected = answer(found)
                else:  # it is not sure, and Werkzeug will be asked
                    continue
                werkzeug = werkzeugs(adapter, path, method)
                assert expected == werkzeug, (method, path, list(url_map.in_order))

    compare()
    assert count["comparisons"] > 25_000 * SOAK, count
    assert count["hits"] > 0.02 * count["comparisons"], count
    assert count["misses"] > 0.02 * count["comparisons"], count


PLAIN = ["<{}>", "<string:{}>", "<string(length=2):{}>", "<int:{}>", "<float:{}>", "<uuid:{}>"]
PLAIN += ["<int(signed=True):{}>", "<any(a, b, 'a.b', '1'):{}>", "<word:{}>", "<mirrored:{}>"]
#: Texts that come out of building a URL as they went into matching one.
CANONICAL = [text for text in STATIC if text != "-0.5"] + [UUID, "21", "2", "abc", "aa", "-12", "�"]


@st.composite
def plain_maps(draw: st.DrawFn) -> URLMap:
    texts = draw(st.lists(rule_texts((STATIC, PLAIN)), min_size=1, max_size=9, unique=True))
    end = draw(st.sampled_from(["", "/"]))
    return URLMap(
        [
            URLRule(
                re.sub("/+", "/", text).rstrip("/") + end or "/", endpoint=text, methods=["GET"]
            )
            for text in texts
        ],
        converters=CONVERTERS,
    )


def plain_paths(url_map: URLMap, random: Random) -> list[str]:
    paths = []
    for _ in range(PATHS):
        segments = segments_of(random.choice(list(url_map.iter_rules())))
        paths.append(
            "".join(f"/{random.choice(CANONICAL) if '<' in text else text}" for text in segments)
        )
    return paths


def test_plain_maps_are_answered_without_werkzeug() -> None:
    count: Counter[str] = Counter()

    @MAPS
    @given(plain_maps(), st.integers(0, 2**32))
    def compare(url_map: URLMap, seed: int) -> None:
        matcher, adapter = Matcher(url_map, lambda rule, method: rule), url_map.bind("localhost")
        for path in plain_paths(url_map, Random(seed)):
            expected = werkzeugs(adapter, path, "GET")
            found = matcher.match(path, "GET")
            if isinstance(expected, tuple):
                count["hits"] += 1
                assert isinstance(found, tuple), (path, list(url_map.in_order))
                assert answer(found) == expected, (path, list(url_map.in_order))
            else:
                assert not isinstance(found, tuple), (path, list(url_map.in_order))

    compare()
    assert count["hits"] > 3_000 * SOAK, count


def test_building_the_url_of_a_plain_hit_gives_the_path_back() -> None:
    count: Counter[str] = Counter()

    @MAPS
    @given(plain_maps(), st.integers(0, 2**32))
    def compare(url_map: URLMap, seed: int) -> None:
        matcher, adapter = Matcher(url_map, lambda rule, method: rule), url_map.bind("localhost")
        for path in plain_paths(url_map, Random(seed)):
            found = matcher.match(path, "GET")
            if isinstance(found, tuple):
                count["hits"] += 1
                rule, values = found
                assert unquote(adapter.build(rule.endpoint, values)) == path

    compare()
    assert count["hits"] > 3_000 * SOAK, count


#: How many comparisons the seeded test makes; a soak sets 900,000 (2 minutes).
COMPARISONS = int(os.environ.get("MICROWEB_COMPARISONS", "30000"))

#: Texts that the variable of a rule is likely to take; all of them come back from `url_for`.
FITTING = {
    "string(length=2)": ["ab", "12", "aa"],
    "string(minlength=2, maxlength=3)": ["ab", "abc", "a.b", "12"],
    "int": ["1", "12", "21"],
    "int(signed=True)": ["-1", "12", "-12"],
    "int(fixed_digits=2)": ["12", "21"],
    "int(min=2, max=20)": ["2", "12", "21"],
    "float": ["1.5"],
    "float(signed=True, max=3.5)": ["1.5", "-1.5"],
    "uuid": [UUID],
    "path": ["a", "a/b", "a/b/c.html", "a b/é"],
    "any(a, b, 'a.b', '1')": ["a", "b", "a.b", "1"],
    "any(a, b)": ["a", "b"],
    "word": ["a", "ab", "abc"],
    "mirrored": ["ab", "a1", "12"],
    "choosy": ["a", "ab", "12", "%41"],
    "tail": ["a", "a/b", "b/1"],
    "grouped": ["a", "b", "12"],
}
HOLE = re.compile(r"<(?:([^>]*):)?n\d>")


def random_options(text: str, number: int, random: Random) -> dict[str, Any]:
    options: dict[str, Any] = {
        # Half of the rules have an endpoint of their own, and so a URL that only they build.
        "endpoint": random.choice(
            ["one", "two", "three", f"own{number}", f"own{number}", f"own{number}"]
        ),
        "methods": random.choice([["GET"]] * 4 + [["POST"], ["GET", "POST"], ["OPTIONS"], None]),
        "strict_slashes": random.choice([None, None, True, False]),
        "merge_slashes": random.choice([None, None, None, False]),
    }
    if random.random() < 0.1:
        options["defaults"] = {"n0": "a"} if "<n0>" in text else {"page": 1}
    if random.random() < 0.05:
        options["redirect_to"] = "/elsewhere"
    if random.random() < 0.05:
        options["alias"] = True
    if random.random() < 0.05:
        options["build_only"] = True
    return options


def random_text(random: Random) -> str:
    text, names = "", iter(f"n{number}" for number in range(20))
    for kind in random.choices([STATIC, WHOLE, MIXED], [3, 3, 1], k=random.randrange(5)):
        segment = random.choice(kind)
        if "<grouped:" in segment and "<grouped:" in text:
            continue  # one expression cannot have a named group twice, which Werkzeug fails at
        text += "/" + segment.format(*(next(names) for _ in range(segment.count("{}"))))
    return text + random.choice(["", "", "/"]) or "/"


def random_rules(random: Random) -> list[tuple[str, dict[str, Any]]]:
    made: list[tuple[str, dict[str, Any]]] = []
    for number in range(random.choice([1, 3, 6, 9, 40])):
        # Often the shape of another one: with other methods, options or another last slash.
        text = random.choice(made)[0] if made and random.random() < 0.2 else random_text(random)
        if random.random() < 0.1:
            text = text.rstrip("/") or "/"
        made.append((text, random_options(text, number, random)))
    return made


def random_path(text: str, random: Random) -> tuple[str, bool]:
    """Return a path that a rule may match, and whether its values should build it again."""
    faithful = True

    def fill(hole: re.Match[str]) -> str:
        nonlocal faithful
        if random.random() < 0.8:
            return random.choice(FITTING.get(hole[1] or "", ["a", "x1", "a b", "é", "12"]))
        faithful = False
        return random.choice(TEXTS)

    path = HOLE.sub(fill, text)
    if random.random() < 0.3:
        faithful = False
        parts = path.split("/")[1:]
        spoil(parts, random)
        path = "/" + "/".join(parts)
    return path, faithful


class Compared:
    """An application and a stock map with the same rules, and how they answer a request."""

    def __init__(self, random: Random) -> None:
        self.rules = random_rules(random)
        options: dict[str, Any] = {
            "strict_slashes": random.random() < 0.5,
            "merge_slashes": random.random() < 0.7,
            "redirect_defaults": random.random() < 0.7,
        }
        self.map = Map(
            [Rule(text, **options) for text, options in self.rules],
            converters=CONVERTERS,
            **options,
        )
        self.adapters = {
            method: self.map.bind("localhost", default_method=method) for method in METHODS
        }
        self.app = App("matched", static_folder=None)
        self.app.logger.disabled = True  # a ValueError of a converter is the application's error
        self.app.url_map = URLMap(
            [URLRule(text, **options) for text, options in self.rules],
            converters=CONVERTERS,
            **options,
        )
        for _, options in self.rules:
            self.app.view_functions[options["endpoint"]] = self.view
        self.seen: tuple[Any, ...] = ()

    def view(self, **values: Any) -> str:
        self.seen = (
            request.endpoint,
            typed(values),
            link(self.app.url_for, request.endpoint, values),
        )
        return ""

    def environ(self, path: str, method: str) -> dict[str, Any]:
        return {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path.encode().decode("latin-1"),
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
        }

    def answers(self, path: str, method: str) -> tuple[Any, ...]:
        """Return the status, `Location` and `Allow`; of a hit what the view has seen."""
        self.seen = ()
        sent: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            sent.append((status, headers))

        self.app.wsgi_app(self.environ(path, method), start_response)
        if self.seen:
            return self.seen
        status, headers = sent[-1][0], Headers(sent[-1][1])
        return int(status[:3]), headers.get("Location"), headers.get("Allow")

    def expected(self, path: str, method: str) -> tuple[Any, ...]:
        """Return the same as the stock map has it."""
        adapter = self.adapters[method]
        try:
            endpoint, values = adapter.match(path)
        except MethodNotAllowed as error:
            return 405, None, ", ".join(sorted(error.valid_methods or ()))
        except HTTPException as error:
            to = getattr(error, "new_url", None)
            return error.code, None if to is None else iri_to_uri(to), None
        except Exception:  # of a converter, or of an alias that no other rule stands for
            return 500, None, None
        return endpoint, typed(values), link(adapter.build, endpoint, dict(values))


def typed(values: Mapping[str, Any]) -> list[tuple[str, type[Any], Any]]:
    return [(name, type(value), value) for name, value in values.items()]


def link(build: Callable[..., str], endpoint: Any, values: dict[str, Any]) -> str | None:
    try:
        return build(endpoint, **values) if build.__name__ == "url_for" else build(endpoint, values)
    except (BuildError, TypeError, ValueError):
        return None


def test_an_application_answers_as_a_stock_map_would_whatever_its_rules_are() -> None:
    count: Counter[str] = Counter()
    random = Random(20)
    while count["comparisons"] < COMPARISONS:
        compared = Compared(random)
        rules_of = Counter(options["endpoint"] for _, options in compared.rules)
        building = {
            options["endpoint"]
            for _, options in compared.rules
            # A default takes the place of what the path has.
            if rules_of[options["endpoint"]] == 1 and "n0" not in options.get("defaults", ())
        }
        for _ in range(min(30 * len(compared.rules), 240)):
            text, options = random.choice(compared.rules)
            path, faithful = random_path(text, random)
            for method in ((options["methods"] or ["GET"])[0], random.choice(METHODS)):
                expected = compared.expected(path, method)
                answer = compared.answers(path, method)
                assert answer == expected, (method, path, compared.rules)
                count["comparisons"] += 1
                kind = answer[0] if isinstance(answer[0], int) else "hits"
                count[str(kind)] += 1
                if kind == "hits" and faithful and answer[0] in building:
                    count["built"] += 1
                    assert answer[2] is not None
                    assert unquote(answer[2]).rstrip("/") == path.rstrip("/"), (path, answer)
    print(dict(count))  # with pytest -s
    assert count["hits"] > 0.4 * count["comparisons"], count
    assert count["built"] > 0.1 * count["comparisons"], count
    for kind in ("404", "405", "308"):
        assert count[kind] > 0.02 * count["comparisons"], count
