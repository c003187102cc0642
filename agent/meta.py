"""The retained `meta` message: what a subscriber wants to know before the first record. Advisory, not signed.

What is proved is in the chain: the key in the `hello` record, the meaning's hash in every record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from agent.keys import SigningKey, published
from agent.record import digest

if TYPE_CHECKING:
    from config.site import Device, Site, Text


def meta(site: Site, key: SigningKey, software: str) -> bytes:
    """Return the message: devices, points, units, labels, the public key."""
    return orjson.dumps(
        {
            "gw": site.gateway.id,
            "name": _text(site.gateway.name),
            "timezone": site.gateway.timezone,
            "software": software,
            "key": published(key.public),
            "cfg": digest(site.meaning),
            "devices": {device.spec.name: orjson.Fragment(_device(device)) for device in site.devices},
        }
    )


def _device(device: Device) -> bytes:
    """Return a device in JSON: one at a time, so that a large site costs no more than its text."""
    about: dict[str, Any] = {
        "label": _text(device.label),
        "bus": device.spec.bus,
        "protocol": device.spec.protocol,
        "address": device.spec.address,
        "poll": device.poll_s,
        **({} if device.slow_s is None else {"slow": device.slow_s}),
        "report": {"kind": device.report.kind, "period": device.report.period_s},
        "points": {
            info.name: {"label": _text(info.label), "unit": info.unit}
            | ({"code": info.code} if info.code else {})
            | ({"period": "slow"} if info.is_slow and device.slow_s is not None else {})
            for info in device.info
        },
    }
    return orjson.dumps(about)


def _text(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}
