//! The `abide` command: parsing, calling and printing.
