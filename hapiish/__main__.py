"""`python -m hapiish` is the command `hapiish`."""

import sys

from hapiish.cli import main

sys.exit(main())
