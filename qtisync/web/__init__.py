"""The daemon's HTTP surface: hooks, health, metrics, status. Knows the daemon by ``ports.Control`` only."""
