"""The worlds of the sealing and reporting tests are used here as well."""

import sys
from pathlib import Path

for _folder in ("sealing", "reporting"):
    sys.path.insert(0, str(Path(__file__).parents[1] / _folder))
