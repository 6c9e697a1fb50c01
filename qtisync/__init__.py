"""qtisync keeps a QTI API equal to a git commit."""

__version__ = "0.1.0"
