"""Brings cases and peers together: first check every pair, then time case by case."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from benchmarks.cases import Case
from benchmarks.check import AnswerError, Subject, verify
from benchmarks.measure import CaseResult, Settings, measure
from benchmarks.peers import Peer, load_all

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def run(cases: Sequence[Case], peers: Sequence[Peer], settings: Settings) -> list[CaseResult]:
    load_all(peers)
    _alone(check, cases, peers)
    results = []
    for case in cases:
        print(f"timing {case.name} ...", file=sys.stderr)
        results.append(_alone(time, case, peers, settings))
    return results


def check(cases: Sequence[Case], peers: Sequence[Peer]) -> None:
    """Name every wrong answer at once rather than one a run."""
    faults = []
    for case in cases:
        for peer in peers:
            try:
                _subjects(case, [peer])
            except AnswerError as error:
                faults.append(str(error))
    if faults:
        raise AnswerError("\n".join(["the peers do not answer alike", *faults]))


def time(case: Case, peers: Sequence[Peer], settings: Settings) -> CaseResult:
    return measure(case, _subjects(case, peers), settings)


def _alone(
    function: Callable[Arguments, Result], *arguments: Arguments.args, **keywords: Arguments.kwargs
) -> Result:
    """Call *function* in a process of its own.

    The threads, receivers and caches that the applications of one case leave behind are no
    burden to those of the next one.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments, **keywords).result()


def _subjects(case: Case, peers: Sequence[Peer]) -> dict[str, Subject]:
    return {
        peer: verify(peer, case, apps[case.name]())
        for peer, apps in load_all(peers).items()
        if case.name in apps
    }
