//! A child process that does not outlive its owner.
//!
//! On drop the child is killed and reaped. If the test process itself dies, even by SIGKILL, a watchdog shell sees its
//! standard input close and kills the child then. That also covers values in statics, which are never dropped.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use super::waiting::wait_for;

/// Reads until its input closes, kills the process `$0`, and removes the directory `$1` once that is gone. The wait
/// is bounded because a killed process whose parent is gone may stay in the process table.
const WATCHDOG: &str = r#"
while read -r _; do :; done
kill -9 "$0" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$0" 2>/dev/null || break; sleep 0.1; done
[ -z "$1" ] || rm -rf "$1"
"#;

#[derive(Debug)]
pub struct Guarded {
    child: Child,
    watchdog: Child,
}

impl Guarded {
    /// Starts `command` in a process group of its own, so that Ctrl-C reaches it only through the watchdog.
    /// `scratch` is removed if the test process ends without dropping this value.
    pub fn spawn(command: &mut Command, scratch: Option<&Path>) -> Self {
        let child = command.process_group(0).spawn().unwrap_or_else(|error| panic!("start {command:?}: {error}"));
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, &child.id().to_string()])
            .arg(scratch.unwrap_or_else(|| Path::new("")))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("sh is on every machine that runs tests");
        Self { child, watchdog }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, e.g. `TERM`. Does nothing if the child has been seen to end.
    pub fn signal(&mut self, name: &str) {
        if self.ended().is_none() {
            signal(self.child.id(), name);
        }
    }

    /// How the child ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child of this process can be waited for")
    }

    /// Waits for the end of the child. Panics when `limit` passes first.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let what = format!("process {} ends", self.child.id());
        wait_for(limit, &what, || self.ended())
    }

    /// Lets the watchdog believe that the test process is gone.
    pub fn close_lifeline(&mut self) {
        drop(self.watchdog.stdin.take());
    }

    /// Kills the child (SIGKILL) and reaps it.
    pub fn kill(&mut self) {
        // The watchdog goes first: once the child is reaped its number may be given to another process.
        end(&mut self.watchdog);
        end(&mut self.child);
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.kill();
    }
}

fn end(child: &mut Child) {
    // Fails only when the process has ended and been reaped already, which is what is wanted.
    child.kill().ok();
    child.wait().ok();
}

/// Sends a signal through the shell's own `kill`: a slim Debian has no program of that name.
pub fn signal(process: u32, name: &str) {
    let status = Command::new("sh")
        .args(["-c", r#"kill -s "$0" "$1""#, name, &process.to_string()])
        .status()
        .expect("sh is on every machine that runs tests");
    assert!(status.success(), "send SIG{name} to {process}: {status}");
}

/// Whether a process with this number runs. One that has ended but was not reaped does not count.
pub fn is_running(process: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else { return false };
    // The state follows the command name in parentheses, which may itself contain spaces and parentheses.
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    state.is_some_and(|state| state != 'Z')
}

/// For messages: `exit code 1`, `signal 9`.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}
