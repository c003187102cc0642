"""What real instruments do against the standard and may go on doing: each deviation has a name, and is counted by it.

Some stem from slips in the printed examples of HJ 212-2017, which peers copied; the others were seen in public frames.
"""

from __future__ import annotations

from enum import StrEnum


class Deviation(StrEnum):
    """One tolerated deviation. The value is fit for a log."""

    # the packet around the data segment
    LOWER_CASE_CRC = "CRC in lower case"
    LONG_DATA = "data segment longer than 1024"
    COUNTS_CHARACTERS = "length counts characters, not bytes"
    NO_LINE_END = "no CR LF behind the CRC"
    NOT_SEALED = "not encrypted although a key is given"
    # the fields before CP
    COMMA_IN_HEAD = "comma in place of ; before CP"
    NO_SEMICOLON_BEFORE_CP = "no ; before CP"
    NO_QN = "no QN"
    NO_FLAG = "no Flag"
    BAD_FLAG = "Flag is no number from 0 to 255"
    SHORT_MN = "MN shorter than 24 characters"
    MN_IN_OTHER_CASE = "MN in other letters (a-f, A-F)"
    PNO_BEFORE_PNUM = "PNO before PNUM"
    UNANNOUNCED_NUMBERS = "packet numbers do not match the Flag"
    BAD_RF = "RF that is not 1"
    # the content of CP
    NO_CP = "no CP=&&"
    NOT_UTF8 = "text that is not UTF-8"
    COMMA_BETWEEN_TIMES = "comma between times"
    LONG_TIME = "time with milliseconds"
    TEXT_WITHOUT_NAME = "text without a name"
    REPEATED_FIELD = "factor repeated"
    OLD_CODES = "factor codes of 2005"
    # what the content means
    CODE_WITHOUT_LETTER = "factor code without its letter"
    LOWER_CASE_FLAG = "data flag in lower case"
    UNKNOWN_FLAG = "unknown data flag, taken as fault (D)"
    TOO_MANY_PARTS = "split into too many packets, not put together"
