"""The other ends of the wire: servers written by others, and one that misbehaves on request."""
