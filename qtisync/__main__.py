"""``python -m qtisync``."""

from qtisync.cli import main

if __name__ == "__main__":
    main()
