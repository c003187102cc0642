"""The benches run: nobody looks at their figures here, but nobody finds them broken when they are wanted either."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.__main__ import PARTS, WHOLE, main

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("agent", r"^ +20 x 50 +\d+% +\d+\.\d+ +\d+\.\d+ +(\d+\.\d+) "),
        ("latency", r"^4 x 50, readings +\d+ +(\d+\.\d) "),
        ("rules", r"^4 x 50, alarms of T1 +\d+ +(\d+\.\d) "),
        ("panel", r"^ +50 +(\d+\.\d+) +\d+\.\d+ "),
        ("serial", r"^ +rtu +9600 +(\d+\.\d)% +\d+\.\d% "),
    ],
)
def test_the_quick_version_prints_figures(name: str, wanted: str) -> None:
    """`--quick` runs the real processes for a few seconds and ends with a row of figures that are not nothing."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", name, "--quick"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    found = re.search(wanted, done.stdout, re.MULTILINE)
    assert done.returncode == 0, done.stderr
    assert found, done.stdout
    assert float(found[1]) > 0


def test_every_bench_has_a_name() -> None:
    """Whatever is called bench_… here is run by ``make bench``."""
    files = {path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py")}

    assert files == {*WHOLE, *PARTS}


def test_a_bench_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt name is a usage error, not a run of everything."""
    assert main(["agnet"]) == 2
    assert "agnet" in capsys.readouterr().err
