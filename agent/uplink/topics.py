"""Where each kind of record goes: `{prefix}/v1/{gateway}/{kind}`, and the two retained topics beside them."""

from __future__ import annotations

VERSION = "v1"


class Topics:
    """The topics of one gateway. Built once; `of` is a dictionary look-up on the hot path."""

    def __init__(self, prefix: str, gateway: str) -> None:
        """Take the site's prefix (which may itself contain slashes) and the gateway's id."""
        self._root = f"{prefix.strip('/')}/{VERSION}/{gateway}".lstrip("/")
        self._of: dict[str, str] = {}
        self.status = f"{self._root}/status"
        self.meta = f"{self._root}/meta"

    def of(self, kind: str) -> str:
        """Return the topic of a record's kind."""
        topic = self._of.get(kind)
        if topic is None:
            topic = self._of[kind] = f"{self._root}/{kind}"
        return topic
