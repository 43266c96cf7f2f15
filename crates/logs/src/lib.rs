//! Capture, rotation, retention and reading back of what a program prints.
