//! Reading what the client's Rust binding panics over.
//!
//! Names of headers and the notes beside committed positions should be UTF-8. No broker is bound to check it, and the
//! binding has no access to them that does not panic on other bytes. One record, or one commit of another tool, must not
//! be able to end the process again and again.
//!
//! Only a reading is ever tried, so that a panic leaves nothing half done. It must be caught by unwinding; therefore this
//! crate does not build with `panic = "abort"`.

use std::panic::{AssertUnwindSafe, catch_unwind};

const _: () =
    assert!(cfg!(panic = "unwind"), "one unreadable header would end the process: do not set panic = \"abort\"");

/// What `read` reads; `None` when the binding cannot.
pub(super) fn readable<T>(read: impl FnOnce() -> T) -> Option<T> {
    // Nothing of ours is touched between the call and the panic.
    catch_unwind(AssertUnwindSafe(read)).ok()
}
