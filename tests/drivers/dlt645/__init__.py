"""Tests of `drivers.dlt645`."""
