//! What the kernel says of a process.

use std::fs;

/// Seconds of CPU time, user and system, of a running process; resolution 10 ms.
pub fn cpu_of(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let after_name = stat.rsplit(") ").next().expect("a name in parentheses");
    // proc(5): utime and stime are fields 14 and 15, the state after the name is field 3; 100 ticks a second.
    let ticks: u64 = after_name.split(' ').skip(11).take(2).map(|t| t.parse::<u64>().expect("a number")).sum();
    ticks as f64 / 100.0
}

pub fn cpu_of_self() -> f64 {
    cpu_of(std::process::id())
}

/// Largest resident memory so far, in MiB.
pub fn peak_mib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).expect("a number").parse::<f64>().expect("kibibytes") / 1024.0
}
