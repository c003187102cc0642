"""What moves on the panel, as texts in one language: one edition of the board each second for all who read it. Pure.

    follow line + site + language  ->  Edition(text {key: string}, state {key: word}, alarms)  ->  what has changed

Elements of a page name a key (``data-text``, ``data-state``); they are filled from the same edition when the page is
made, and by ``live.js`` from then on. The keys:

    value:D.P  quality:D.P  a reading without its unit ("—": not known), and its quality in a word; the state of both
                            is the flag, N normal
    why:D.P                 why a reading is not good, in a sentence ("": it is)
    share:D.P               the reading as a share of its limit, for gauges
    age:D                   how old a device's answer is; its state fresh, old, gone
    facility:F  since:F     run, idle, off, unknown in words and as state; for how long
    line:L  production:L  treatment:L  code           colours; states of the two halves of a line
    ladder:A  active:A      an alarm's way to the authority; for how long it has been active
    alarms  alarms.active  alarms.unacknowledged  alarms.escalated   counts; the first in a sentence
    uplink  backlog  clock  disk                      words, with state good, warn, bad, unknown
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from agent.panel import moments
from agent.panel.countdown import ladder, minutes
from agent.panel.readings import QUALITIES, figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from zoneinfo import ZoneInfo

    Say = Callable[..., str]
    """Words in the viewer's language: ``say(key, **fields)``."""

NONE: Final = "—"
GOOD_FLAG: Final = "N"
STATES: Final = ("run", "idle", "off", "unknown")
COLOURS: Final = ("green", "yellow", "red", "unknown")
OLD_S: Final = 10.0
"""A device's answer older than this is shown as old; how often devices are asked, the panel does not know."""
GONE_S: Final = 60.0
MOST_ASKING: Final = 50
"""Alarms told by name for sound: in a flood more make no other sound."""
_MEBI: Final = 1 << 20
_GIBI: Final = 1 << 30
_WARN_DISK: Final = 0.15
_BAD_DISK: Final = 0.05
_WARN_WAITING_S: Final = 600
_BAD_WAITING_S: Final = 86_400

Item = tuple[str, str, str | None]
"""A key, its text, and its state where it has one."""


@dataclass(frozen=True, slots=True)
class Edition:
    """The board in one language. `text` and `state` are by key; `at` is the wall time of the board, ms since 1970."""

    at: int | None = None
    text: Mapping[str, str] = field(default_factory=dict)
    state: Mapping[str, str] = field(default_factory=dict)
    alarms: Mapping[str, Any] = field(default_factory=dict)

    def since(self, before: Edition) -> dict[str, Any]:
        """Return what has changed after another edition, as it is told to a viewer who has that one."""
        return {
            "at": self.at,
            "text": {key: text for key, text in self.text.items() if before.text.get(key) != text},
            "state": {key: word for key, word in self.state.items() if before.state.get(key) != word},
            "gone": [key for key in before.text if key not in self.text],
            **({} if self.alarms == before.alarms else {"alarms": dict(self.alarms)}),
        }


BLANK: Final = Edition()


@dataclass(frozen=True, slots=True)
class Press:
    """What editions of one language are made with: its words, and what the site file says of each point."""

    say: Say
    zone: ZoneInfo
    decimals: Mapping[str, int | None]
    limits: Mapping[str, float]
    qualities: Mapping[str, str]

    @classmethod
    def of_site(cls, site: Mapping[str, Any], say: Say, zone: ZoneInfo) -> Press:
        """Return the press for a site, as verb ``site`` tells it."""
        qualities = {flag: say(f"{key}.word") for flag, key in QUALITIES.items()}
        return cls(say, zone, dict(_decimals(site)), dict(_limits(site)), qualities)

    def edition(self, board: Mapping[str, Any]) -> Edition:
        """Return the edition of one line of verb ``follow``."""
        at = moments.of_record(board.get("ts"))
        alarms = board.get("alarms") or {}
        text: dict[str, str] = {}
        state: dict[str, str] = {}
        items = (self._devices(board.get("devices") or {}), self._plant(board, at), self._alarms(alarms, at))
        for key, said, word in chain(*items, self._box(board, at)):
            text[key] = said
            if word is not None:
                state[key] = word
        return Edition(at, text, state, _counts(alarms))

    # --- readings ------------------------------------------------------------------------------------------------

    def _devices(self, devices: Mapping[str, Any]) -> Iterator[Item]:
        for name, device in devices.items():
            age_s = device.get("age_s")
            yield f"age:{name}", self.age(age_s), freshness(age_s)
            flags, error = device.get("flags") or {}, device.get("error")
            for point, value in device["values"].items():
                yield from self._reading(f"{name}.{point}", value, flags.get(point, GOOD_FLAG), error)

    def _reading(self, point: str, value: Any, flag: str, error: str | None) -> tuple[Item, ...]:
        """Return the items of one point: the part that is done thousands of times a second."""
        items: tuple[Item, ...] = (
            (f"value:{point}", figure(value, self.decimals.get(point)) or NONE, flag),
            (f"quality:{point}", self.qualities.get(flag, flag), flag),
            (f"why:{point}", "" if flag == GOOD_FLAG else self.why(flag, error), None),
        )
        limit = self.limits.get(point)
        if not limit:
            return items
        share = f"{max(0.0, value / limit):.3f}" if isinstance(value, int | float) else ""
        return (*items, (f"share:{point}", share, None))

    def why(self, flag: str, error: str | None = None) -> str:
        """Return why a reading is not good: its flag in words, and what went wrong, in the agent's words."""
        word = flag if flag not in QUALITIES else self.say(f"{QUALITIES[flag]}.says")
        return f"{word}: {error}" if error else word

    def age(self, age_s: float | None) -> str:
        """Return how old something is."""
        return NONE if age_s is None else self.lasted(age_s)

    def lasted(self, seconds: float) -> str:
        """Return a duration in words: 12 s, 41 min, 3 h."""
        word, amount = moments.lasted(seconds)
        return self.say(f"lasted.{word}", n=amount)

    # --- the plant -----------------------------------------------------------------------------------------------

    def _plant(self, board: Mapping[str, Any], at: int | None) -> Iterator[Item]:
        for name, facility in (board.get("facilities") or {}).items():
            since_ms = facility.get("since_ms")
            lasted = NONE if since_ms is None or at is None else self.lasted((at - since_ms) / 1000)
            yield f"facility:{name}", *self._state(facility["state"])
            yield f"since:{name}", lasted, None
        for name, line in (board.get("lines") or {}).items():
            for half in ("production", "treatment"):
                yield f"{half}:{name}", *self._state(line[half])
        code = board.get("code") or {}
        yield "code", *self._colour(code.get("plant"))
        for name, colour in (code.get("lines") or {}).items():
            yield f"line:{name}", *self._colour(colour)

    def _state(self, state: str | None) -> tuple[str, str]:
        word = state if state in STATES else "unknown"
        return self.say(f"state.{word}"), word

    def _colour(self, colour: str | None) -> tuple[str, str]:
        word = colour if colour in COLOURS else "unknown"
        return self.say(f"code.{word}"), word

    # --- alarms --------------------------------------------------------------------------------------------------

    def _alarms(self, alarms: Mapping[str, Any], at: int | None) -> Iterator[Item]:
        for row in alarms.get("rows") or ():
            yield f"ladder:{row['alarm']}", self.ladder(row, at), ladder(row, at).standing
            active_s = row.get("active_s") if row.get("active") else None
            yield f"active:{row['alarm']}", NONE if active_s is None else self.lasted(active_s), None
        counts = _counts(alarms)
        for name in ("active", "unacknowledged", "escalated"):
            yield f"alarms.{name}", str(counts[name]), "some" if counts[name] else "none"
        yield "alarms", self.say("live.alarms", **counts) if counts["active"] else self.say("live.no_alarms"), None

    def ladder(self, row: Mapping[str, Any], at: int | None) -> str:
        """Return when an alarm will be, or was, told to the authority; "" where that is no matter."""
        how = ladder(row, at)
        if how.standing == "told":
            when = when_short(how.told_ms, at, self.zone)
            return self.say("ladder.told_at", time=when) if when else self.say("ladder.told")
        return "" if how.left_s is None else self.say("ladder.in", n=minutes(how.left_s))

    # --- the box -------------------------------------------------------------------------------------------------

    def _box(self, board: Mapping[str, Any], at: int | None) -> Iterator[Item]:
        yield "uplink", *self._uplink(board.get("uplink"))
        yield "backlog", *self._backlog(board.get("outbox"), at)
        yield "clock", *self._clock(board.get("clock"), at)
        yield "disk", *self._disk(board.get("disk"))

    def _uplink(self, uplink: Mapping[str, Any] | None) -> tuple[str, str]:
        if uplink is None:
            return self.say("uplink.none"), "unknown"
        since_s = uplink.get("since_s")
        lasted = NONE if since_s is None else self.lasted(since_s)
        if uplink.get("state") == "connected":
            return self.say("uplink.connected", time=lasted), "good"
        return self.say("uplink.broken", time=lasted), "bad"

    def _backlog(self, outbox: Mapping[str, Any] | None, at: int | None) -> tuple[str, str]:
        if outbox is None:
            return NONE, "unknown"
        waiting = outbox.get("waiting") or 0
        oldest_ms = moments.of_record(outbox.get("oldest_ts"))
        if not waiting:
            return self.say("backlog.none"), "good"
        if oldest_ms is None or at is None:
            return self.say("backlog.some", n=f"{waiting:,}"), "warn"
        age_s = (at - oldest_ms) / 1000
        text = self.say("backlog.since", n=f"{waiting:,}", time=self.lasted(age_s))
        return text, "good" if age_s < _WARN_WAITING_S else "warn" if age_s < _BAD_WAITING_S else "bad"

    def _clock(self, clock: Mapping[str, Any] | None, at: int | None) -> tuple[str, str]:
        quality = (clock or {}).get("q")
        states = {"sync": "good", "hold": "warn", "unsync": "bad"}
        if quality not in states:
            return NONE, "unknown"
        time = (moments.local(at, self.zone) or NONE)[-5:]
        return self.say(f"clock.{quality}", time=time), states[quality]

    def _disk(self, disk: Mapping[str, Any] | None) -> tuple[str, str]:
        if not disk or not disk.get("total"):
            return NONE, "unknown"
        share = disk["free"] / disk["total"]
        state = "good" if share > _WARN_DISK else "warn" if share > _BAD_DISK else "bad"
        return self.say("disk.free", size=size(disk["free"]), share=f"{share:.0%}"), state


def freshness(age_s: float | None) -> str:
    """Return how far a device's last answer is to be looked at as the present."""
    if age_s is None or age_s > GONE_S:
        return "gone"
    return "fresh" if age_s <= OLD_S else "old"


def when_short(wall_ms: int | None, now_ms: int | None, zone: ZoneInfo) -> str | None:
    """Return a moment as short as it is clear: 10:32 today, else with the date; ``None`` for one not known."""
    text, today = moments.local(wall_ms, zone), moments.local(now_ms, zone)
    if text is None:
        return None
    return text[11:] if today is not None and today[:10] == text[:10] else text


def size(count: float) -> str:
    """Return an amount of bytes for people."""
    return f"{count / _GIBI:.1f} GiB" if count >= _GIBI else f"{count / _MEBI:.0f} MiB"


def _counts(alarms: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counts of alarms; `asking`, for sound: priority, name and start of those nobody has acknowledged."""
    rows = alarms.get("rows") or ()
    asking = [row for row in rows if row.get("status") == "unacknowledged"]
    return {
        "version": alarms.get("version", 0),
        **{name: alarms.get(name, 0) for name in ("active", "unacknowledged", "escalated")},
        "sound": bool(asking),
        "asking": [[row["priority"], row["alarm"], row.get("since")] for row in asking[:MOST_ASKING]],
    }


def _decimals(site: Mapping[str, Any]) -> Iterator[tuple[str, int | None]]:
    for device in site["devices"]:
        for point in device["points"]:
            yield f"{device['name']}.{point['name']}", point.get("decimals")


def _limits(site: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for outlet in site["outlets"]:
        for factor in outlet["factors"]:
            if factor.get("limit"):
                yield judged(factor), factor["limit"]


def judged(factor: Mapping[str, Any]) -> str:
    """Return the point of a factor that is compared with its limit: converted, where that is reckoned."""
    point: str = factor.get("converted") or factor["point"]
    return point
