"""How near a URL rule is to a path that it does not match, for a hint in debug mode."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from itertools import takewhile

from werkzeug.routing import Rule
from werkzeug.routing.rules import parse_converter_args

#: How long a path, and how many rules, are compared: that takes time by the square of the length.
_PATH_COMPARED = 200
_RULES_COMPARED = 500


def likenesses(path: str, rules: Iterable[Rule]) -> dict[int, tuple[float, tuple[str, str] | None]]:
    """Return how near rules are to a path, by their `id`; see :func:`likeness`.

    Of very many rules only those that begin like the path are looked at.
    """
    path = path[:_PATH_COMPARED]
    rules = list(rules)
    if len(rules) > _RULES_COMPARED:
        rules.sort(key=lambda rule: -_in_common(path.casefold(), rule.rule.casefold()))
    return {id(rule): likeness(path, rule) for rule in rules[:_RULES_COMPARED]}


def _in_common(first: str, second: str) -> int:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    return sum(1 for _ in same)


def likeness(path: str, rule: Rule) -> tuple[float, tuple[str, str] | None]:
    """Return how near a rule is to a path, and the variable that refuses a part of it.

    A variable stands for what the path has at its place and so weighs next to nothing, whatever it
    holds.
    """
    texts = path.strip("/").casefold().split("/")
    raw = path.strip("/").split("/")
    patterns = VARIABLE.sub(_hide, rule.rule).strip("/").casefold().split("/")
    variables = [variable[0] for variable in VARIABLE.finditer(rule.rule)]
    refused = None
    for position, pattern in enumerate(patterns):
        if pattern not in _HIDDEN or position >= len(texts):
            continue
        # The variables before this one, also those that share a segment.
        number = sum(pattern.count(sign) for pattern in patterns[:position] for sign in _HIDDEN)
        variable = variables[number]
        if pattern == _WHOLE_PATH:
            text, texts[position:] = "/".join(raw[position:]), [""]
        else:
            text, texts[position] = raw[position], ""
        if _takes(rule, variable, text):
            texts[position] = pattern
        else:
            refused = refused or (variable, text)
    matcher = SequenceMatcher(None, "/".join(texts), "/".join(patterns), autojunk=False)
    return matcher.ratio(), refused


#: A variable as a rule has it, and as other frameworks write it, which here is plain text.
VARIABLE = re.compile(
    r"<(?:(?P<converter>\w+)(?:\((?P<arguments>.*?)\))?:)?(?P<name>\w+)>"
    r"|\{(?P<braces>\w+)(?::\w+)?\}"
    r"|(?<=/):(?P<colon>[a-zA-Z_]\w*)"
)
_ONE_SEGMENT, _WHOLE_PATH = _HIDDEN = "\0", "\1"


def _hide(variable: re.Match[str]) -> str:
    return _WHOLE_PATH if variable["converter"] == "path" else _ONE_SEGMENT


def _takes(rule: Rule, variable: str, text: str) -> bool:
    """Whether a variable of a rule takes a text as its value."""
    token = VARIABLE.fullmatch(variable)
    if token is None or token["name"] is None:
        return bool(text)
    try:
        arguments, keywords = parse_converter_args(token["arguments"] or "")
        name = token["converter"] or "default"
        converter = rule.get_converter(token["name"], name, arguments, keywords)
        # Not to_python, which may look into a database, for each of a thousand rules.
        return re.fullmatch(converter.regex, text) is not None
    except Exception:  # of a converter that users wrote
        return False
