//! `schema`: what editors need to complete and check a configuration.

use super::Exit;
use super::terminal::print;
use crate::config;

pub(super) fn schema() -> anyhow::Result<Exit> {
    print(format!("{:#}\n", config::schema()))?;
    Ok(Exit::Done)
}
