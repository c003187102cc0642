"""Finding devices on a line or behind a host. Everything here only reads.

Which settings and addresses to try (`likely`), trying them (`sweep`), what a device that answers is (`naming`), and
what is wrong with a line on which nothing does (`verdict`).
"""
