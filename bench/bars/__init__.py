"""What each command of the benchmark shows, and what Abide promises of it."""
