"""`python -m openflan` is the same as `openflan`."""

import sys

from openflan.cli import main

if __name__ == "__main__":
    sys.exit(main())
