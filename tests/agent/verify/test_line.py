"""One line: what is a record, what is something else, what is neither."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agent.verify.line import Malformed, read
from tests.independent.make_vectors import body_of, forge, written

GENESIS, SECOND = written(2).lines
BODY = body_of(SECOND)


@pytest.mark.parametrize(
    "line",
    [
        SECOND,
        b"  " + SECOND + b" \r\n",
        b"\xef\xbb\xbf" + SECOND,
        b"plantgate/acme-steel/v1/jn-0417/readings " + SECOND,
        json.dumps(json.loads(SECOND), indent=2).encode(),
        json.dumps(json.loads(SECOND), ensure_ascii=True).encode(),
        SECOND.replace(b'"seq":2', b'"seq":2.0'),
    ],
    ids=["bare", "blanks", "byte order mark", "topic", "indented", "escaped", "seq as float"],
)
def test_a_record_is_found_however_it_travelled(line: bytes) -> None:
    """Its id and members are those the gateway signed."""
    claim = read(line)
    plain = read(SECOND)

    assert claim is not None
    assert plain is not None
    assert (claim.signed.id, claim.members) == (plain.signed.id, BODY)
    assert (claim.ts_ms, claim.up_ms) == (1795311020000, 120000)


@pytest.mark.parametrize("line", [b"", b" \r\n", b'{"online":true}', b't/status {"gw":"jn-0417","seq":3}', b"{}"])
def test_what_claims_to_be_no_record_is_passed_over(line: bytes) -> None:
    """Blank lines, and the gateway's unsigned status and meta."""
    assert read(line) is None


def test_a_genesis_record_belongs_to_the_chain_it_names() -> None:
    """Its chain is its own id, which it cannot contain."""
    genesis = read(GENESIS)

    assert genesis is not None
    assert genesis.is_genesis
    assert genesis.chain == BODY["chain"] == genesis.signed.id


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[1,2]",
        b'"text"',
        SECOND[:-1],
        SECOND[20:],
        b'"clk": {"up": 1}',
        SECOND + SECOND,
        b"\xff" + SECOND,
        SECOND.replace(b"press-1", b"press-\xff"),
        SECOND.replace(b'"seq":2', b'"seq":2,"seq":2'),
        SECOND.replace(b'"power":12.5', b'"power":NaN'),
        SECOND.replace(b'"power":12.5', b'"power":1e400'),
        SECOND.replace(b'"power":12.5', b'"power":' + b"9" * 5000),
        SECOND.replace(b'"power"', b'"p\xc3\xa9"'),
        SECOND.replace(b'"power":12.5', b'"power":' + b"[" * 100_000 + b"]" * 100_000),
        SECOND.replace(b"..", b"."),
    ],
    ids=[
        "words", "array", "text", "cut at the end", "cut at the start", "cut in a copy", "two on a line",
        "rubbish in front", "not UTF-8", "member twice", "NaN", "infinite", "endless digits", "name beyond ASCII",
        "endless nesting", "no detached JWS",
    ],
)  # fmt: skip
def test_what_is_no_json_record_is_malformed(line: bytes) -> None:
    """Nothing is repaired and nothing guessed."""
    with pytest.raises(Malformed):
        read(line)


WRONG: dict[str, Any] = {
    "v 2": {"v": 2},
    "v true": {"v": True},
    "gw empty": {"gw": ""},
    "gw null": {"gw": None},
    "kind number": {"kind": 1},
    "cfg null": {"cfg": None},
    "seq 0": {"seq": 0},
    "seq text": {"seq": "2"},
    "seq fraction": {"seq": 2.5},
    "seq 1 but not genesis": {"seq": 1},
    "chain empty": {"chain": ""},
    "chain short": {"chain": "c1"},
    "prev not an id": {"prev": "x" * 43},
    "ts with zone": {"ts": "2026-11-22T01:30:01.000+08:00"},
    "ts without milliseconds": {"ts": "2026-11-22T01:30:01Z"},
    "ts no day": {"ts": "2026-02-30T01:30:01.000Z"},
    "ts number": {"ts": 7},
    "clk null": {"clk": None},
    "clk without up": {"clk": {"boot": "a6ebeace", "q": "sync"}},
    "clk up below 0": {"clk": {"boot": "a6ebeace", "up": -1, "q": "sync"}},
    "clk up true": {"clk": {"boot": "a6ebeace", "up": True, "q": "sync"}},
    "clk boot": {"clk": {"boot": "A6EBEACE", "up": 1, "q": "sync"}},
    "clk q": {"clk": {"boot": "a6ebeace", "up": 1, "q": "good"}},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_record_of_the_wrong_form_is_malformed(name: str) -> None:
    """Even when it is signed. What it says of itself is passed on for the report."""
    with pytest.raises(Malformed) as caught:
        read(forge(BODY | WRONG[name]))
    assert caught.value.chain == (WRONG[name].get("chain", BODY["chain"]))


@pytest.mark.parametrize("name", ["v", "gw", "chain", "seq", "prev", "kind", "ts", "clk", "cfg"])
def test_every_common_member_is_required(name: str) -> None:
    """A record without one of them is malformed."""
    with pytest.raises(Malformed):
        read(forge({key: member for key, member in BODY.items() if key != name}))
