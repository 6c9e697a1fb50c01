"""Pure: how a change travels and what an answer means."""
