"""How to speak to an instrument.

Nothing here knows about sites, rules, records or brokers. A driver turns wanted points into requests and answers
into a `Scan`; what cannot be had is ``null`` with a flag, never zero. No code here can encode a write.
"""
