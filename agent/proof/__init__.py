"""The records of a period as a signed bundle that somebody else can check: made here, and checked here.

Pure but for the archive it is handed; the store comes in as an object that yields records, time as arguments.
"""
