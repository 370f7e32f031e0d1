//! The sink over the wire.
