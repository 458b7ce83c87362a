"""Sums up what llvm-cov exports, without the tests that stand in the sources: see coverage.sh."""

import json
import pathlib
import re
import sys
from collections import defaultdict

ROOT = pathlib.Path.cwd()
AREAS = ["src", "crates/rollback/src", "crates/feed/src", "crates/failover/src"]


def tests_start(text):
    """The line from which a file holds only its tests."""
    found = re.search(r"^#\[cfg\(.*\btest\b.*\)\]\n(#\[.*\]\n)*(pub\(crate\) )?mod \w+ \{$", text, re.MULTILINE)
    return text.count("\n", 0, found.start() if found else None) + 1


def is_test(path):
    return path.name == "tests.rs" or "tests" in path.parts


class Sources:
    def __init__(self):
        self.known = {}

    def find(self, name):
        """The path in the repository and its text, or None for what does not count."""
        if name not in self.known:
            path = pathlib.Path(name)
            path = path.relative_to(ROOT) if path.is_absolute() and path.is_relative_to(ROOT) else path
            counts = any(str(path).startswith(area + "/") for area in AREAS) and not is_test(path)
            text = (ROOT / path).read_text() if counts else ""
            self.known[name] = (str(path), text, tests_start(text)) if counts else None
        return self.known[name]


def main():
    lcov, exported, *options = sys.argv[1:]
    sources = Sources()
    # By file: how often each line and each region ran, whatever it was instantiated with.
    lines, regions = defaultdict(lambda: defaultdict(int)), defaultdict(lambda: defaultdict(int))
    source = None
    for entry in open(lcov):
        kind, _, rest = entry.strip().partition(":")
        if kind == "SF":
            source = sources.find(rest)
        elif kind == "DA" and source:
            number, count = map(int, rest.split(",")[:2])
            if number < source[2]:
                lines[source[0]][number] += count
    for function in json.load(open(exported))["data"][0]["functions"]:
        for region in function["regions"]:
            *span, count, file, _, kind = region
            source = sources.find(function["filenames"][file])
            if source and kind == 0 and span[0] < source[2]:
                regions[source[0]][tuple(span)] += count
    print("| | lines | run, % | regions | run, % |\n|---|---|---|---|---|")
    for area in AREAS:
        figures = []
        for counted in (lines, regions):
            counts = [n for name, file in counted.items() if name.startswith(area + "/") for n in file.values()]
            figures += [f"{len(counts):,}", f"{100 * sum(n > 0 for n in counts) / max(len(counts), 1):.2f}"]
        print(f"| `{area}` | " + " | ".join(figures) + " |")
    if "--list" in options:
        for name in sorted(regions):
            text = (ROOT / name).read_text().splitlines()
            missed = sorted({span[0] for span, count in regions[name].items() if count == 0})
            for line in missed:
                print(f"{name}:{line}: {text[line - 1].strip()}")


main()
