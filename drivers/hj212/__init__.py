"""HJ 212, the language of pollution-source instruments and their hosts: editions 2005, 2017 and 2025.

From the wire inwards, each step pure: `crc`, `sealed` (SM4), `packet` (cut a stream, build a packet), `content` (what a
packet says), `uploads` (which command carries which field), `values` (a field to a reading). `dialect` names what peers
do against the standard and is tolerated. `sender` is the instrument that sends by itself.
"""
