"""From the outbox to the platform."""
