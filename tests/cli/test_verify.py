"""``plantgate verify``: exit codes, words, JSON, and what a person hands it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from agent.cli import verify as verb
from agent.cli.main import application
from agent.keys import published
from tests.independent.make_vectors import KEY, STRANGER, gap, written

if TYPE_CHECKING:
    from typer.testing import Result

LINES = written(5).lines


def run(*arguments: object, given: bytes | None = None) -> Result:
    """Run ``plantgate verify``."""
    return CliRunner().invoke(application(["verify"]), ["verify", *map(str, arguments)], input=given)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Return a file with a clean chain."""
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"\n".join(LINES) + b"\n")
    return path


@pytest.fixture
def jwk(tmp_path: Path) -> Path:
    """Return the gateway's public key as a platform keeps it."""
    path = tmp_path / "gateway.jwk"
    path.write_text(json.dumps(published(KEY.public)))
    return path


def test_a_clean_file(records: Path, jwk: Path) -> None:
    """Exit 0, the verdict first, then who vouches."""
    done = run(records, "--key", jwk)

    assert done.exit_code == 0
    assert done.stdout.startswith("clean: 5 records in 1 chain, ")
    assert f"key {KEY.kid}: given with --key" in done.stdout


def test_without_a_key_the_verdict_says_what_it_rests_on(records: Path) -> None:
    """Consistency is not origin, and nobody may overlook that."""
    done = run(records)

    assert done.exit_code == 0
    assert "asserted by the records themselves: proves consistency, not origin" in done.stdout


def test_standard_input(jwk: Path) -> None:
    """A pipe from a subscriber works like a file."""
    assert run("-", "--key", jwk, given=b"\r\n".join(LINES)).exit_code == 0


def test_a_finding(tmp_path: Path, jwk: Path) -> None:
    """Exit 1; the first line is the verdict; the place is named."""
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"\n".join([*LINES[:2], LINES[2].replace(b"13.5", b"13.4"), LINES[4]]))
    done = run(path, "--key", jwk)

    assert done.exit_code == 1
    assert done.stdout.splitlines()[0].startswith("NOT CLEAN: 1 bad-signature, 1 missing; 3 records in 1 chain")
    assert "bad-signature: line 3: jn-0417 record 3: " in done.stdout
    assert "missing: jn-0417 record 4: " in done.stdout


def test_long_lists_are_cut(tmp_path: Path) -> None:
    """The first findings are shown, the rest counted."""
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"rubbish\n" * 120)
    done = run(path)

    assert done.exit_code == 1
    assert done.stdout.count("malformed: line") == verb.MOST_LISTED
    assert "and 70 more" in done.stdout


def test_what_is_worth_knowing_is_told(tmp_path: Path, jwk: Path) -> None:
    """A late start, gaps, copies and other lines are no findings, but are said."""
    writer = written(5)
    writer.add(gap((4, 4, writer.sealed[3].id)))
    lines = [*writer.lines[1:3], *writer.lines[4:], writer.lines[5], b'{"online":true}']
    path = tmp_path / "records.jsonl"
    path.write_bytes(b"\n".join(lines))
    done = run(path, "--key", jwk)

    assert done.exit_code == 0
    assert "starts at 2: what came before is not here" in done.stdout
    assert "1 signed gap, 1 missing record accounted for" in done.stdout
    assert "1 identical copy of records" in done.stdout
    assert "1 line that claims to be no record" in done.stdout


def test_json(records: Path, tmp_path: Path) -> None:
    """One object on standard output, with the same exit codes."""
    done = run(records, "--json")
    told: dict[str, Any] = json.loads(done.stdout)

    assert (done.exit_code, told["ok"], told["records"], told["findings"]) == (0, True, 5, [])
    assert told["chains"][0]["key_source"] == "asserted"
    (tmp_path / "bad").write_bytes(b"rubbish\n")
    bad = run(tmp_path / "bad", "--json")
    assert (bad.exit_code, json.loads(bad.stdout)["counts"]) == (1, {"malformed": 1})


@pytest.mark.parametrize(
    "content",
    [
        {"keys": [STRANGER.public.jwk, KEY.public.jwk]},
        KEY.public.jwk,
        {"fingerprint": "…", "kid": KEY.kid, "jwk": published(KEY.public)},
    ],
    ids=["key set", "bare key", "key show --json"],
)
def test_keys_come_in_three_shapes(records: Path, tmp_path: Path, content: object) -> None:
    """A JWK, a JWK set, or what ``plantgate key show --json`` printed."""
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(content))

    assert run(records, "--key", path).exit_code == 0


def test_several_keys(records: Path, jwk: Path, tmp_path: Path) -> None:
    """--key may be repeated; one of them must fit."""
    other = tmp_path / "other.jwk"
    other.write_text(json.dumps(STRANGER.public.jwk))

    assert run(records, "--key", other, "--key", jwk).exit_code == 0
    assert run(records, "--key", other).exit_code == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not JSON"),
        ("[]", "a JWK is a JSON object"),
        ('{"keys":[]}', "without keys"),
        ('{"kty":"RSA"}', "not an Ed25519 public key"),
        (json.dumps({**KEY.public.jwk, "d": "x"}), "private key"),
    ],
)
def test_a_bad_key_file_is_wrong_usage(records: Path, tmp_path: Path, content: str, words: str) -> None:
    """Exit 2 with the file and what is wrong with it."""
    path = tmp_path / "bad.jwk"
    path.write_text(content)
    done = run(records, "--key", path)

    assert done.exit_code == 2
    assert str(path) in done.stderr
    assert words in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("content", [b"", b"\n\n", b'{"online":true}\n'], ids=["empty", "blank", "no record"])
def test_nothing_to_check_is_wrong_usage(tmp_path: Path, content: bytes) -> None:
    """An empty file is never "clean"."""
    path = tmp_path / "records.jsonl"
    path.write_bytes(content)
    done = run(path)

    assert done.exit_code == 2
    assert "no records" in done.stderr


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_what_cannot_be_read_is_wrong_usage(tmp_path: Path, name: str, jwk: Path) -> None:
    """Exit 2, the path and the reason."""
    done = run(tmp_path / name)
    keyed = run(tmp_path / name, "--key", tmp_path / name)

    assert (done.exit_code, keyed.exit_code) == (2, 2)
    assert str(Path(name).name) in done.stderr


def test_progress_is_for_terminals_only(tmp_path: Path) -> None:
    """Nothing but findings and mistakes reaches a script."""
    path = tmp_path / "records.jsonl"
    path.write_bytes((b"\n".join(LINES) + b"\n") * 500)

    assert run(path).stderr == ""
