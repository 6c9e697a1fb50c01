"""Doing, in order; no rules in here."""
