"""The soak: chatty programs under real supervisors, faults of every kind, and an exact count at the end."""
