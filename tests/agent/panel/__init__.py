"""Tests of the local web panel."""
