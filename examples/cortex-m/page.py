"""Compares the table of docs/guide/microcontroller.md with what the run printed, on standard input; with --write, writes it.

The size of a session is the same everywhere. Stack and flash may differ by a twentieth: compilers differ, and so do the paths of
sources that some texts contain.
"""

import pathlib
import re
import sys

PAGE = pathlib.Path(__file__).parents[2] / "docs/guide/microcontroller.md"
# What the run prints, what the page calls it, and by how much the two may differ.
ROWS = [
    (r"a session (\d+) bytes", "a session with one peer, inputs of 4 bytes and a window of 32 frames", 0),
    (r"stack (\d+) bytes", "stack of the program, the buffer of 1,024 bytes included", 1 / 20),
    (r"flash: (\d+) bytes", "flash of the program, of which printing is a part", 1 / 20),
]


def main():
    printed = sys.stdin.read()
    page = PAGE.read_text()
    wrong = []
    for pattern, name, tolerance in ROWS:
        found = re.search(pattern, printed)
        row = re.search(rf"^\| {re.escape(name)} \| ([\d,]+) \|$", page, re.M)
        if not found or not row:
            sys.exit(f"cortex-m: FAILED, no {pattern!r} was printed, or the page has no row {name!r}")
        now, then = int(found[1]), int(row[1].replace(",", ""))
        if abs(now - then) > tolerance * now:
            wrong.append(f"{name}: {now:,} bytes, and the page says {then:,}")
        page = page[: row.start(1)] + f"{now:,}" + page[row.end(1) :]
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page)
    elif wrong:
        sys.exit("cortex-m: FAILED, run.sh --write puts these right:\n" + "\n".join(wrong))


main()
