"""``python -m sigden``."""

from sigden.cli import main

if __name__ == "__main__":
    main(prog_name="sigden")
