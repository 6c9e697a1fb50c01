"""Pure: what differs, is it safe, what will it cost."""
