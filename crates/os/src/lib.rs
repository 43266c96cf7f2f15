//! Everything in which operating systems differ: service managers, process trees, signals, accounts, limits.
