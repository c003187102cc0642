"""What a data segment says, by the standard and by its dialects."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.hj212.content import edition, message_of, moment
from drivers.hj212.dialect import Deviation
from tests.drivers.hj212.frames import GOOD, Frame, named

HEAD = "QN=20160801085857223;ST=32;CN=2011;PW=123456;MN=010000A8900016F000169DC0;Flag=5;"
CHINA = timezone(timedelta(hours=8))


def test_an_upload_of_2017() -> None:
    """Every field of the printed example is where it belongs."""
    message = message_of(named("17 upload CN 2051").data)

    assert (message.qn, message.st, message.cn) == ("20160801085000001", "32", "2051")
    assert (message.pw, message.mn, message.flag) == ("123456", "010000A8900016F000169DC0", 5)
    assert (message.pnum, message.pno, message.backfill) == (0, 0, False)
    assert message.attributes == {"DataTime": "20160801084000"}
    assert message.fields["w01018", "Avg"] == "40.1"
    assert message.fields["w00000", "Flag"] == "N"
    assert len(message.fields) == 14
    assert message.deviations == ()
    assert message.answer_wanted
    assert message.is_upload


def test_a_split_upload_and_a_backfill() -> None:
    """Packet numbers and RF stand before CP."""
    split, backfill = message_of(named("split packet").data), message_of(named("backfill").data)

    assert (split.pnum, split.pno, split.deviations) == (2, 2, ())
    assert (backfill.backfill, backfill.flag, backfill.deviations) == (True, 9, ())


def test_chinese_text() -> None:
    """Text is UTF-8; where it is not, it is read as GB 18030, and that is told."""
    frame = named("Chinese").data

    assert message_of(frame).fields["i11001", "Info"] == "//清洗管路//"
    other = message_of(frame.decode().encode("gb18030"))
    assert other.fields["i11001", "Info"] == "//清洗管路//"
    assert other.deviations == (Deviation.NOT_UTF8,)


@pytest.mark.parametrize("frame", [one for one in GOOD if "request" in one.kind], ids=lambda one: one.kind)
def test_a_request_of_a_host_is_no_upload(frame: Frame) -> None:
    """Requests have the command codes of data, but neither their time nor factors."""
    if "CN 3021" not in frame.kind:  # sets a parameter, which is written like data; its code is no upload's
        assert not message_of(frame.data).is_upload


DIALECTS = {
    "comma after QN": (HEAD.replace("223;", "223,") + "CP=&&&&", Deviation.COMMA_IN_HEAD),
    "no ; before CP": (HEAD[:-1] + "CP=&&&&", Deviation.NO_SEMICOLON_BEFORE_CP),
    "no QN": (HEAD.partition(";")[2] + "CP=&&&&", Deviation.NO_QN),
    "no Flag": (HEAD.replace("Flag=5;", "") + "CP=&&&&", Deviation.NO_FLAG),
    "a Flag that is none": (HEAD.replace("=5;", "=yes;") + "CP=&&&&", Deviation.BAD_FLAG),
    "a Flag too high": (HEAD.replace("=5;", "=256;") + "CP=&&&&", Deviation.BAD_FLAG),
    "short MN": (HEAD.replace("010000A890", "") + "CP=&&&&", Deviation.SHORT_MN),
    "PNO before PNUM": (HEAD.replace("=5", "=7") + "PNO=1;PNUM=2;CP=&&&&", Deviation.PNO_BEFORE_PNUM),
    "numbers not announced": (HEAD + "PNUM=2;PNO=1;CP=&&&&", Deviation.UNANNOUNCED_NUMBERS),
    "numbers announced": (HEAD.replace("=5", "=7") + "CP=&&&&", Deviation.UNANNOUNCED_NUMBERS),
    "RF=0": (HEAD + "RF=0;CP=&&&&", Deviation.BAD_RF),
    "no CP": (HEAD, Deviation.NO_CP),
    "comma between times": (
        HEAD + "CP=&&BeginTime=20160801084000,EndTime=20160801084000&&",
        Deviation.COMMA_BETWEEN_TIMES,
    ),
    "milliseconds": (HEAD + "CP=&&DataTime=20210305003817000&&", Deviation.LONG_TIME),
    "text without a name": (HEAD + "CP=&&DataTime=20210305003817;hello&&", Deviation.TEXT_WITHOUT_NAME),
    "factor repeated": (HEAD + "CP=&&a21-Rtd=1;a21001-Rtd=2;a21-Rtd=1&&", Deviation.REPEATED_FIELD),
    "codes of 2005": (HEAD + "CP=&&B01-Rtd=36.91;011-Rtd=231.0,011-Flag=N&&", Deviation.OLD_CODES),
}


@pytest.mark.parametrize(("data", "deviation"), DIALECTS.values(), ids=DIALECTS.keys())
def test_each_dialect_is_tolerated_by_name(data: str, deviation: Deviation) -> None:
    """The message is read, and what is wrong with it is named, alone and once."""
    message = message_of(data.encode())

    assert message.deviations == (deviation,)
    assert (message.st, message.cn) == ("32", "2011")


def test_fields_behind_a_dialect_are_all_there() -> None:
    """Tolerating means that nothing is lost."""
    text = (
        HEAD.replace(";ST", ",ST")[:-1]
        + "CP=&&BeginTime=20160801084000,EndTime=20160801085000;01018-Rtd=1,01018-Flag=N&&"
    )
    message = message_of(text.encode())

    assert (message.qn, message.flag) == ("20160801085857223", 5)
    assert message.attributes == {"BeginTime": "20160801084000", "EndTime": "20160801085000"}
    assert message.fields == {("01018", "Rtd"): "1", ("01018", "Flag"): "N"}


def test_2005_needs_neither_long_numbers_nor_codes() -> None:
    """A 14-character MN and 3-character codes are what edition 2005 prescribes."""
    message = message_of(b"QN=20160801085857223;ST=32;CN=2011;PW=123456;MN=88888880000001;Flag=1;CP=&&B01-Rtd=36.91&&")

    assert message.deviations == ()
    assert edition(message.flag) == 2005


def test_a_factor_told_twice_with_different_values_is_torn() -> None:
    """Which of the two is right, nobody knows."""
    message = message_of(HEAD.encode() + b"CP=&&a21-Rtd=1;a21-Rtd=2;a22-Rtd=3;a22-Rtd=3&&")

    assert message.torn == {("a21", "Rtd")}


@pytest.mark.parametrize(
    ("flag", "year"),
    [(0, 2005), (3, 2005), (4, 2017), (7, 2017), (8, 2025), (11, 2025), (12, None), (255, None), (None, None)],
)
def test_the_edition_is_in_the_flag(flag: int | None, year: int | None) -> None:
    """Bits 7 to 2 hold the version."""
    assert edition(flag) == year


@pytest.mark.parametrize(
    ("numbers", "parts"),
    [
        ("PNUM=3;PNO=2;", (3, 2)),
        ("PNUM=3;PNO=4;", (0, 0)),
        ("PNUM=3;PNO=0;", (0, 0)),
        ("PNUM=1;PNO=1;", (0, 0)),
        ("PNUM=x;PNO=1;", (0, 0)),
        ("PNUM=3;", (0, 0)),
        ("PNUM=99999;PNO=1;", (0, 0)),
    ],
)
def test_packet_numbers_that_make_no_sense_are_none(numbers: str, parts: tuple[int, int]) -> None:
    """Part 4 of 3 does not exist; one packet of one is not split."""
    message = message_of(f"{HEAD.replace('=5', '=7')}{numbers}CP=&&&&".encode())

    assert (message.pnum, message.pno) == parts


def test_times_are_local() -> None:
    """A time has no zone; it is the site's."""
    assert moment("20160801085857", CHINA) == datetime(2016, 8, 1, 0, 58, 57, tzinfo=UTC)
    assert moment("20160801085857223", CHINA) == moment("20160801085857", CHINA)


@pytest.mark.parametrize(
    "text", ["", "2016", "20161301000000", "20160230000000", "20160801246060", "x" * 14, "１" * 14]
)
def test_what_is_no_time_is_none(text: str) -> None:
    """A time that does not exist is not guessed at."""
    assert moment(text, CHINA) is None


@given(st.one_of(st.binary(max_size=400), st.text(alphabet="=;,&-CPQNFlagw01RtdDT ", max_size=200).map(str.encode)))
def test_nothing_raises_on_any_bytes(data: bytes) -> None:
    """Whatever the data segment is, a message comes out."""
    message = message_of(data)

    assert set(message.torn) <= set(message.fields)
    assert message.flag is None or 0 <= message.flag <= 255
