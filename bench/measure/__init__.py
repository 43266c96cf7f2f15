"""What is measured; one module for each way of measuring."""

from measure import hundred, logs, restart
from measure.bench import Bench, say

#: The names that `--only` takes, and what measures them.
FIGURES = {
    "restart": restart.run,
    "up": hundred.run,
    "memory": hundred.run,
    "idle": hundred.run,
    "logs": logs.run,
}

__all__ = ["FIGURES", "Bench", "say"]
