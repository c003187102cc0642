"""Tests of finding devices."""
