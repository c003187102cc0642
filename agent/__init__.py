"""What we do with a reading, in one direction: poll, judge, seal, keep, publish."""

from typing import Final

__version__: Final = "0.1.0"
