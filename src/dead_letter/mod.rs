//! Dead-letter stores (first cut).

use std::sync::Arc;

use crate::config::DeadLetterConfig;
use crate::delivery::attempt::Failure;
use crate::delivery::letter::Letter;

pub struct Store;

impl Store {
    pub fn open(_config: &DeadLetterConfig) -> Result<Option<Self>, Failure> {
        Ok(None)
    }

    pub async fn put(&self, _pipeline: &str, _letters: Arc<Vec<Letter>>) -> Result<(), Failure> {
        Ok(())
    }
}
