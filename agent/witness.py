"""Sees the record that a draft becomes: for those who need the signed words themselves, not only that they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from buffer.outbox import Entry, Outbox


class Witness:
    """Listens to what is committed, from `attend` to `record`. Belongs to the pipeline's thread."""

    def __init__(self, outbox: Outbox) -> None:
        self._heard: list[Entry] | None = None
        outbox.listen(self._hear)

    def attend(self) -> None:
        """Remember what is committed from now on."""
        self._heard = []

    def record(self, draft: Mapping[str, Any]) -> dict[str, Any]:
        """Return `seq`, `id` and `wire` of the record that an `event` draft became; nothing if it was not committed."""
        heard, self._heard = self._heard or [], None
        for entry in reversed(heard):
            if entry.urgent and orjson.loads(entry.wire).get("event") == draft["event"]:
                return {"seq": entry.seq, "id": entry.id, "wire": entry.wire.decode()}
        return {}

    def _hear(self, entries: Sequence[Entry]) -> None:
        if self._heard is not None:
            self._heard += entries
