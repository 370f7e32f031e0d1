//! The HEC token in force, and the one that worked before.
//!
//! A token is replaced in two places, in our file and in Splunk, in either order and not at one moment: behind a load
//! balancer some indexers know the new one before others. So every endpoint remembers which token it took, and a token
//! that is refused is not the end as long as there is another that may be taken.
//!
//! - Asked for first is the token of the file. Where that was refused and the former one was taken, the former comes first
//!   for [`HEC_NEW_TOKEN_RETRY`], so that not every request is refused once.
//! - A refusal makes the file be read at once: perhaps it has the token that Splunk knows.
//! - The former token is kept until the new one was taken, and for [`HEC_TOKEN_OVERLAP`] from then on.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reqwest::header::HeaderValue;
use tokio::time::Instant;

use super::BuildError;
use crate::defaults::{HEC_NEW_TOKEN_RETRY, HEC_TOKEN_OVERLAP};
use crate::reload::{News, Reloading};
use crate::secret::{Secret, SecretSource};

/// A token, ready to be sent.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Token {
    secret: Secret,
    header: HeaderValue,
}

impl Token {
    fn new(secret: Secret) -> Result<Self, BuildError> {
        // A header takes more, but no token has it: a space would make it another kind of credentials.
        if !secret.expose().chars().all(|c| c.is_ascii_graphic()) {
            return Err(BuildError::Token);
        }
        let mut header = HeaderValue::try_from(format!("Splunk {}", secret.expose())).map_err(|_| BuildError::Token)?;
        header.set_sensitive(true);
        Ok(Self { secret, header })
    }

    pub(super) fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The value of `Authorization`.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

/// The token of the configuration, shared by all endpoints.
#[derive(Debug)]
pub(super) struct Tokens(Reloading<Token>);

impl Tokens {
    pub(super) fn new(source: &SecretSource) -> Result<Self, BuildError> {
        let files = source.file().map(ToOwned::to_owned).into_iter().collect();
        let source = source.clone();
        Reloading::new(files, move || {
            let file = source.file().map(ToOwned::to_owned).unwrap_or_default();
            Token::new(source.read().map_err(|source| BuildError::TokenFile { file, source })?)
        })
        .map(Self)
    }

    pub(super) fn current(&self) -> Arc<Token> {
        self.0.get()
    }

    /// Reads the file if it has changed. Blocks for as long as reading it takes.
    fn renew(&self) {
        self.0.renew();
    }

    /// As when a token is refused, and tells what is new since the last call.
    pub(super) fn look(&self) -> Option<News> {
        self.0.look()
    }
}

/// Which token one endpoint takes.
#[derive(Debug)]
pub(super) struct Login {
    tokens: Arc<Tokens>,
    memory: Mutex<Memory>,
}

#[derive(Default, Debug)]
struct Memory {
    /// Taken here most recently.
    taken: Option<Arc<Token>>,
    /// Taken here before that, and until when it is remembered.
    former: Option<(Arc<Token>, Instant)>,
    /// Until then the token of the file is not asked for first, because it was refused and another was taken.
    avoid_new_until: Option<Instant>,
    /// The token of the file was not the last one taken.
    is_behind: bool,
    /// Whether that has changed, and was not told.
    news: bool,
}

impl Login {
    pub(super) fn new(tokens: Arc<Tokens>) -> Self {
        Self { tokens, memory: Mutex::default() }
    }

    /// The token to ask with.
    pub(super) fn token(&self) -> Arc<Token> {
        self.next(&[]).unwrap_or_else(|| self.tokens.current())
    }

    /// The token to ask with after these were refused; `None` when there is no other.
    pub(super) fn after_refusal(&self, refused: &[Arc<Token>]) -> Option<Arc<Token>> {
        self.tokens.renew();
        self.next(refused)
    }

    fn next(&self, refused: &[Arc<Token>]) -> Option<Arc<Token>> {
        let now = Instant::now();
        let current = self.tokens.current();
        let memory = self.memory();
        let former = memory.former.as_ref().filter(|(_, until)| now < *until).map(|(token, _)| token);
        let known = memory.taken.iter().chain(former).cloned();
        let order: Vec<Arc<Token>> = match memory.avoid_new_until {
            Some(until) if now < until => known.chain([current]).collect(),
            Some(_) | None => [current].into_iter().chain(known).collect(),
        };
        order.into_iter().find(|token| !refused.contains(token))
    }

    /// The endpoint has taken a request with this token, after it had refused these.
    pub(super) fn taken(&self, token: &Arc<Token>, refused: &[Arc<Token>]) {
        let now = Instant::now();
        let current = self.tokens.current();
        let mut memory = self.memory();
        if memory.taken.as_ref() != Some(token) {
            memory.former = memory.taken.replace(Arc::clone(token)).map(|former| (former, now + HEC_TOKEN_OVERLAP));
        }
        // Neither when the file changed while the request was under way: then nobody has asked with the new one yet.
        let is_behind = match () {
            () if *token == current => false,
            () if refused.contains(&current) => true,
            () => return,
        };
        memory.avoid_new_until = is_behind.then(|| now + HEC_NEW_TOKEN_RETRY);
        memory.news |= memory.is_behind != is_behind;
        memory.is_behind = is_behind;
    }

    /// Whether the former token is the one that is taken, if that has changed since the last call.
    pub(super) fn news(&self) -> Option<bool> {
        let mut memory = self.memory();
        mem::take(&mut memory.news).then_some(memory.is_behind)
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Assigned member by member; each is meaningful alone.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
