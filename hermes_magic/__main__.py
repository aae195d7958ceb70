"""`python -m hermes_magic` is `hermes-magic`."""

import sys

from hermes_magic.cli import main

sys.exit(main())
