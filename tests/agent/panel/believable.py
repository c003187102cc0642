"""What a running agent of a small works would answer: a paint line with its fan and its oxidiser, a press, a stack.

Wall time is 2026-07-01 06:30:00 UTC, 14:30 in Shanghai. One alarm of each kind that matters, one meter that is silent.
"""

from __future__ import annotations

from typing import Any, Final

Answer = dict[str, Any]

TS: Final = "2026-07-01T06:30:00.000Z"
NOW_MS: Final = 1_782_887_400_000


def both(zh: str, en: str) -> dict[str, str]:
    """Return a label."""
    return {"zh": zh, "en": en}


def _point(name: str, label: dict[str, str], unit: str, decimals: int | None = 1) -> Answer:
    return {"name": name, "label": label, "unit": unit, "decimals": decimals, "number": True}


_METER: Final = [
    _point("power", both("有功功率", "power"), "kW"),
    _point("current", both("电流", "current"), "A"),
    _point("energy", both("电量", "energy"), "kWh", 2),
]


def _device(name: str, label: dict[str, str], points: list[Answer], **members: Any) -> Answer:
    about = {"bus": "line-1", "protocol": "modbus", "model": "three-phase", "derived": False}
    return {"name": name, "label": label, **about, **members, "points": points}


def _facility(name: str, label: dict[str, str], role: str, rated: float) -> Answer:
    about = {"power": f"{name}.power", "current": None, "running": None}
    return {"name": name, "label": label, "role": role, **about, "rated": rated}


SITE: Final[Answer] = {
    "gateway": "jn-0417",
    "name": both("一号车间", "Workshop 1"),
    "language": "zh",
    "timezone": "Asia/Shanghai",
    "software": "0.1.0",
    "cfg": "c0ffee00c0ffee00",
    "panel": {"listen": "127.0.0.1:8080", "open": False},
    "lines": [
        {
            "name": "paint",
            "label": both("喷涂线", "Paint line"),
            "production": ["press-1"],
            "treatment": ["fan-1", "rto-1"],
            "outlet": "stack-1",
        }
    ],
    "facilities": [
        _facility("press-1", both("一号压机", "Press 1"), "production", 110.0),
        _facility("fan-1", both("一号引风机", "Fan 1"), "treatment", 55.0),
        _facility("rto-1", both("蓄热焚烧炉", "Oxidiser"), "treatment", 90.0),
    ],
    "outlets": [
        {
            "name": "stack-1",
            "label": both("一号排口", "Stack 1"),
            "medium": "air",
            "o2": "cems-1.o2",
            "reference_o2": 3.0,
            "factors": [
                {
                    "code": "a24088",
                    "label": both("非甲烷总烃", "NMHC"),
                    "point": "cems-1.nmhc",
                    "limit": 60.0,
                    "unit": "mg/m3",
                    "range": [0.0, 200.0],
                }
            ],
        }
    ],
    "devices": [
        _device("press-1", both("压机电表", "Press meter"), _METER),
        _device("fan-1", both("风机电表", "Fan meter"), _METER),
        _device("rto-1", both("焚烧炉电表", "Oxidiser meter"), _METER),
        _device(
            "cems-1",
            both("在线监测仪", "Analyzer"),
            [_point("nmhc", both("非甲烷总烃", "NMHC"), "mg/m3"), _point("o2", both("氧含量", "oxygen"), "%")],
            bus="cems",
            protocol="hj212",
            model=None,
        ),
        _device(
            "paint",
            both("喷涂线", "Paint line"),
            [_point("total", both("总功率", "total power"), "kW")],
            bus=None,
            protocol="derived",
            model=None,
            derived=True,
        ),
    ],
    "limits": [{"point": "cems-1.nmhc", "high_high": 60.0, "high": 50.0, "low": None, "low_low": None}],
    "buses": [
        {"name": "line-1", "type": "serial", "where": "/dev/ttyUSB0"},
        {"name": "cems", "type": "tcp", "where": "192.168.10.5:4001"},
    ],
}


def _row(alarm: str, text: dict[str, str], **members: Any) -> Answer:
    row: Answer = {"alarm": alarm, "priority": "high", "status": "unacknowledged", "group": None, "text": text}
    row |= {"active": True, "acknowledged": False, "latched": False, "escalated": False, "first_out": False}
    row |= {"chattering": False, "active_s": 754, "since": "2026-07-01T06:17:26.000Z", "suppressed_by": []}
    row |= {"out_by": None, "shelved_by": None, "shelf_left_s": None, "longest_shelf_s": 28_800}
    row |= members
    left_s = 5400 - row["active_s"]
    is_counting = row["active"] and not row["escalated"] and row["status"] != "suppressed"
    ladder = {"escalates_in_s": left_s if is_counting else None, "escalated_s": None}
    return ladder | row


ROWS: Final = [
    _row(
        "rule.T1.paint",
        both("喷涂线 在生产, 治理设施 蓄热焚烧炉 未运行", "Paint line produces, Oxidiser does not run"),
        priority="critical",
        rule="T1",
        line="paint",
        escalated=True,
        first_out=True,
        advice=both("检查焚烧炉电源和风机。", "Check the power of the oxidiser, and the fan."),
    ),
    _row(
        "limit.cems-1.nmhc.high",
        both("非甲烷总烃 高: 52.3 mg/m3, 限 50 mg/m3", "NMHC high: 52.3 mg/m3, limit 50 mg/m3"),
        status="acknowledged",
        acknowledged=True,
        device="cems-1",
        point="nmhc",
        level="high",
        limit=50.0,
        value=52.3,
        unit="mg/m3",
    ),
    _row(
        "limit.fan-1.current.low",
        both("风机电流 低", "Fan current low"),
        priority="medium",
        status="shelved",
        device="fan-1",
        point="current",
        level="low",
        limit=10.0,
        value=8.0,
        unit="A",
        shelved_by={"who": "wang", "uid": 991, "door": "panel", "note": "检修"},
        shelf_left_s=1800,
    ),
]

FIGURES: Final[Answer] = {
    "observed_h": 72.0,
    "annunciated": 31,
    "per_10min": 0.0718,
    "per_hour": 0.4306,
    "per_day": 10.3333,
    "peak_10min": 4,
    "share_10min_above_10": 0.0,
    "share_hours_above_30": 0.0,
    "floods": 0,
    "share_10min_in_flood": 0.0,
    "chattering": 1,
    "fleeting": 2,
    "stale_most": 1,
    "priorities": {"critical": 1, "high": 10, "medium": 15, "low": 5},
    "top": [{"alarm": "limit.cems-1.nmhc.high", "count": 12, "share": 0.3871}],
    "share_top": 0.3871,
    "now": {"unacknowledged": 1, "acknowledged": 1, "shelved": 1, "flood": False, "chattering": 0, "stale": 0},
}

CODE: Final[Answer] = {"plant": "red", "lines": {"paint": "red"}}


def _said(bus: str, values: dict[str, float | None], **members: Any) -> Answer:
    told = {"bus": bus, "values": values, "flags": {}, "error": None, "ts": TS, "age_s": 0.8, "last_fault": None}
    counts = {"requests": 4210, "answers": 4204, "timeouts": 6, "bad_frames": 0, "strays": 0, "exceptions": {}}
    return told | counts | {"latency_ms": 23.41} | members


_BUS: Final[Answer] = {"busy": 0.41, "line": 0.22, "connects": 1, "link_failures": 0, "overruns": 0, "absent": []} | {
    "echoes": 0, "noise_bytes": 0, "diagnosis": None,
}  # fmt: skip

FOLLOW: Final[Answer] = {
    "ts": TS,
    "software": "0.1.0",
    "cfg": SITE["cfg"],
    "clock": {"q": "sync", "source": "timesyncd"},
    "code": CODE,
    "devices": {
        "press-1": _said("line-1", {"power": 87.4, "current": 151.2, "energy": 120934.25}),
        "fan-1": _said("line-1", {"power": 41.9, "current": 75.5, "energy": 80211.0}),
        "rto-1": _said(
            "line-1",
            {"power": None, "current": None, "energy": None},
            flags={"power": "B", "current": "B", "energy": "B"},
            error="no answer in 500 ms",
            last_fault={"reason": "no answer in 500 ms", "ago_s": 0.9},
        ),
        "cems-1": _said("cems", {"nmhc": 52.3, "o2": 4.1}),
        "paint": _said("derived", {"total": None}, flags={"total": "B"}),
    },
    "buses": {"line-1": {**_BUS, "absent": ["rto-1"]}, "cems": _BUS},
    "facilities": {
        "press-1": {"state": "run", "since_ms": NOW_MS - 7_200_000},
        "fan-1": {"state": "run", "since_ms": NOW_MS - 7_100_000},
        "rto-1": {"state": "unknown", "since_ms": None},
    },
    "lines": {"paint": {"production": "run", "treatment": "unknown"}},
    "alarms": {"version": 12, "active": 3, "unacknowledged": 1, "escalated": 1, "rows": ROWS},
    "orders": [
        {
            "id": "O1",
            "line": "paint",
            "kind": "emergency",
            "start_ms": NOW_MS - 3_600_000,
            "until_ms": NOW_MS + 3_600_000,
            "reduce": 30.0,
            "stop": False,
            "complies": False,
        }
    ],
    "tasks_overdue": 1,
    "uplink": {"state": "connected", "since_s": 8120, "url": "mqtts://broker.example:8883"},
    "outbox": {"waiting": 3, "oldest_ts": TS, "bytes": 48_000_000, "limit": 4_294_967_296},
    "disk": {"free": 12_000_000_000, "total": 31_000_000_000},
    "process": {"rss": 61_000_000, "cpu_s": 512.5, "up_s": 86_400},
}

BOOK: Final[Answer] = {
    "orders": [
        {
            "id": "O1",
            "kind": "emergency",
            "lines": ["paint"],
            "start": "2026-07-01T05:30:00.000Z",
            "end": "2026-07-01T07:30:00.000Z",
            "reduce": 30.0,
            "stop": False,
            "reason": "黄色预警",
        }
    ],
    "marks": [
        {
            "id": "M1",
            "kind": "maintenance",
            "object": "fan-1",
            "start": "2026-07-01T05:00:00.000Z",
            "reason": "换皮带",
            "end": None,
        }
    ],
    "tasks": [
        {
            "id": "T1",
            "place": "stack-1",
            "title": "巡检排口",
            "due": "2026-07-01T06:00:00.000Z",
            "items": [
                {"id": "smell", "text": "有无异味", "kind": "choice", "choices": ["no", "yes"]},
                {"id": "dp", "text": "压差", "kind": "number", "low": 0.0, "high": 3.0, "unit": "kPa"},
            ],
        }
    ],
}

RULES: Final[Answer] = {
    "rules": [
        {
            "rule": "T1",
            "group": "treatment",
            "name": both("生产时治理未运行", "production without treatment"),
            "over": "line",
            "priority": "critical",
            "active": ["paint"],
            "not_ready": {},
            "not_ready_days": 0,
            "missing": {},
            "unfit": {},
            "off": None,
        }
    ]
}

_MINUTES: Final = [NOW_MS - 60_000 * left for left in (3, 2, 1)]


def trend(words: Answer) -> Answer:
    """Return three minutes of each point that is asked for; the middle one is a gap."""
    series = {
        "start_ms": _MINUTES,
        "span_ms": [60_000] * 3,
        "avg": [85.1, None, 87.4],
        "min": [80.0, None, 86.0],
        "max": [90.2, None, 88.8],
        "n": [12, 0, 12],
        "valid": [12, 0, 12],
        "flag": ["N", "B", "N"],
        "total": [None, None, None],
    }
    return {"level": words.get("level") or "minute", "series": dict.fromkeys(words["points"], series)}


JOURNAL: Final[Answer] = {
    "records": [
        {"v": 1, "seq": 4711, "kind": "alarm", "ts": TS, **ROWS[0], "state": "raised"},
        {
            "v": 1,
            "seq": 4710,
            "kind": "event",
            "ts": TS,
            "event": "login",
            "by": {"who": "wang", "uid": 991, "door": "panel"},
            "address": "192.168.10.77",
        },
        {
            "v": 1,
            "seq": 4709,
            "kind": "event",
            "ts": TS,
            "event": "device-lost",
            "device": "rto-1",
            "reason": "no answer in 500 ms",
        },
    ],
    "next": 4708,
}

SUPPORT: Final[Answer] = {
    "files": {"status.json": '{"gateway": "jn-0417"}\n', "site.toml": '[gateway]\nid = "jn-0417"\n', "log.txt": "…\n"}
}


def done(words: Answer) -> Answer:
    """Return what an act on an alarm answers."""
    return {"done": [row["alarm"] for row in ROWS] if words["alarm"] == "all" else [words["alarm"]]}


ANSWERS: Final[dict[str, Any]] = {
    "site": SITE,
    "follow": FOLLOW,
    "alarms": {"alarms": ROWS, "figures": FIGURES, "code": CODE},
    "rules": RULES,
    "book": BOOK,
    "trend": trend,
    "journal": JOURNAL,
    "audit": {},
    "support": SUPPORT,
    **dict.fromkeys(("acknowledge", "shelve", "unshelve", "reset", "take-out", "put-back"), done),
    "order": {"order": BOOK["orders"][0]},
    "end-order": {"order": BOOK["orders"][0]},
    "mark": {"mark": BOOK["marks"][0]},
    "end-mark": {"mark": BOOK["marks"][0]},
    "task": {"task": BOOK["tasks"][0]},
    "answer-task": {"task": BOOK["tasks"][0]},
    "withdraw-task": {"task": BOOK["tasks"][0]},
}
"""By verb: the answer, or what makes it out of the request."""
