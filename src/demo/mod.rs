//! Stand-ins that speak the wire of the servers around auditferry, for `demo` and for the tests.
//!
//! A stand-in can be told to misbehave, and it counts at the far side what really arrived. None of this is on the path
//! of an event in `run`.

pub mod hec;
