"""One outside thing per module, one outside library per door."""
