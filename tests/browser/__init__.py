"""The panel in a real browser: Debian's Chromium, the panel's own process, a real agent, simulated meters."""
