"""The demo: an example content repository, and the edits of its story."""
