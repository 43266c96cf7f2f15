//! Drives the lifecycle with real processes, probes, logs and the control endpoint.
