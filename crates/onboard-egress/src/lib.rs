//! The only outgoing connections, and today there are none.
