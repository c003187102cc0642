"""The wire format seen from outside: test vectors, and a verifier in another language that shares no code with ours."""
