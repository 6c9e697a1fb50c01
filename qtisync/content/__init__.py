"""Pure: bytes become items."""
