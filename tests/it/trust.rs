//! Whom the program trusts, with real handshakes: servers that must be refused, stores as Java has them, and what is replaced
//! while the program runs.

mod refused;
mod replaced;
mod stores;
