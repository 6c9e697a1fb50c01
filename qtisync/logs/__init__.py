"""Structured logs: redaction first, and a catalogue of event names."""
