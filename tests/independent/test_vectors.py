"""The test vectors of the wire format: made again, judged by our verifier and by one in another language."""

from __future__ import annotations

import json
import math
import shutil
import struct
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agent.record import PublicKey, RecordError, canonical
from agent.verify.verdict import Verdict
from agent.verify.verifier import Verifier
from tests.independent.make_vectors import CASES, FOLDER, files

SCRIPT = Path(__file__).with_name("verify.mjs")
PATHS = sorted(FOLDER.glob("*.txt"))


@dataclass(frozen=True)
class Vector:
    """One file of docs/vectors."""

    header: list[tuple[str, str]]
    lines: list[bytes]

    @property
    def keys(self) -> list[PublicKey]:
        """The enrolled keys."""
        return [PublicKey.from_jwk(json.loads(value)) for name, value in self.header if name == "key"]

    def expected(self) -> dict[str, Any]:
        """Return what a verifier must say."""
        said = dict(self.header)
        words = [] if said["expect"] == "clean" else said["expect"].split(", ")
        return {"verdicts": words, "records": int(said["records"]), "duplicates": int(said["duplicates"])}


def opened(path: Path) -> Vector:
    """Read a vector as docs/vectors/README.md describes it."""
    head, _, body = path.read_bytes().partition(b"\n\n")
    rows = (row.partition(": ") for row in head.decode().split("\n"))
    return Vector([(name, value) for name, _, value in rows], body.split(b"\n")[:-1])


@cache
def node(*arguments: str) -> Any:
    """Run the independent verifier."""
    program = shutil.which("node")
    assert program, "node is needed (Debian package nodejs)"
    done = subprocess.run([program, str(SCRIPT), *arguments], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_what_is_committed_is_what_the_generator_makes() -> None:
    """Nobody edits a vector by hand, and nothing random is in one."""
    made = dict(files())

    assert {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.name != "README.md"} == made


def test_every_verdict_word_has_a_vector() -> None:
    """A re-implementer meets every word at least once."""
    words = {word for path in PATHS for word in opened(path).expected()["verdicts"]}

    assert words == {word.value for word in Verdict}


@pytest.mark.parametrize("name", CASES)
def test_our_verifier_gives_the_expected_verdict(name: str) -> None:
    """Verdict words and counts are those in the vector's header."""
    vector = opened(FOLDER / f"{name}.txt")
    verifier = Verifier(vector.keys)
    for line in vector.lines:
        verifier.feed(line)
    report = verifier.report()

    assert {
        "verdicts": sorted(report.counts),
        "records": report.records,
        "duplicates": report.duplicates,
    } == vector.expected()


@pytest.mark.parametrize("way", ["bytes", "parsed"])
@pytest.mark.parametrize("name", CASES)
def test_a_verifier_in_another_language_agrees(name: str, way: str) -> None:
    """The page alone is enough, both over the raw bytes and after parsing and writing canonically again."""
    path = FOLDER / f"{name}.txt"
    verdict = {**node(way, *map(str, PATHS))[str(path)]}
    del verdict["exact"]

    assert verdict == opened(path).expected()


def test_the_two_ways_of_the_other_verifier_are_two() -> None:
    """Published bytes verify without being written again; copies cannot."""
    names = {name: str(FOLDER / f"{name}.txt") for name in ("clean", "as-subscribed", "reserialised")}
    by_bytes, by_parsing = node("bytes", *map(str, PATHS)), node("parsed", *map(str, PATHS))

    assert {name: by_bytes[path]["exact"] for name, path in names.items()} == {
        "clean": 10,
        "as-subscribed": 5,
        "reserialised": 0,
    }
    assert all(verdict["exact"] == 0 for verdict in by_parsing.values())


def test_numbers_are_written_as_another_language_writes_them() -> None:
    """The number table holds for our canonical form and for ECMAScript's own."""
    rows = json.loads((FOLDER / "numbers.json").read_bytes())

    assert [_text(row["bits"]) for row in rows] == [row["text"] for row in rows]
    assert node("numbers", str(FOLDER / "numbers.json")) == [row["text"] for row in rows]


def _text(bits: str) -> str | None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    try:
        return canonical(number).decode()
    except RecordError:
        assert not math.isfinite(number) or abs(number) >= 2**53
        return None
