"""What a restart must know of the alarms, as JSON bytes: everything that is not normal, and when that was written down.

Version 1 knew limits only, raised and never acknowledged; it is read, so that an upgrade loses no alarm.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from agent import wording
from agent.delay import Progress, freeze
from agent.elapsed import Earlier, Now, Since
from agent.lifecycle import By, Life, Shelf
from agent.limits import Level
from config.site import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VERSION: Final = 2


@dataclass(frozen=True, slots=True)
class LevelKept:
    """A level of a limit that is not simply normal, and the limit it was judged by."""

    device: str
    point: str
    level: str
    limit: float
    progress: Progress | None
    told: bool

    @property
    def alarm(self) -> str:
        """The id of its alarm."""
        return f"limit.{self.device}.{self.point}.{self.level}"


@dataclass(frozen=True, slots=True)
class CaseKept:
    """An alarm that is not normal. `about` are its record's members without those of what happened.

    `text` says the condition, `said` what was told when it was raised.
    """

    about: dict[str, Any]
    text: Text
    said: dict[str, str] | None
    life: Life

    @property
    def alarm(self) -> str:
        """The id of the alarm."""
        name: str = self.about["alarm"]
        return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Everything that is not normal, written down at `taken`."""

    taken: Now
    levels: Sequence[LevelKept] = ()
    counts: Mapping[str, Progress] = field(default_factory=dict)
    cases: Sequence[CaseKept] = ()
    mutes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    flood: Mapping[str, Any] | None = None


def written(kept: Kept, cases: Sequence[orjson.Fragment]) -> bytes:
    """Return it as bytes, with `cases` (see `case_written`) in place of its own."""
    state = {
        "v": _VERSION,
        "taken": kept.taken,
        "levels": kept.levels,
        "counts": kept.counts,
        "cases": cases,
        "mutes": kept.mutes,
        "groups": kept.groups,
        "flood": kept.flood,
    }
    return orjson.dumps(state, default=_listed)


def case_written(case: CaseKept) -> orjson.Fragment:
    """Return one alarm as `written` takes it. It holds until the alarm changes: of many in a flood, few do at once."""
    return orjson.Fragment(orjson.dumps(case, default=_listed, option=orjson.OPT_NON_STR_KEYS))


def _listed(value: object) -> list[object]:
    """Return a named tuple as a list, which orjson leaves to us. Raises TypeError."""
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no state of an alarm")


def read(state: bytes, now: Now) -> Kept:
    """Return what was written down. Raises ValueError, KeyError, TypeError, AttributeError: it is none of ours."""
    document = json.loads(state)
    if document["v"] == 1:
        return _version_1(document, now)
    if document["v"] != _VERSION:
        raise ValueError(f"version {document['v']} of the alarm state is not known")
    return Kept(
        taken=Now(*document["taken"]),
        levels=[_level(entry) for entry in document["levels"]],
        counts={alarm: _progress(entry) for alarm, entry in document["counts"].items()},
        cases=[_case(entry) for entry in document["cases"]],
        mutes={alarm: tuple(reasons) for alarm, reasons in document["mutes"].items()},
        groups=dict(document["groups"]),
        flood=document["flood"],
    )


def _level(entry: Mapping[str, Any]) -> LevelKept:
    progress = None if entry["progress"] is None else _progress(entry["progress"])
    place = (entry["device"], entry["point"], Level(entry["level"]).value)
    return LevelKept(*place, entry["limit"], progress, told=entry["told"])


def _progress(entry: Mapping[str, Any]) -> Progress:
    """Return how far it had come; the time in between does not count."""
    progress = freeze(Progress(**entry))
    assert progress is not None
    return progress


def _case(entry: Mapping[str, Any]) -> CaseKept:
    return CaseKept(dict(entry["about"]), Text(**entry["text"]), entry["said"], _life(entry["life"]))


def _life(entry: Mapping[str, Any]) -> Life:
    shelf = entry["shelf"]
    return Life(
        **{
            **entry,
            "raised_at": _since(entry["raised_at"]),
            "acknowledged_at": _since(entry["acknowledged_at"]),
            "shelf": shelf
            and Shelf(By(**shelf["by"]), Since.read(shelf["since"]), shelf["for_ns"], once=shelf["once"]),
            "out": entry["out"] and By(**entry["out"]),
            "muted": tuple(entry["muted"]),
        }
    )


def _since(entry: Mapping[str, Any] | None) -> Since | None:
    return None if entry is None else Since.read(entry)


# --- version 1 -------------------------------------------------------------------------------------------------------


def _version_1(document: Mapping[str, Any], now: Now) -> Kept:
    """Return an older state: its ladders go on from the date of the first violation, or from now where it has none."""
    levels, cases = [], []
    for entry in document["alarms"]:
        level, held = Level(entry["level"]), entry["held"]
        place = (entry["device"], entry["point"], level.value)
        levels.append(
            LevelKept(*place, entry["limit"], _progress(held["progress"]), told=held["announced"] is not None)
        )
        if held["announced"] is not None:
            text = wording.beyond(Text(**entry["label"]), level)
            cases.append(_raised(dict(held["announced"]), text, now))
    return Kept(taken=now, levels=levels, cases=cases)


def _raised(draft: dict[str, Any], text: Text, now: Now) -> CaseKept:
    said = draft.pop("text")
    del draft["state"]
    since = Since(now.mono_ns, 0, _earlier(draft["since"]))
    return CaseKept(draft, text, said, Life(active=True, announced=True, acknowledged=False, raised_at=since))


def _earlier(ts: str | None) -> Earlier | None:
    try:
        return None if ts is None else Earlier(round(datetime.fromisoformat(ts).timestamp() * 1000), 0)
    except ValueError:
        return None
