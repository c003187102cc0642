"""Makes docs/vectors: ``python -m tests.independent.make_vectors``. Everything in them is fixed, so they never change.

A test compares what this makes with what is committed. The deliberately wrong records are forged here with nothing but
`canonical`, so that a fault in the sealer cannot hide in them.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.keys import SigningKey
from agent.record import BEGINNING, TYPE, Position, Sealed, Sealer, b64, canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FOLDER = Path(__file__).parents[2] / "docs" / "vectors"
KEY = SigningKey.from_seed(bytes(range(32)))
STRANGER = SigningKey.from_seed(bytes(range(32, 64)))
GATEWAY = "jn-0417"
CFG = "b2f1c0de"
BOOT = "a6ebeace"
Draft = dict[str, Any]


@dataclass
class Writer:
    """A gateway that seals drafts ten seconds apart."""

    gw: str = GATEWAY
    key: SigningKey = KEY
    at: Position = BEGINNING
    boot: str = BOOT
    up: float = 100.0
    wall_s: int = 90 * 60  # since 2026-11-22T00:00:00Z
    sealed: list[Sealed] = field(default_factory=list)

    def stamp(self) -> Draft:
        """Return the members every record has, ten seconds later than the last ones."""
        self.up += 10
        self.wall_s += 10
        return {"ts": time(self.wall_s), "clk": {"boot": self.boot, "up": self.up, "q": "sync"}, "cfg": CFG}

    def add(self, draft: Draft) -> Sealed:
        """Seal one record."""
        record, self.at = Sealer(self.gw, self.key).seal(self.at, {**self.stamp(), **draft})
        self.sealed.append(record)
        return record

    def skip(self, count: int) -> None:
        """Lose the next numbers: the chain goes on above them from the last known record."""
        self.at = Position(self.at.chain, self.at.seq + count, self.at.head)

    @property
    def lines(self) -> list[bytes]:
        """The records as published."""
        return [record.wire for record in self.sealed]


def time(second: int) -> str:
    """Return a moment of 2026-11-22 as `ts`."""
    return f"2026-11-22T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}.000Z"


def hello(key: SigningKey = KEY) -> Draft:
    """Return a genesis record's own members."""
    site = {"zh": "一号车间", "en": "Workshop 1"}
    return {"kind": "hello", "site": site, "software": "plantgate 0.1.0", "key": key.public.jwk, "reason": "enrolment"}


def values(power: float, device: str = "press-1") -> Draft:
    """Return a readings record's own members."""
    return {"kind": "readings", "device": device, "values": {"power": power, "running": power > 1}}


def gap(*runs: tuple[int, int, str | None], reason: str = "capacity") -> Draft:
    """Return a gap record's own members."""
    first, last = min(run[0] for run in runs), max(run[1] for run in runs)
    count = sum(run[1] - run[0] + 1 for run in runs)
    return {"kind": "gap", "reason": reason, "first": first, "last": last, "count": count, "runs": [*map(list, runs)]}


def written(count: int = 5, **settings: Any) -> Writer:
    """Return a writer with a genesis record and readings up to number `count`."""
    writer = Writer(**settings)
    writer.add(hello(writer.key))
    for number in range(2, count + 1):
        writer.add(values(10.5 + number))
    return writer


def forge(body: Mapping[str, Any] | bytes, key: SigningKey = KEY, **header: str) -> bytes:
    """Return a record signed over whatever is given, with whatever header."""
    signed = body if isinstance(body, bytes) else canonical(body)
    protected = b64(canonical({"alg": "EdDSA", "kid": key.kid, "typ": TYPE, **header}))
    signature = b64(key.sign(f"{protected}.{b64(signed)}".encode()))
    return signed[:-1] + f',"sig":"{protected}..{signature}"}}'.encode()


def body_of(line: bytes) -> dict[str, Any]:
    """Return a record's members without its signature."""
    members: dict[str, Any] = json.loads(line)
    del members["sig"]
    return members


def backwards(value: Any) -> Any:
    """Return JSON data with the members of every object in reverse order."""
    if isinstance(value, dict):
        return {name: backwards(value[name]) for name in reversed(value)}
    return [backwards(item) for item in value] if isinstance(value, list) else value


# --- the cases ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One vector: its lines and what a verifier must say."""

    about: str
    lines: list[bytes]
    expect: str = "clean"
    records: int = 5
    duplicates: int = 0
    enrolled: tuple[SigningKey, ...] = (KEY,)

    def text(self) -> bytes:
        """Return the file: a header, a blank line, the lines."""
        keys = [json.dumps(key.public.jwk, separators=(",", ":")) for key in self.enrolled]
        header = [f"expect: {self.expect}", f"about: {self.about}", f"records: {self.records}"]
        header += [f"duplicates: {self.duplicates}", *(f"key: {key}" for key in keys), "", ""]
        return "\n".join(header).encode() + b"".join(line + b"\n" for line in self.lines)


ALL_KINDS: tuple[Draft, ...] = (
    {"kind": "clock", "why": "first", "source": "chrony", "wall": time(90 * 60 + 20)},
    {"kind": "config", "hash": CFG, "previous": None, "diff": []},
    {"kind": "event", "event": "start", "software": "plantgate 0.1.0"},
    {"kind": "readings", "device": "cems", "values": {"so2": 21.4, "state": "OK", "o2": None}, "flags": {"o2": "B"}},
    {
        "kind": "readings",
        "device": "press-1",
        "values": {"power": 12.5},
        "period": 60,
        "stats": {"power": {"avg": 11.75, "min": 3, "max": 18.25, "n": 12}},
        "fault": "2 of 14 visits without an answer: timed out after 0.5 s",
    },
    {
        "kind": "alarm",
        "alarm": "limit.boiler-dcs.load.high",
        "state": "raised",
        "priority": "medium",
        "device": "boiler-dcs",
        "point": "load",
        "level": "high",
        "value": 101.5,
        "limit": 100,
        "unit": "%",
        "since": time(90 * 60 + 60),
        "text": {"zh": "锅炉负荷高于上限", "en": "Boiler load is above its limit"},
    },
    {
        "kind": "config",
        "hash": "c3a2c0de",
        "previous": CFG,
        "diff": [{"path": "devices.press-1.points.power.scale", "old": 0.1, "new": 1}],
    },
    {"kind": "result", "command": "read-1", "outcome": "done"},
    {"kind": "health", "devices": {}, "buses": {}, "outbox": {}, "uplink": {}, "process": {"rss": 41943040}},
)
AWKWARD = {
    "a": 1e-7, "b": 0.000001, "c": 0.0000015, "d": 0.00001, "e": -0.0, "f": 5.0, "g": 0.1 + 0.2, "h": 5e-324,
    "i": 9007199254740991, "j": -9007199254740991.0, "k": 4503599627370495.5, "l": 9.999999999999999e-06, "m": -2.5e-10,
}  # fmt: skip
STRANGE_TEXT = '锅炉 Überlast 😀 "quoted" back\\slash / tab\t line\n\x01 \x7f \u2028 é'


def _clean() -> Case:
    writer = written(1)
    for draft in ALL_KINDS:
        writer.add(draft)
    return Case("a chain with records of every kind that one writes on a good day", writer.lines, records=10)


def _reserialised() -> Case:
    lines = [json.dumps(backwards(json.loads(line)), indent=1).replace("\n", " ") for line in _clean().lines]
    lines[5] = lines[5].replace('"max": 18.25', '"max": 1825e-2').replace('"min": 3', '"min": 3.0')
    about = "copies that went through a database: members reversed, blanks, escapes, numbers written otherwise"
    return Case(about, [line.encode() for line in lines], records=10)


def _as_subscribed() -> Case:
    first, *rest = written().lines
    status = b'plantgate/acme/v1/jn-0417/status {"gw":"jn-0417","online":true}'
    topic = b"plantgate/acme/v1/jn-0417/readings "
    lines = [status, b"plantgate/acme/v1/jn-0417/hello " + first, b"", *(topic + line + b"\r" for line in rest)]
    return Case(
        "as mosquitto_sub -v writes them: topics, carriage returns, a blank line, a status that is no record", lines
    )


def _awkward_numbers() -> Case:
    writer = written(1)
    writer.add({"kind": "readings", "device": "lab", "values": AWKWARD})
    return Case("numbers that JSON libraries write differently", writer.lines, records=2)


def _strange_text() -> Case:
    writer = written(1)
    writer.add({"kind": "event", "event": "start", "note": STRANGE_TEXT})
    return Case("text beyond ASCII, escapes, a line separator", writer.lines, records=2)


def _duplicates() -> Case:
    lines = written().lines
    return Case("records 2 and 4 delivered twice (QoS 1)", [*lines[:4], lines[1], lines[3], lines[4]], duplicates=2)


def _out_of_order() -> Case:
    lines = written(6).lines
    return Case("an alarm overtook the backlog", [lines[5], *lines[1:5][::-1], lines[0]], records=6)


def _asserted_key() -> Case:
    lines = written().lines
    return Case("no key is given: the genesis record, which comes late, names it", lines[1:] + lines[:1], enrolled=())


def _no_key() -> Case:
    about = "no key is given and no genesis record is here"
    return Case(about, written().lines[1:], "unknown-key", records=0, enrolled=())


def _starts_in_the_middle() -> Case:
    return Case("the subscriber came later; the key is known", written().lines[2:], records=3)


def _two_gateways() -> Case:
    lines = [
        line for pair in zip(written().lines, written(gw="jn-0418", key=STRANGER).lines, strict=True) for line in pair
    ]
    return Case("two gateways in one file", lines, records=10, enrolled=(KEY, STRANGER))


def _covered_gap() -> Case:
    writer = written(6)
    ids = {record.seq: record.id for record in writer.sealed}
    writer.skip(94)
    writer.add(gap((7, 100, None), reason="damage"))
    writer.add(gap((2, 3, ids[3]), (5, 5, ids[5])))
    writer.add(values(3.5))
    lines = [writer.lines[at] for at in (0, 3, 5, 6, 7, 8)]
    about = "2, 3 and 5 dropped for room, 7 to 100 never used after damage: signed gaps say so"
    return Case(about, lines, records=6)


def _gap_before_its_hole() -> Case:
    case = _covered_gap()
    return Case(
        "the same, the gaps delivered first and the rest backwards",
        case.lines[3:5] + case.lines[:3][::-1] + case.lines[5:],
        records=6,
    )


def _removed_record() -> Case:
    lines = written().lines
    return Case("record 4 was removed", lines[:3] + lines[4:], "missing", records=4)


def _wrong_gap() -> Case:
    writer = written()
    writer.add(gap((2, 2, writer.sealed[1].id)))
    return Case("record 4 was removed; the gap speaks of 2", writer.lines[:3] + writer.lines[4:], "missing")


def _gap_with_wrong_id() -> Case:
    writer = written()
    writer.add(gap((3, 4, writer.sealed[1].id)))
    lines = writer.lines[:2] + writer.lines[4:]
    return Case("the gap carries the id of another record than the one 5 names", lines, "broken-chain", records=4)


def _gap_of_a_stranger() -> Case:
    writer = written()
    forged = body_of(written(6).lines[5]) | gap((4, 4, writer.sealed[3].id))
    lines = [*writer.lines[:3], writer.lines[4], forge(forged, STRANGER)]
    return Case("record 4 was removed; the gap is signed by somebody else", lines, "missing, unknown-key", records=4)


def _gap_in_advance() -> Case:
    writer = written(3)
    writer.add(gap((5, 6, None)))
    lost = [writer.add(values(1.5)), writer.add(values(2.5))]
    writer.add(values(3.5))
    lines = [record.wire for record in writer.sealed if record not in lost]
    return Case("a gap that explains numbers above its own explains nothing", lines, "malformed, missing")


def _changed_digit() -> Case:
    lines = written().lines
    lines[2] = lines[2].replace(b'"power":13.5', b'"power":13.4')
    return Case("one digit of one value was changed", lines, "bad-signature", records=4)


def _exchanged_signature() -> Case:
    lines = written().lines
    lines[2] = lines[2].partition(b',"sig":')[0] + b',"sig":' + lines[3].partition(b',"sig":')[2]
    return Case("a record with the signature of the next one", lines, "bad-signature", records=4)


def _not_canonical() -> Case:
    lines = written().lines
    body = canonical(body_of(lines[4])).replace(b'"power":15.5', b'"power":1e-06')
    return Case(
        "signed, but the signed bytes are not canonical: refused", [*lines[:4], forge(body)], "bad-signature", records=4
    )


def _broken_chain() -> Case:
    lines = written().lines
    body = body_of(lines[4]) | {"prev": body_of(lines[2])["prev"]}
    return Case("record 5 is signed, but names record 2 as the one before", [*lines[:4], forge(body)], "broken-chain")


def _fork() -> Case:
    writer = written()
    back = Writer(at=Position(writer.at.chain, 3, writer.sealed[2].id), up=130, wall_s=90 * 60 + 30)
    back.add(values(99.5))
    back.add(values(98.5))
    return Case("the box went back to an older state and used 4 and 5 again", writer.lines + back.lines, "fork")


def _clock_back() -> Case:
    writer = written(3)
    writer.wall_s -= 3600
    writer.add(values(1.5))
    writer.add(values(2.5, "press-2"))
    return Case("the clock was turned back an hour, and nobody said so", writer.lines, "clock-back")


def _clock_step() -> Case:
    writer = written(3)
    before, after = time(writer.wall_s + 10), time(writer.wall_s - 3590)
    writer.wall_s -= 3600
    step = {"why": "step", "source": "chrony", "wall": after, "before": before, "after": after, "step_s": -3600}
    writer.add({"kind": "clock", **step})
    writer.add(values(1.5))
    return Case("the clock was turned back an hour; a signed clock record says so", writer.lines)


def _periods(*starts_s: int) -> Writer:
    """Return a writer that has closed periods which began at these seconds of the day."""
    writer = written(2)
    for start_s in starts_s:
        writer.add(values(1.5) | {"ts": time(start_s), "period": 60, "stats": {}})
    return writer


def _period_cut_by_a_step() -> Case:
    writer = _periods(5340, 5400)
    before, after = time(writer.wall_s + 10), time(writer.wall_s - 3590)
    writer.wall_s -= 3600
    step = {"why": "step", "source": "chrony", "wall": after, "before": before, "after": after, "step_s": -3600}
    writer.add({"kind": "clock", **step})
    for start_s in (5460, 1860, 1920):
        writer.add(values(1.5) | {"ts": time(start_s), "period": 60, "stats": {}})
    return Case(
        "periods are dated by their start; the one a clock step cut, by the old reckoning", writer.lines, records=8
    )


def _period_back() -> Case:
    return Case("a period of a device before its last one", _periods(5280, 5340, 5280).lines, "clock-back")


def _clock_back_over_a_boot() -> Case:
    writer = written(3)
    writer.wall_s, writer.boot, writer.up = writer.wall_s - 3600, "0badcafe", 20.0
    writer.add({"kind": "clock", "why": "first", "source": "chrony", "wall": time(writer.wall_s + 10)})
    writer.add(values(1.5))
    return Case("after a reboot the clock was an hour behind", writer.lines, "clock-back")


def _readings_of_two_devices_cross() -> Case:
    writer = written(3)
    writer.add(values(1.5))
    late = {"ts": time(writer.wall_s - 5), "clk": {"boot": BOOT, "up": writer.up - 5, "q": "sync"}}
    writer.add(values(2.5, "press-2") | late)
    return Case("a slower bus: the older reading got the higher number, which is no going back", writer.lines)


def _time_not_known() -> Case:
    writer = written(2)
    for up in (5.0, 15.0):
        writer.add(values(1.5) | {"ts": None, "clk": {"boot": "0badcafe", "up": up, "q": "unsync"}})
    writer.boot, writer.up, writer.wall_s = "0badcafe", 20.0, writer.wall_s + 60
    writer.add({"kind": "clock", "why": "first", "source": "chrony", "wall": time(writer.wall_s + 10)})
    return Case("after a reboot the time is not known for a while", writer.lines)


def _unknown_key() -> Case:
    lines = written().lines
    lines[3] = forge(body_of(lines[3]), STRANGER)
    return Case("record 4 is signed by somebody else", lines, "unknown-key", records=4)


def _header(about: str, **header: str) -> Callable[[], Case]:
    def case() -> Case:
        lines = written().lines
        return Case(about, [*lines[:4], forge(body_of(lines[4]), KEY, **header)], "wrong-header", records=4)

    return case


def _ed25519_by_its_new_name() -> Case:
    line = forge(body_of(written(1).lines[0]), alg="Ed25519")
    return Case("the header may call the algorithm Ed25519 (RFC 9864)", [line], records=1)


def _malformed(about: str, change: Callable[[bytes], bytes]) -> Callable[[], Case]:
    def case() -> Case:
        lines = written().lines
        return Case(about, [*lines[:4], change(lines[4])], "malformed", records=4)

    return case


def _too_large(line: bytes) -> bytes:
    return forge(canonical(body_of(line)).replace(b'"power":15.5', b'"power":100000000000000000000'))


def _member_twice(line: bytes) -> bytes:
    return line.replace(b'"values":{', b'"values":{"power":99.5,')


CASES: dict[str, Callable[[], Case]] = {
    "clean": _clean,
    "reserialised": _reserialised,
    "as-subscribed": _as_subscribed,
    "awkward-numbers": _awkward_numbers,
    "strange-text": _strange_text,
    "duplicates": _duplicates,
    "out-of-order": _out_of_order,
    "asserted-key": _asserted_key,
    "no-key": _no_key,
    "starts-in-the-middle": _starts_in_the_middle,
    "two-gateways": _two_gateways,
    "covered-gap": _covered_gap,
    "gap-before-its-hole": _gap_before_its_hole,
    "removed-record": _removed_record,
    "wrong-gap": _wrong_gap,
    "gap-with-wrong-id": _gap_with_wrong_id,
    "gap-of-a-stranger": _gap_of_a_stranger,
    "gap-in-advance": _gap_in_advance,
    "changed-digit": _changed_digit,
    "exchanged-signature": _exchanged_signature,
    "not-canonical": _not_canonical,
    "broken-chain": _broken_chain,
    "fork": _fork,
    "clock-back": _clock_back,
    "clock-step": _clock_step,
    "period-cut-by-a-step": _period_cut_by_a_step,
    "period-back": _period_back,
    "clock-back-over-a-boot": _clock_back_over_a_boot,
    "readings-of-two-devices-cross": _readings_of_two_devices_cross,
    "time-not-known": _time_not_known,
    "unknown-key": _unknown_key,
    "ed25519-by-its-new-name": _ed25519_by_its_new_name,
    "header-alg": _header("the header names another algorithm", alg="none"),
    "header-typ": _header("a signature made for another kind of thing", typ="JOSE"),
    "header-crit": _header("a header with a member that must not be there", crit="exp"),
    "number-too-large": _malformed("a number of 2^53 or more", _too_large),
    "member-twice": _malformed("a member that comes twice: two readers would see two records", _member_twice),
    "cut-line": _malformed("a line that was cut", lambda line: line[:200]),
    "wrong-type": _malformed("a number where text belongs", lambda line: line.replace(b'"cfg":"b2f1c0de"', b'"cfg":7')),
    "no-signature": _malformed("the signature was taken off", lambda line: line.partition(b',"sig":')[0] + b"}"),
}

# --- numbers -----------------------------------------------------------------------------------------------------

NUMBERS: tuple[tuple[float, str | None], ...] = (
    (0.0, "0"), (-0.0, "0"), (1.0, "1"), (-1.5, "-1.5"), (0.1, "0.1"), (0.30000000000000004, "0.30000000000000004"),
    (0.0001, "0.0001"), (0.00001, "0.00001"), (9.999999999999999e-06, "0.000009999999999999999"),
    (0.0000015, "0.0000015"), (0.000001, "0.000001"), (9.999999999999997e-07, "9.999999999999997e-7"), (1e-7, "1e-7"),
    (-2.5e-10, "-2.5e-10"), (5e-324, "5e-324"), (2.2250738585072014e-308, "2.2250738585072014e-308"),
    (4503599627370495.5, "4503599627370495.5"), (1e15, "1000000000000000"), (9007199254740991.0, "9007199254740991"),
    (-9007199254740991.0, "-9007199254740991"), (9007199254740992.0, None), (1e16, None), (1e20, None), (1e21, None),
    (1.7976931348623157e308, None), (float("inf"), None), (float("-inf"), None), (float("nan"), None),
)  # fmt: skip


def numbers() -> bytes:
    """Return numbers.json: the 64 bits of a double, and its text; null where a record may not hold it."""
    rows = [json.dumps({"bits": struct.pack(">d", number).hex(), "text": text}) for number, text in NUMBERS]
    return ("[\n" + ",\n".join(rows) + "\n]\n").encode()


def files() -> Iterator[tuple[str, bytes]]:
    """Yield every file of docs/vectors that is made here."""
    for name, make in CASES.items():
        yield f"{name}.txt", make().text()
    yield "numbers.json", numbers()


if __name__ == "__main__":
    for file, content in files():
        (FOLDER / file).write_bytes(content)
