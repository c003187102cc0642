"""What changed between two sites: the differences in meaning, and what a running agent cannot take over."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from config.site import Site


def diff(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the differences of two meanings as ``{"path", "old", "new"}``, in order of path.

    A thing that came or went is one entry with all of it; its absence is ``None``.
    """
    return sorted(_differences("", old, new), key=lambda change: str(change["path"]))


def _differences(path: str, old: Any, new: Any) -> list[dict[str, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        found: list[dict[str, Any]] = []
        for key in old.keys() | new.keys():
            found += _differences(f"{path}.{key}" if path else key, old.get(key), new.get(key))
        return found
    # True == 1 in Python, but not to a reader of the record.
    is_same = old == new and isinstance(old, bool) == isinstance(new, bool)
    return [] if is_same else [{"path": path, "old": old, "new": new}]


def needs_restart(old: Site, new: Site) -> tuple[str, ...]:
    """Return the keys whose change a reload cannot take over; empty when `new` may replace `old` in a running agent.

    Identity, state directory, clock, store limits and the uplink are fixed at the start. Everything that is read,
    judged, named or timed may change: buses, devices, points, limits, rules, labels, `commit_every`, `keep`.
    """
    changed = [
        f"gateway.{key}"
        for key in ("id", "state_dir", "clock")
        if getattr(old.gateway, key) != getattr(new.gateway, key)
    ]
    changed += [
        f"buffer.{key}"
        for key in ("max_size", "allow_volatile")
        if getattr(old.buffer, key) != getattr(new.buffer, key)
    ]
    if (old.uplink is None) != (new.uplink is None):
        changed.append("uplink.mqtt")
    elif old.uplink and new.uplink:
        changed += _changed_uplink(old, new)
    return tuple(changed)


def _changed_uplink(old: Site, new: Site) -> list[str]:
    """Return the changed keys of ``[uplink.mqtt]``, as the file calls them."""
    key_of = {"host": "url", "port": "url", "tls": "url", "keepalive_s": "keepalive"}
    assert old.uplink is not None
    names = [field.name for field in fields(old.uplink)]
    changed = [key_of.get(name, name) for name in names if getattr(old.uplink, name) != getattr(new.uplink, name)]
    return [f"uplink.mqtt.{key}" for key in dict.fromkeys(changed)]
