"""`python -m visum_client` is the command line `visum`."""

import sys

from visum_client.cli import main

if __name__ == "__main__":
    sys.exit(main())
