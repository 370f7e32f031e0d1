//! Free ports on 127.0.0.1 for servers that must know their port before they start, or come back on the same one.
//!
//! They are taken below the range from which Linux serves `bind` to port 0 and outgoing connections, so that no
//! other test is given a port while its server is down for a moment.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Mutex;

static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

/// A port that nothing listens on, and that this process has not been given before.
pub fn free_port() -> u16 {
    let mut given = GIVEN.lock().unwrap();
    loop {
        let port = fastrand::u16(20_000..32_000);
        if !given.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            given.insert(port);
            return port;
        }
    }
}
