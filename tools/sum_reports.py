"""One closing line over JUnit reports: sum_reports.py FOLDER SECONDS FAILED. Ends with status 1 when anything failed."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

COUNTED = ("failed", "passed", "skipped", "errors")


def count(folder: Path) -> dict[str, int]:
    """Test cases by outcome over every report in a folder."""
    total = dict.fromkeys(COUNTED, 0)
    for report in sorted(folder.glob("*.xml")):
        for case in ElementTree.parse(report).iter("testcase"):
            tags = {child.tag for child in case}
            outcome = "errors" if "error" in tags else "failed" if "failure" in tags else "skipped" if "skipped" in tags else "passed"
            total[outcome] += 1
    return total


def closing_line(total: dict[str, int], seconds: int) -> str:
    """The counts in pytest's words.

    >>> closing_line({"failed": 0, "passed": 3, "skipped": 1, "errors": 0}, 9)
    '===== 3 passed, 1 skipped in 9.00s ====='
    """
    words = ", ".join(f"{total[name]} {name}" for name in COUNTED if total[name])
    return f"===== {words or 'no tests ran'} in {seconds:.2f}s ====="


def main() -> int:
    folder, seconds, failed = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] != "0"
    total = count(folder)
    broken = failed or total["failed"] or total["errors"] or not total["passed"]
    if failed and not (total["failed"] or total["errors"]):
        print("A part of the tests ended with a failure that no report names; see the text above.")
    print(closing_line(total, seconds))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
