"""The whole of it: the real agent as a process, between instruments and brokers that nobody here wrote."""
