"""The configuration: frozen settings, read from YAML and the environment; all faults are reported at once."""
