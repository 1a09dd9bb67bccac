"""Brings cases and peers together: first check every pair, then time case by case."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from benchmarks.cases import Case
from benchmarks.check import AnswerError, Subject, verify
from benchmarks.measure import CaseResult, Settings, measure
from benchmarks.peers import Peer, load_all

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    Factories = Mapping[str, Mapping[str, Callable[[], WSGIApplication]]]


def run(cases: Sequence[Case], peers: Sequence[Peer], settings: Settings) -> list[CaseResult]:
    factories = load_all(peers)
    _check(cases, factories)
    results = []
    for case in cases:
        print(f"timing {case.name} ...", file=sys.stderr)
        results.append(measure(case, _subjects(case, factories), settings))
    return results


def _check(cases: Sequence[Case], factories: Factories) -> None:
    """Name every wrong answer at once rather than one a run."""
    faults = []
    for case in cases:
        for peer in factories:
            try:
                _subjects(case, {peer: factories[peer]})
            except AnswerError as error:
                faults.append(str(error))
    if faults:
        raise AnswerError("\n".join(["the peers do not answer alike", *faults]))


def _subjects(case: Case, factories: Factories) -> dict[str, Subject]:
    # Built anew for each case: the applications of all other cases would only
    # give the garbage collector more to walk through while this one is timed.
    return {
        peer: verify(peer, case, apps[case.name]())
        for peer, apps in factories.items()
        if case.name in apps
    }
