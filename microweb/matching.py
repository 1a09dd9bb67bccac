"""The matcher in front of Werkzeug's map: a tree of URL segments that is walked along the path.

It is compiled from the public attributes of the rules and answers what it is sure of; the rest
it leaves to the map. What a match costs follows the length of the path, not the number of rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from operator import itemgetter
from threading import RLock
from typing import Any, Generic, TypeAlias, TypeVar

from werkzeug.routing import AnyConverter, Map, Rule

from .routing import Rest, URLMap
from .segments import GROUP, Key, Named, Part, conversion, read

T = TypeVar("T")


class Unsure(Enum):
    """The answer of a matcher that leaves a path to Werkzeug."""

    UNSURE = "unsure"


UNSURE = Unsure.UNSURE

#: Whether a text can be the value of a variable; None: every text can, except an empty one.
_Test: TypeAlias = Callable[[str], Any] | None

#: A variable at the end of a rule: its name, and what turns its text into a value; None: nothing.
_Written: TypeAlias = tuple[str, Callable[[str], Any] | None]
#: Where a rule ends: what is found there, its variables, and its defaults.
_End: TypeAlias = tuple[T, tuple[_Written, ...], dict[str, Any] | None]
_Ends: TypeAlias = dict[str, _End[T] | Unsure]


class Matcher(Generic[T]):
    """Finds what belongs to a path and a method, or leaves it to Werkzeug.

    Alternatives are tried in Werkzeug's order: static segments first, then those with variables by
    weight, then by the order of registration. A node of the tree is made when a path first gets
    there, so that an application with many rules need not wait for all of them to start.

    :param url_map: The map to compile; the matcher does not see what is added to it later.
    :param target: Returns what to find for a rule and a method; called when the node is made that
        the rule ends at.

    .. code-block:: python

        matcher = Matcher(app.url_map, lambda rule, method: rule)
        matcher.match("/users/7", "GET")  # (<URLRule '/users/<id>' …>, {'id': 7})
    """

    def __init__(self, url_map: Map, target: Callable[[Rule, str], T]) -> None:
        self._target = target
        #: What is found for a whole path without variables, by method, once it was asked for.
        self._static: dict[str, dict[str, T]] = {}
        # Above the first slash, where a path splits off an empty text.
        self._root: _Node[T] = _Node()
        self._making = RLock()
        # The rules of each endpoint that has one with defaults, from which Werkzeug redirects.
        self._defaulting: dict[Any, list[Rule]] = {}
        #: Whether the tree holds all rules, so that what it does not find is not there.
        self._complete = (
            isinstance(url_map, URLMap) and not url_map.host_matching and url_map.is_plain
        )
        if isinstance(url_map, URLMap) and self._complete:
            for rule in url_map.with_defaults:
                self._defaulting.setdefault(rule.endpoint, []).append(rule)
            starts: Any = url_map.by_start.copy()
            self._root.static = {"": self._make(starts.pop(None, ()), starts)}

    def match(self, path: str, method: str) -> tuple[T, dict[str, Any]] | Unsure | None:
        """Return what was found and the values, None for a 404, or `UNSURE`: ask Werkzeug.

        :param path: The decoded path.
        :param method: The method, in upper case.
        """
        targets = self._static.get(path)
        if targets is not None:
            target = targets.get(method)
            if target is not None:
                return target, {}
        # Straight on, as far as there is no choice: the first way that Werkzeug would try. What
        # stops here is searched for once more, with all the ways there are (4 µs).
        end: _End[T] | Unsure | None = None
        texts: list[str] = []
        node = self._root
        for part in path.split("/"):
            child = node.static.get(part)
            if child is None:
                if node.lone is None or not part:
                    break
                test, child = node.lone
                if test is not None and not test(part):
                    break
                texts.append(part)
            node = child
        else:
            end = node.ends.get(method)
        if end is None:
            texts = []
            end = self._search(path, method, texts)
        if end is None or end is UNSURE:
            return end
        target, variables, defaults = end
        values: dict[str, Any] = {}
        position = 0  # a zip() takes 0.1 µs longer
        try:
            for name, convert in variables:
                text = texts[position]
                values[name] = text if convert is None else convert(text)
                position += 1
        except ValueError:  # Werkzeug says what this means: a ValidationError is a 404
            return UNSURE
        if defaults is not None:
            values.update(defaults)
        return target, values

    # --- search

    def _search(self, path: str, method: str, texts: list[str]) -> _End[T] | Unsure | None:
        if not self._complete or path[:1] != "/" or "//" in path:
            return UNSURE
        try:
            end = self._find(self._root, path.split("/"), 0, method, texts)
        except re.error:  # of a converter's expression
            return UNSURE
        if isinstance(end, tuple) and not end[1] and end[2] is None:
            # As many paths as there are rules without variables, with and without a last slash.
            self._static.setdefault(path, {})[method] = end[0]
        return end

    def _find(
        self, node: _Node[T], parts: list[str], position: int, method: str, texts: list[str]
    ) -> _End[T] | Unsure | None:
        """Walk on from a node; `texts` collects those of the variables on the way."""
        if position == len(parts):
            # With other methods than this one it is a 405, unless another way leads to a rule.
            return node.ends.get(method, UNSURE) if node.ends else None
        part = parts[position]
        child = node.static.get(part)
        if child is not None:
            if child is _UNMADE:
                child = self._child(node, part)
            end = self._find(child, parts, position + 1, method, texts)
            if end is not None:
                return end
        if node.variables:
            end = self._find_variable(node, parts, position, method, texts)
            if end is not None:
                return end
        if not part and node.lenient and position + 1 == len(parts):
            return node.lenient.get(method, UNSURE)
        return None

    def _find_variable(
        self, node: _Node[T], parts: list[str], position: int, method: str, texts: list[str]
    ) -> _End[T] | Unsure | None:
        part = parts[position]
        rest = part if position + 1 == len(parts) else "/".join(parts[position:])
        size = len(texts)
        for variable in node.candidates(part, rest):
            following = variable.node or self._behind(node, variable)
            text = rest if variable.final else part
            found: Any = text if variable.test is None else variable.test(text)
            if not found:
                continue
            if variable.groups:
                texts += [found[group] for group in variable.groups]
            else:
                texts.append(text)
            after = len(parts) if variable.final else position + 1
            if variable.suffixed and text.endswith("/"):
                after -= 1
            end = self._find(following, parts, after, method, texts)
            if end is not None:
                return end
            del texts[size:]
        return None

    # --- make

    def _child(self, node: _Node[T], part: str) -> _Node[T]:
        with self._making:
            child = node.static[part]
            if child is _UNMADE:
                # Only then forgotten: what fails is to fail again for the next request.
                child = node.static[part] = self._make(node.unmade[part])
                del node.unmade[part]
        return child

    def _behind(self, node: _Node[T], variable: _Variable[T]) -> _Node[T]:
        with self._making:
            if variable.node is None:
                variable.test = variable.make_test()
                variable.node = self._make(variable.unmade)
                variable.unmade = []
                if len(node.variables) == 1 and variable.whole and not variable.final:
                    node.lone = variable.test, variable.node
        return variable.node

    def _make(self, rests: Iterable[Rest], unmade: dict[str, list[Rest]] | None = None) -> _Node[T]:
        """Make a node, with what goes on from there one segment further.

        :param unmade: What goes on with a text, by that, where this is known already.
        """
        ending: list[Rest] = []
        unmade = {} if unmade is None else unmade
        variables: dict[Key, _Variable[T]] = {}
        for rest in rests:
            rule, text, named = rest
            if text is None:
                ending.append(rest)
                continue
            segment, slash, following = text.partition("/")
            if "<" not in segment:
                further = rule, following if slash else None, named
                known = unmade.get(segment)
                if known is None:
                    unmade[segment] = [further]
                else:
                    known.append(further)
                continue
            part = read(rule, text, segment)
            variable = variables.get(part.key)
            if variable is None:
                variable = variables[part.key] = _Variable(part)
            variable.unmade.append((rule, part.rest, named + part.named))
        node: _Node[T] = _Node()
        if unmade:
            node.static, node.unmade = dict.fromkeys(unmade, _UNMADE), unmade
        if variables:
            node.set_variables(sorted(variables.values(), key=lambda variable: variable.key[3]))
        ends: _Ends[T] = {}
        self._end(ends, ending)
        # A rule that does not insist on its slash, or on its absence, ends on both sides of it.
        slashed = [rest for rest in unmade.get("", ()) if rest[1] is None]
        self._end(ends, slashed, strictly=True)
        if ends:
            node.ends = ends
        lenient = [rest for rest in ending if not rest[0].strict_slashes]
        if lenient:
            node.lenient = {}
            self._end(node.lenient, lenient)
        return node

    def _end(self, ends: _Ends[T], rests: Iterable[Rest], strictly: bool = False) -> None:
        """Let rules end at a node; of two for the same method the first one counts."""
        for rule, _, named in rests:
            if "*" in ends:
                return
            if rule.methods is None:  # whatever the method is, it comes before those behind it
                ends["*"] = UNSURE
                return
            # Werkzeug redirects: to the path with its slash, or to another rule.
            unsure = (strictly and rule.strict_slashes) or self._redirects(rule)
            for method in rule.methods:
                if method not in ends:
                    ends[method] = UNSURE if unsure else self._found(rule, method, named)

    def _redirects(self, rule: Rule) -> bool:
        return bool(
            rule.alias
            or rule.redirect_to is not None
            or any(
                other is not rule and other.arguments == rule.arguments
                for other in self._defaulting.get(rule.endpoint, ())
            )
        )

    def _found(self, rule: Rule, method: str, named: tuple[Named, ...]) -> _End[T]:
        return (
            self._target(rule, method),
            tuple((name, conversion(converter)) for name, converter in named),
            dict(rule.defaults) if rule.defaults else None,
        )


#: Nothing is ever put into it.
_NOTHING: dict[Any, Any] = {}


class _Node(Generic[T]):
    """A position between two segments: where the walk can go from here, and what ends here."""

    __slots__ = ("ends", "index", "lenient", "lone", "static", "unmade", "variables")

    def __init__(self) -> None:
        # Most nodes have only one of these; what is empty is shared, for the memory, and to be read
        # from where the processor has it at hand.
        self.static: dict[str, _Node[T]] = _NOTHING
        #: The rules behind the static segments that no path has got to so far.
        self.unmade: dict[str, list[Rest]] = _NOTHING
        self.variables: Sequence[_Variable[T]] = ()
        self.index: _Index[T] | None = None
        #: The only segment that is no text, where it is one variable and nothing else.
        self.lone: tuple[_Test, _Node[T]] | None = None
        #: What ends here, by method; "*" where a rule for any method does.
        self.ends: _Ends[T] = _NOTHING
        #: What ends here although a slash follows.
        self.lenient: _Ends[T] = _NOTHING

    def set_variables(self, variables: list[_Variable[T]]) -> None:
        self.variables = variables
        if len(variables) > _FEW:
            self.index = _Index(variables)

    def candidates(self, part: str, rest: str) -> Sequence[_Variable[T]]:
        """Return the variables to try, in their order."""
        return self.variables if self.index is None else self.index.candidates(part, rest)


#: Stands for each child that no path has got to: nothing goes on from it, and nothing ends there.
_UNMADE: _Node[Any] = _Node()

#: As many variables at one place are tried one after the other.
_FEW = 4


class _Variable(Generic[T]):
    """The way from a node over a segment with variables."""

    __slots__ = (
        *("converter", "final", "groups", "head", "key", "node", "suffixed", "tail", "test"),
        *("unmade", "whole"),
    )

    def __init__(self, part: Part) -> None:
        self.key = part.key
        self.whole = part.whole
        self.final = part.key[1]
        self.suffixed = part.key[2]
        self.head, self.tail = part.head, part.tail
        self.converter = part.named[0][1]
        #: The names of the groups with the texts; none where the whole segment is the text.
        self.groups: tuple[str, ...] = ()
        if not part.whole:
            self.groups = tuple(map(GROUP.format, range(len(part.named))))
        self.test: _Test = None
        #: The rules behind it, until a path gets there.
        self.unmade: list[Rest] = []
        self.node: _Node[T] | None = None

    def make_test(self) -> _Test:
        """Return a test for the texts that the expression matches."""
        if self.whole and not self.final:
            if self.converter.regex in ("[^/]{1,}", "[^/]+"):
                return None
            if self.converter.regex == r"\d+":
                return str.isdecimal  # the same: \d is the Unicode category Nd
        return re.compile(self.key[0]).match


class _Index(Generic[T]):
    """Finds those of many variables that a text may belong to, by the text around them.

    Those that differ only by what stands between two variables are all tried.
    """

    def __init__(self, variables: Iterable[_Variable[T]]) -> None:
        self._any: list[tuple[int, _Variable[T]]] = []
        self._whole: dict[str, list[tuple[int, _Variable[T]]]] = {}
        self._heads: dict[str, list[tuple[int, _Variable[T]]]] = {}
        self._tails: dict[str, list[tuple[int, _Variable[T]]]] = {}
        #: The tails of those that take all that follows.
        self._final_tails: dict[str, list[tuple[int, _Variable[T]]]] = {}
        for entry in enumerate(variables):
            self._add(entry)
        self._head_lengths = set(map(len, self._heads))
        self._tail_lengths = set(map(len, self._tails))
        self._final_lengths = set(map(len, self._final_tails))

    def _add(self, entry: tuple[int, _Variable[T]]) -> None:
        variable = entry[1]
        if variable.whole and type(variable.converter) is AnyConverter:
            for text in variable.converter.items:
                self._whole.setdefault(text, []).append(entry)
        elif variable.head:
            self._heads.setdefault(variable.head, []).append(entry)
        elif variable.tail:
            tails = self._final_tails if variable.final else self._tails
            tails.setdefault(variable.tail, []).append(entry)
        else:
            self._any.append(entry)

    def candidates(self, part: str, rest: str) -> list[_Variable[T]]:
        """Return the variables to try for a segment, and for that with all that follows it."""
        found = [*self._any, *self._whole.get(part, ())]
        for length in self._head_lengths:
            found += self._heads.get(part[:length], ())
        for length in self._tail_lengths:
            found += self._tails.get(part[-length:], ())
        for length in self._final_lengths:
            found += self._final_tails.get(rest[-length:], ())
        found.sort(key=itemgetter(0))
        return [variable for _, variable in found]
