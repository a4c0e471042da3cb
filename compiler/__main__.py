"""Run the command line as ``python -m overbar``."""

from overbar.cli import main

if __name__ == "__main__":
    main()
