"""A smoke run of the benchmarks, and the shape of what it leaves behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any
from xml.etree import ElementTree

import pytest

for package in ("flask", "asgiref", "falcon", "bottle", "wheezy", "pyramid", "pyramid_jinja2"):
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install -e '.[dev]'", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[1]
PEERS = ["microweb", "flask", "falcon", "bottle", "wheezy", "pyramid", "bare"]
TITLES = ["microweb", "Flask", "Falcon", "Bottle", "wheezy.web", "Pyramid", "bare WSGI"]
SPREAD = {"median", "lower_quartile", "upper_quartile", "minimum", "maximum"}
TIMING = {"calls_per_sample", "samples_us", "us"}
ROUNDS = 2
SVG = "{http://www.w3.org/2000/svg}"


def run_benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@dataclass(frozen=True)
class Run:
    output: str
    document: dict[str, Any]
    chart: ElementTree.Element
    case_charts: Mapping[str, ElementTree.Element]

    def case(self, name: str) -> dict[str, Any]:
        return next(case for case in self.document["cases"] if case["name"] == name)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("benchmarks")
    # The folders are not there yet: writing results has to create them.
    results, chart = folder / "new" / "results.json", folder / "new" / "chart.svg"
    finished = run_benchmarks(
        "--quick",
        f"--rounds={ROUNDS}",
        "--cases=session,hello",
        f"--json={results}",
        f"--chart={chart}",
    )
    assert finished.returncode == 0, finished.stderr
    document = json.loads(results.read_text(encoding="utf-8"))
    assert "Traceback" not in finished.stderr
    assert "Warning" not in finished.stderr
    case_charts = {
        path.stem: ElementTree.parse(path).getroot() for path in chart.with_suffix("").glob("*.svg")
    }
    return Run(finished.stdout, document, ElementTree.parse(chart).getroot(), case_charts)


def test_document_describes_the_run(run: Run) -> None:
    document = run.document
    assert set(document) == {
        "schema",
        "created",
        "python",
        "platform",
        "packages",
        "compiled_modules",
        "settings",
        "cases",
        "geometric_means",
        "geometric_means_shared_by_all",
    }
    assert document["schema"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", document["created"])
    assert set(document["python"]) == {"version", "implementation", "compiler"}
    assert set(document["platform"]) == {"system", "machine", "processor", "cpus"}
    assert {"microweb", "flask", "falcon", "bottle", "wheezy.web", "pyramid"} <= set(
        document["packages"]
    )
    assert document["settings"] == {
        "rounds": ROUNDS,
        "sample_seconds": 0.001,
        "baseline": "microweb",
        "peers": PEERS,
    }


def test_cases_keep_their_order_and_hold_every_sample(run: Run) -> None:
    assert [case["name"] for case in run.document["cases"]] == ["hello", "session"]
    for case in run.document["cases"]:
        assert set(case) == {"name", "title", "overhead", "peers", "not_applicable"}
        assert_timing(case["overhead"])
        for entry in case["peers"].values():
            assert set(entry) == {*TIMING, "ratio"}
            assert_timing({key: entry[key] for key in TIMING})


def assert_timing(entry: Mapping[str, Any]) -> None:
    assert set(entry) == TIMING
    assert entry["calls_per_sample"] >= 1
    assert len(entry["samples_us"]) == ROUNDS
    assert min(entry["samples_us"]) > 0
    assert_spread(entry["us"], entry["samples_us"])


def assert_spread(spread: Mapping[str, float], values: list[float]) -> None:
    assert set(spread) == SPREAD
    assert spread["median"] == pytest.approx(median(values))
    assert spread["minimum"] == min(values)
    assert spread["maximum"] == max(values)
    assert spread["lower_quartile"] <= spread["median"] <= spread["upper_quartile"]


def test_ratios_compare_the_samples_of_one_round(run: Run) -> None:
    for case in run.document["cases"]:
        baseline = case["peers"]["microweb"]["samples_us"]
        for entry in case["peers"].values():
            ratios = [entry["samples_us"][n] / baseline[n] for n in range(ROUNDS)]
            assert_spread(entry["ratio"], ratios)


def test_peers_without_the_feature_are_not_applicable(run: Run) -> None:
    assert list(run.case("hello")["peers"]) == PEERS
    assert run.case("hello")["not_applicable"] == []
    assert list(run.case("session")["peers"]) == [
        "microweb",
        "flask",
        "bottle",
        "wheezy",
        "pyramid",
    ]
    assert run.case("session")["not_applicable"] == ["falcon", "bare"]


def test_geometric_means_name_the_cases_they_are_made_of(run: Run) -> None:
    means = run.document["geometric_means"]
    assert list(means) == PEERS
    assert means["microweb"] == {"ratio": 1.0, "cases": ["hello", "session"]}
    assert means["falcon"]["cases"] == ["hello"]
    medians = [case["peers"]["flask"]["ratio"]["median"] for case in run.document["cases"]]
    assert means["flask"]["ratio"] == pytest.approx(geometric_mean(medians))
    shared = run.document["geometric_means_shared_by_all"]
    assert list(shared) == PEERS
    assert all(mean["cases"] == ["hello"] for mean in shared.values())


def test_tables_have_a_row_for_each_case_and_mean(run: Run) -> None:
    rows = [line.split("|")[1:-1] for line in run.output.splitlines() if line.startswith("|")]
    assert [row[0].strip() for row in rows if not row[0].startswith(" -")] == [
        "case",
        "hello",
        "session",
        "case",
        "hello",
        "session",
        "geometric mean, own cases",
        "geometric mean, cases of all",
        "the same, less overhead",
    ]
    assert {len(row) for row in rows} == {len(PEERS) + 2, len(PEERS)}


def test_chart_shows_every_peer(run: Run) -> None:
    assert run.chart.tag == f"{SVG}svg"
    assert len(marks(run.chart, "rect", "key")) == len(PEERS)
    # The mean and the hello case have all peers, the session case lacks two.
    assert len(marks(run.chart, "rect", "bar")) == 2 * len(PEERS) + 5
    # A mean has no quartiles.
    assert len(marks(run.chart, "line", "spread")) == len(PEERS) + 5
    assert texts(run.chart, "legend") == TITLES
    assert texts(run.chart, "group") == ["geometric mean", "hello", "session"]
    assert [text for text in texts(run.chart, "value") if text.endswith("n/a")] == [
        "Falcon n/a",
        "bare WSGI n/a",
    ]


def test_bars_are_as_long_as_the_ratios_are_large(run: Run) -> None:
    widths = [float(bar.get("width", "")) for bar in marks(run.chart, "rect", "bar")]
    hello = widths[len(PEERS) : 2 * len(PEERS)]
    ratios = [entry["ratio"]["median"] for entry in run.case("hello")["peers"].values()]
    unit = max(hello) / max(ratios)
    assert hello == pytest.approx([ratio * unit for ratio in ratios], abs=0.2)


def marks(chart: ElementTree.Element, tag: str, kind: str) -> list[ElementTree.Element]:
    return chart.findall(f".//{SVG}{tag}[@class='{kind}']")


def texts(chart: ElementTree.Element, kind: str) -> list[str]:
    return [element.text or "" for element in marks(chart, "text", kind)]


def test_each_case_has_a_chart_of_its_own(run: Run) -> None:
    assert set(run.case_charts) == {"hello", "session"}
    chart = run.case_charts["session"]
    assert texts(chart, "title") == ["session: time per request as a multiple of microweb's"]
    assert len(marks(chart, "rect", "bar")) == 5


def test_the_smallest_answer_is_set_beside_a_bare_function(run: Run) -> None:
    assert re.search(r"`hello`: microweb takes \d+\.\d\d \(.+\) times as long as", run.output)


def test_all_peers_answer_alike_in_all_cases() -> None:
    finished = run_benchmarks("--check")
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--cases=hello,nonsense", "unknown: nonsense (choose from hello, json,"),
        ("--peers=django", "unknown: django (choose from microweb, flask,"),
        ("--rounds=0", "0 is not positive"),
    ],
)
def test_bad_options_are_explained(argument: str, message: str) -> None:
    finished = run_benchmarks("--quick", argument)
    assert finished.returncode == 2
    assert message in finished.stderr


def test_a_wrong_answer_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    cases, check = import_module("benchmarks.cases"), import_module("benchmarks.check")
    bare = import_module("benchmarks.apps.bare")
    hello, json_case = cases.CASES[:2]
    assert check.verify("bare", hello, bare.hello).status == 200
    with pytest.raises(check.AnswerError, match="expected body b'Hello, World!', got b'dark'"):
        check.verify("bare", hello, lambda environ, start: bare.send(start, "200 OK", "dark"))
    with pytest.raises(check.AnswerError, match="bare, case json:\n  expected application/json"):
        check.verify("bare", json_case, bare.hello)


def test_a_missing_peer_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    peers = import_module("benchmarks.peers")
    monkeypatch.setitem(sys.modules, "falcon", None)
    monkeypatch.delitem(sys.modules, "benchmarks.apps.falcon_app", raising=False)
    with pytest.raises(peers.MissingPeersError, match=r"not installed: falcon\. .*'\.\[dev\]'"):
        peers.load_all(peers.PEERS[:3])


def test_microweb_and_flask_applications_differ_in_names_only() -> None:
    microweb, flask = (
        (ROOT / "benchmarks" / "apps" / f"{name}_app.py").read_text(encoding="utf-8")
        for name in ("microweb", "flask")
    )
    assert own_functions(microweb) == own_functions(re.sub(r"\bFlask\b", "App", flask))


def own_functions(source: str) -> list[str]:
    """All from the first case on, but background tasks, which Flask does not have."""
    # The import blocks are sorted by name and so differ in order.
    parts = source[source.index("\ndef hello") :].split("\n\n\n")
    return [part for part in parts if not part.startswith("def background")]


def test_the_readme_lists_every_case() -> None:
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    section = readme[readme.index("## What is measured") : readme.index("## Reading the output")]
    listed = re.findall(r"^\| `(\w+)` +\|", section, re.MULTILINE)
    source = (ROOT / "benchmarks" / "cases.py").read_text(encoding="utf-8")
    assert listed == re.findall(r'^    Case\(\s*"(\w+)"', source, re.MULTILINE)


VALGRIND = """\
#!{python}
import os, pathlib, subprocess, sys

folder = pathlib.Path(sys.argv[4].partition("=")[2]).parent
assert os.environ["PYTHONHASHSEED"] == "0"
command = sys.argv[5:]
finished = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
print(finished.stdout, end="")
for line in finished.stdout.splitlines():
    (folder / (line.split()[1] + ".2")).write_text("summary: 1\\n\\ntotals: 9000\\n")
"""


def test_instructions_are_those_of_one_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    valgrind = tmp_path / "valgrind"
    valgrind.write_text(VALGRIND.format(python=sys.executable), encoding="utf-8")
    valgrind.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    finished = run_benchmarks(
        "--instructions",
        "--cases=hello,session",
        "--peers=bare",
        f"--json={tmp_path / 'results.json'}",
    )
    assert finished.returncode == 0, finished.stderr
    document = json.loads((tmp_path / "instructions.json").read_text(encoding="utf-8"))
    assert document["instructions"] == {
        "hello": {"microweb": 45.0, "bare": 45.0, "overhead": 45.0},
        "session": {"microweb": 45.0, "overhead": 45.0},
    }
    assert "| session                      |       45 |       n/a |       45 |" in finished.stdout


def test_without_valgrind_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    finished = run_benchmarks("--instructions", "--cases=hello")
    assert finished.returncode == 1
    assert "apt-get install valgrind" in finished.stderr
