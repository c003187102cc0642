"""The unit file, read by systemd itself."""
