"""Records that shall not be tried again just yet: by number only, the records themselves are in the store."""

from __future__ import annotations

_STRIKES = 3


class Parking:
    """Parked sequence numbers, at most `most`; more are refused a place and are simply tried again."""

    def __init__(self, most: int) -> None:
        """Begin empty."""
        self._most = most
        self._parked: dict[int, bool] = {}
        self._strikes: dict[int, int] = {}

    def __contains__(self, seq: int) -> bool:
        return seq in self._parked

    def __len__(self) -> int:
        return len(self._parked)

    def park(self, seq: int, *, beyond_this_connection: bool = False) -> None:
        """Park a record until the next connection, or beyond it, until the next sweep."""
        if len(self._parked) < self._most:
            self._parked[seq] = beyond_this_connection

    def strike(self, seq: int, *, certain: bool) -> bool:
        """Suspect a record: the connection died while it alone was on its way. Return whether that makes it parked.

        One strike is enough when the broker said it was about a packet; otherwise it takes three, because connections
        die for many reasons.
        """
        strikes = self._strikes.get(seq, 0) + (_STRIKES if certain else 1)
        if strikes < _STRIKES:
            self._strikes = {seq: strikes}
            return False
        self._strikes = {}
        self.park(seq, beyond_this_connection=True)
        return True

    def reconnected(self) -> None:
        """Let go of what was parked for the last connection only."""
        self._parked = {seq: beyond for seq, beyond in self._parked.items() if beyond}

    def sweep(self) -> None:
        """Let go of everything."""
        self._parked.clear()
