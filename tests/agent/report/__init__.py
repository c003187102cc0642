"""Specifications of the acceptance report."""
