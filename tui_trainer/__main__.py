"""Run the command line with `python -m tui_trainer`."""

import sys

from tui_trainer.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
