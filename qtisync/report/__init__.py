"""Pure: one report value becomes text, JSON or Markdown."""
