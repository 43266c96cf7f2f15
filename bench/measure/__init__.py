"""What is measured; one module for each way of measuring."""

from measure.bench import Bench, say

__all__ = ["Bench", "say"]
