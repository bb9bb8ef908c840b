"""All benchmarks of the first run, one after the other (about four minutes)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

for name in ("startup.py", "large_database.py"):
    print(f"== {name}", flush=True)
    subprocess.run([sys.executable, str(Path(__file__).with_name(name))], check=True)
