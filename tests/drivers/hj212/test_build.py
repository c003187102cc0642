"""Writing packets: the round trip, and all that cannot be written."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.hj212.build import SAYABLE, acknowledgement, packet
from drivers.hj212.content import edition, message_of
from drivers.hj212.uploads import DATA
from tests.drivers.hj212.frames import GOOD, PRINTED_KEY, Frame, cut, named

HEAD: Final[dict[str, Any]] = {"qn": "20160801085857223", "st": "91", "pw": "123456", "mn": "010000A8900016F000169DC0"}
SAMPLES: Final = {
    "1013": "PolId=w01018",
    "9011": "QnRtn=1",
    "9012": "ExeRtn=100",
    "9013": "",
    "9014": "",
    "9015": "",
} | dict.fromkeys(DATA, "DataTime=20160801085857;a21026-Rtd=1.1,a21026-Flag=N")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("data answer CN 9014", packet("9014", **HEAD)),
        ("result CN 9012", packet("9012", "ExeRtn=100", **HEAD)),
        (
            "heartbeat",
            packet("9015", **HEAD | {"st": "31", "qn": "20260301080000003"}, edition=2025, answer_wanted=True),
        ),
        ("notice CN 1013", packet("1013", "PolId=w01018", **HEAD | {"st": "32"}, answer_wanted=True)),
    ],
)
def test_what_is_built_is_what_is_printed(kind: str, said: bytes) -> None:
    """Our packets are byte for byte those of the collection."""
    assert said == named(kind).wire


@pytest.mark.parametrize(
    "kind", ["17 upload CN 2051", "17 upload CN 2061", "upload CN 2021", "split packet", "backfill"]
)
def test_printed_uploads_can_be_rebuilt(kind: str) -> None:
    """An upload taken apart and built again is the same bytes."""
    frame = named(kind)
    message = message_of(frame.data)
    content = frame.data.decode().partition("CP=&&")[2].removesuffix("&&")
    rebuilt = packet(
        message.cn,
        content,
        qn=message.qn,
        st=message.st,
        pw=message.pw,
        mn=message.mn,
        edition=edition(message.flag) or 0,
        answer_wanted=message.answer_wanted,
        part=(message.pno, message.pnum) if message.pnum else None,
        backfill=message.backfill,
    )

    assert rebuilt == frame.wire


def test_the_printed_encrypted_packet_can_be_rebuilt() -> None:
    """With the key of the example the packet is the one on the printed page."""
    content = named("51 plaintext").data.decode().partition("CP=&&")[2].removesuffix("&&")
    head = HEAD | {"qn": "20240520210700000", "st": "31"}

    assert packet("2051", content, **head, edition=2025, answer_wanted=True, key=PRINTED_KEY) == named("SM4 wire").wire


def test_only_data_is_encrypted() -> None:
    """Answers and heartbeats go in the clear (2025, 6.4.4)."""
    assert packet("9014", **HEAD, edition=2025, key=PRINTED_KEY) == packet("9014", **HEAD, edition=2025)


names = st.text(alphabet="abcdefghijklmnopqrstuvwxyzABC0123456789-", min_size=1, max_size=8)
numbers = st.floats(-1e9, 1e9).map(str)
contents = st.lists(st.tuples(names, numbers), max_size=20).map(
    lambda pairs: ";".join(["DataTime=20160801085857", *(f"a21026-{name}={number}" for name, number in pairs)])
)


@given(
    st.sampled_from(sorted(DATA)),
    contents,
    st.sampled_from([2005, 2017, 2025]),
    st.booleans(),
    st.one_of(st.none(), st.tuples(st.integers(1, 9), st.integers(9, 12))),
    st.booleans(),
)
def test_what_is_built_is_cut_and_read_again(
    cn: str, content: str, year: int, answer_wanted: bool, part: tuple[int, int] | None, is_sealed: bool
) -> None:
    """Build, cut, read: everything comes back, and no deviation is found."""
    key = PRINTED_KEY if is_sealed else None
    wire = packet(cn, content, **HEAD, edition=year, answer_wanted=answer_wanted, part=part, key=key)
    (found,) = cut(wire)
    message = message_of(found.data)

    assert found.data.endswith(f"CP=&&{content}&&".encode())
    assert (message.cn, message.qn, message.mn) == (cn, HEAD["qn"], HEAD["mn"])
    assert (message.pno, message.pnum) == (part or (0, 0))
    assert (edition(message.flag), message.answer_wanted) == (year, answer_wanted)
    assert found.deviations == ()


@pytest.mark.parametrize("cn", sorted(SAMPLES))
def test_everything_sayable_has_a_sample(cn: str) -> None:
    """Each command code of the closed set can be said, with the content that belongs to it."""
    (found,) = cut(packet(cn, SAMPLES[cn], **HEAD))

    assert message_of(found.data).cn == cn
    assert set(SAMPLES) == set(SAYABLE)


@pytest.mark.parametrize("content", ["", "DataTime=20160801085857", "PolId=w01018", "QnRtn=1"])
def test_no_command_can_be_built(content: str) -> None:
    """Of all 10 000 command codes only the closed set can be written: none that sets, starts, stops or calibrates."""
    built = set()
    for number in range(10_000):
        try:
            packet(f"{number:04d}", content, **HEAD)
        except ValueError:
            continue
        built.add(f"{number:04d}")

    assert built <= set(SAYABLE)
    assert not built & {
        "1000",
        "1002",
        "1012",
        "1014",
        "1062",
        "1064",
        "1072",
        "2012",
        "2022",
        *map(str, range(3011, 3025)),
    }


@pytest.mark.parametrize("frame", [one for one in GOOD if "request" in one.kind], ids=lambda one: one.kind)
def test_no_request_can_be_built(frame: Frame) -> None:
    """What a host asks with the command code of data does not begin with DataTime."""
    message = message_of(frame.data)
    content = frame.data.decode().partition("CP=&&")[2].removesuffix("&&")

    with pytest.raises(ValueError, match="nothing that may be said"):
        packet(message.cn, content, qn=message.qn, st=message.st, pw=message.pw, mn=message.mn)


UPLOAD = "DataTime=20160801085857"
UNFIT: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "QN too short": ("9014", "", {"qn": "2016"}),
    "QN with a separator": ("9014", "", {"qn": "2016080108585722;"}),
    "ST no number": ("9014", "", {"st": "x1"}),
    "PW too long": ("9014", "", {"pw": "1234567"}),
    "MN with another field": ("9014", "", {"mn": "1;CN=3012"}),
    "MN too long": ("9014", "", {"mn": "1" * 25}),
    "content in an answer": ("9014", "PolId=w01018", {}),
    "result not in the table": ("9012", "ExeRtn=7", {}),
    "&& in the content": ("2011", UPLOAD + ";a-Info=x&&", {}),
    "a line break in the content": ("2011", UPLOAD + ";a-Info=x\r\n", {}),
    "content too long": ("2011", UPLOAD + ";a-Info=" + "x" * 950, {}),
    "Chinese content too long": ("2011", UPLOAD + ";a-Info=" + "清" * 350, {}),
    "backfill in 2017": ("2061", UPLOAD, {"backfill": True}),
    "an edition that does not exist": ("2061", UPLOAD, {"edition": 2020}),
    "part 3 of 2": ("2061", UPLOAD, {"part": (3, 2)}),
    "part 0": ("2061", UPLOAD, {"part": (0, 2)}),
}


@pytest.mark.parametrize(("cn", "content", "changes"), UNFIT.values(), ids=UNFIT.keys())
def test_what_does_not_fit_is_refused(cn: str, content: str, changes: dict[str, Any]) -> None:
    """Nothing is cut off or let through that a receiver would read as something else."""
    with pytest.raises(ValueError, match=r"cannot be sent|may be said|does not exist|there is no part|too long"):
        packet(cn, content, **HEAD | changes)


@pytest.mark.parametrize(
    ("flag", "answer"),
    [(5, "Flag=4"), (7, "Flag=4"), (9, "Flag=8"), (11, "Flag=8"), (1, "Flag=0"), (13, "Flag=4"), (4, ""), (8, "")],
)
def test_data_are_acknowledged_when_asked_for(flag: int, answer: str) -> None:
    """9014 with ST 91, the same QN and the edition of the upload; nothing when bit 0 is not set."""
    data = named("17 upload CN 2051").data.replace(b"Flag=5", b"Flag=%d" % flag)
    expected = f"QN=20160801085000001;ST=91;CN=9014;PW=123456;MN=010000A8900016F000169DC0;{answer};CP=&&&&".encode()

    assert [one.data for one in cut(acknowledgement(message_of(data)))] == ([expected] if answer else [])


@pytest.mark.parametrize(("kind", "cn"), [("heartbeat", "9013"), ("notice CN 1013", "9013"), ("CN 2081", "9014")])
def test_notices_get_9013(kind: str, cn: str) -> None:
    """Heartbeats and requests for the time are notices, the boot message is data."""
    (said,) = cut(acknowledgement(message_of(named(kind).data)))

    assert message_of(said.data).cn == cn


@pytest.mark.parametrize(
    "frame",
    [
        one
        for one in GOOD
        if not any(word in one.kind for word in ("upload CN 2", "split", "backfill", "heartbeat", "1013"))
    ],
    ids=lambda one: one.kind,
)
def test_nothing_else_is_answered(frame: Frame) -> None:
    """Requests, answers and other uploads get no word from us."""
    assert acknowledgement(message_of(frame.data)) == b""


@given(st.binary(max_size=300))
def test_an_acknowledgement_never_raises(data: bytes) -> None:
    """A message whose head cannot be repeated gets no answer."""
    said = acknowledgement(message_of(b"CN=2011;Flag=5;" + data + b";CP=&&DataTime=20160801085857&&"))

    assert said == b"" or message_of(cut(said)[0].data).cn in {"9013", "9014"}
