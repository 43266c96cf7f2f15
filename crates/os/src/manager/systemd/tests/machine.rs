//! What is found on the machine before anything is touched.
