"""HJ 212, step by step, over the frames of `frames.json`."""
