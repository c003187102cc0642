"""Tests mirror the tree; name and first sentence of a test are the specification."""
