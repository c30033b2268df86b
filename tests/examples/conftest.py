"""Makes the demonstration's modules importable as the command `python examples/demo_data.py` sees them."""

import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
sys.path.insert(0, str(EXAMPLES))
