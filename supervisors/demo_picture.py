"""Makes the picture in the README from a demo that really runs.

From the folder of the repository: `python -m supervisors.demo_picture docs/demo.svg`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from supervisors.demo import DemoOptions, run_demo

if __name__ == "__main__":
    options = DemoOptions(duration_s=40, speed=4, seed=11, picture=Path(sys.argv[1]))
    sys.exit(run_demo(options))
