"""What can go wrong with the store, named by who must act.

Every error says what happened, where, and what to do next; ``str(error)`` is fit for plant staff.
"""

from __future__ import annotations


class OutboxError(Exception):
    """The store cannot do what was asked."""

    def __init__(self, what: str, *, where: object, hint: str) -> None:
        """Keep the three parts apart, for the log and the panel."""
        super().__init__(f"{where}: {what}; {hint}")
        self.what = what
        self.where = str(where)
        self.hint = hint


class Volatile(OutboxError):
    """The installer must choose another directory: this one does not survive a power cut."""


class Locked(OutboxError):
    """Another instance owns the directory."""


class Newer(OutboxError):
    """The store was written by a newer version of the program; nothing was touched."""


class StoreFull(OutboxError):
    """There was no room; nothing was changed. The caller drops something (`Outbox.room`) and writes again.

    `disk` tells a full disk (others filled it) from the store's own cap.
    """

    def __init__(self, what: str, *, where: object, hint: str, disk: bool) -> None:
        """Keep whose limit it was."""
        super().__init__(what, where=where, hint=hint)
        self.disk = disk


class StoreFailed(OutboxError):
    """The storage failed; the store is closed. Whether the last transaction survived is known after `Outbox.reopen`.

    `corrupt` is true when what is on the disk can no longer be trusted, so that reopening looks at every page.
    """

    def __init__(self, what: str, *, where: object, hint: str, corrupt: bool = False) -> None:
        """Keep whether the pages themselves are suspect."""
        super().__init__(what, where=where, hint=hint)
        self.corrupt = corrupt
