//! What a service is: types, defaults and validation. No I/O.
