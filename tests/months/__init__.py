"""Months of a believable plant in virtual time: as it should be, and with one cheat of every kind."""
