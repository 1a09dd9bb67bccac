"""What URL rules have between their slashes, in the form that the matcher needs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from werkzeug.routing import BaseConverter, FloatConverter, IntegerConverter, Rule
from werkzeug.routing.rules import parse_converter_args

from .routing import TOKEN

#: A variable of a rule: its name and its converter.
Named: TypeAlias = tuple[str, BaseConverter]

#: What makes two segments with variables one: the expression, whether it takes all that follows,
#: whether a slash may end it, and the weight.
Key: TypeAlias = tuple[str, bool, bool, tuple[Any, ...]]


class Part(NamedTuple):
    """A segment with variables, as a rule has it; up to the end where it may hold slashes."""

    key: Key
    #: Its variables.
    named: tuple[Named, ...]
    #: It is one variable and nothing else.
    whole: bool
    #: The text before the first variable, and behind the last one.
    head: str
    tail: str
    #: What the rule has behind it.
    rest: str | None


#: The name of the group of a variable in its expression; called as Werkzeug calls it, because the
#: expression of a converter may have groups of its own.
GROUP = "__werkzeug_{}"


def read(rule: Rule, text: str, segment: str) -> Part:
    """Read a segment with variables.

    :param rule: The rule.
    :param text: What is left of the rule.
    :param segment: That up to its first slash, which may belong to the arguments of a converter.
    """
    return _read_whole(rule, text, segment) or _read(rule, text)


def _read_whole(rule: Rule, text: str, segment: str) -> Part | None:
    """Read a segment that is one variable; the most frequent one, and at a tenth of the cost."""
    if segment[0] != "<" or segment[-1] != ">" or segment.count("<") > 1 or "(" in segment:
        return None
    name = segment[1:-1].rpartition(":")[2]
    converter = getattr(rule, "converters", {}).get(name)
    if converter is None or not converter.part_isolating:
        return None
    weight = 0, (), -1, (converter.weight,)
    key = rf"(?P<{GROUP.format(0)}>{converter.regex})\Z", False, False, weight
    rest = text[len(segment) + 1 :] if len(text) > len(segment) else None
    return Part(key, ((name, converter),), True, "", "", rest)


def _read(rule: Rule, text: str) -> Part:
    """Read a segment with variables at the beginning of what is left of a rule."""
    content = head = tail = ""
    named: list[Named] = []
    lengths: list[int] = []
    final = False
    pieces = 0
    rest: str | None = None
    for token in TOKEN.finditer(text):
        piece = token[0]
        if token["variable"]:
            converter = _converter(rule, token)
            content += f"(?P<{GROUP.format(len(named))}>{converter.regex})"
            named.append((token["variable"], converter))
            final = final or not converter.part_isolating
            tail = ""
        else:
            if piece == "/":
                if not final:
                    rest = text[token.end() :]
                    break
            else:
                lengths.append(-len(piece))
            content += re.escape(piece)
            head, tail = head if named else head + piece, tail + piece
        pieces += 1
    suffixed = final and content.endswith("/")
    if suffixed:  # the slash may be missing, which is for a redirect then
        content, tail, rest = content[:-1] + "(?<!/)(/?)", "", ""
    weights = tuple(converter.weight for _, converter in named)
    weight = -len(lengths), tuple(enumerate(lengths)), -len(named), weights
    key = rf"{content}\Z", final, suffixed, weight
    return Part(key, tuple(named), pieces == 1, head, tail, rest)


def _converter(rule: Rule, token: re.Match[str]) -> BaseConverter:
    name = token["variable"]
    converter: BaseConverter | None = getattr(rule, "converters", {}).get(name)
    if converter is None:  # a rule of another class
        arguments, keywords = parse_converter_args(token["arguments"] or "")
        return rule.get_converter(name, token["converter"] or "default", arguments, keywords)
    return converter


def conversion(converter: BaseConverter) -> Callable[[str], Any] | None:
    """Return what turns a text into a value; None where the text is the value.

    :param converter: The converter of the variable.
    """
    if type(converter).to_python is BaseConverter.to_python:
        return None
    if isinstance(converter, (IntegerConverter, FloatConverter)) and (
        type(converter) in (IntegerConverter, FloatConverter)
        and not converter.fixed_digits
        and converter.min is None
        and converter.max is None
    ):
        number: type = int if isinstance(converter, IntegerConverter) else float
        return number
    return converter.to_python
