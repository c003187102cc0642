"""Codecs against bytes that a fuzzer invents."""
