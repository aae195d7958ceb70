"""Tests against server programs of others; `python3 -m tests --real` installs those and runs."""

import os

collect_ignore_glob = [] if "HERMES_LLAMA_PYTHON" in os.environ else ["test_*.py"]
