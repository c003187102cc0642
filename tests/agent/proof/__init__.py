"""Specifications of the signed bundle."""
