//! `completions`: scripts that let shells complete our command line.

use clap::{Args as ClapArgs, CommandFactory};
use clap_complete::Shell;

use super::terminal::print;
use super::{Args, Exit};

#[derive(Debug, ClapArgs)]
pub(super) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

pub(super) fn completions(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "auditferry", &mut script);
    print(script)?;
    Ok(Exit::Done)
}
