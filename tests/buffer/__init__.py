"""The outbox, mirrored file by file."""
