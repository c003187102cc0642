"""The pages, one module each. A module exports ``ROUTES``, which `agent.panel.app` collects."""
