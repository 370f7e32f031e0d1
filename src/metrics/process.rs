//! About the process itself: its version and its memory.

use std::fs;

use super::text::{Family, Kind};

pub(super) fn render(out: &mut String) {
    Family::new(out, Kind::Gauge, "auditferry_build_info", "1, with the version of the program.")
        .add(&[("version", env!("CARGO_PKG_VERSION"))], 1);
    if let Some(bytes) = resident_bytes() {
        let name = "auditferry_process_resident_memory_bytes";
        Family::new(out, Kind::Gauge, name, "Memory of the process that is in RAM.").add(&[], bytes);
    }
}

/// From Linux's `/proc`; `None` elsewhere.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok()?.checked_mul(1024)
}
