//! Taking over from the connector: what `import` writes is run as it is, with nothing but the secrets filled in.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use crate::support::ports::free_port;
use crate::support::process::{self, Running, command};

mod in_place;
mod searches;

const LIMIT: Duration = Duration::from_secs(60);

/// The configuration that `import` makes of these files of `directory`.
#[track_caller]
fn import(directory: &Path, arguments: &[&str]) -> String {
    let mut command = command();
    command.arg("import").args(arguments).current_dir(directory);
    let finished = process::finish(command, LIMIT);
    assert_eq!(finished.code(), Some(0), "{}", finished.stderr);
    finished.stdout
}

/// Runs an imported configuration, with these variables. Its port for probes is every configuration's, so the environment
/// gives another one.
fn run(config: &str, variables: &[(&str, &str)]) -> Running {
    let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let listen = admin.to_string();
    let all = [variables, &[("AUDITFERRY_ADMIN__LISTEN", &listen)]].concat();
    Running::start_with(config, admin, &all)
}
