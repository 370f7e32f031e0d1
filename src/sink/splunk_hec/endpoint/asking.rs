//! Asking one endpoint for acknowledgements, and what its answers prove.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Endpoint;
use crate::delivery::attempt::Failure;
use crate::reason::Reason;
use crate::secret::Secret;
use crate::sink::http::{Seen, Unanswered, UnansweredKind};
use crate::sink::splunk_hec::acks::{Ask, Reply};
use crate::sink::splunk_hec::line::Line;

#[derive(Deserialize)]
struct AckAnswer {
    acks: BTreeMap<String, bool>,
}

impl Ask for Endpoint {
    async fn ask(&self, line: &Line, ids: &[u64]) -> Reply {
        let (mut token, mut refused) = (self.login.token(), Vec::new());
        loop {
            let seen = match self.send_on(line, self.requests.acks(&token, line.id(), ids)).await {
                Ok(seen) => seen,
                Err(Unanswered { kind: UnansweredKind::Retry(failure), .. }) => {
                    return Reply::Unclear(failure.to_string());
                }
                Err(Unanswered { kind: UnansweredKind::Hold(failure), .. }) => return Reply::Refused(failure),
            };
            let is_refused = matches!(seen.status, 401 | 403);
            let reply = reply(&seen, token.secret());
            refused.push(token);
            match is_refused.then(|| self.login.after_refusal(&refused)).flatten() {
                Some(other) => token = other,
                None => return reply,
            }
        }
    }
}

/// What an answer of the acknowledgement endpoint proves: nothing, unless it is `{"acks":{"<id>":true}}`.
fn reply(seen: &Seen, token: &Secret) -> Reply {
    let code = seen.hec().map(|answer| answer.code);
    match (seen.status, code) {
        (401 | 403, _) => Reply::Refused(Failure::new(Reason::Unauthorized, seen.describe(token))),
        (400, Some(14)) => Reply::Refused(Failure::new(Reason::AckDisabled, seen.describe(token))),
        (200 | 201, _) if seen.whole => match serde_json::from_slice::<AckAnswer>(&seen.body) {
            Ok(AckAnswer { acks }) => {
                let proven = acks.into_iter().filter(|(_, safe)| *safe);
                Reply::Known(proven.filter_map(|(id, _)| id.parse().ok()).collect())
            }
            Err(_) => Reply::Unclear(seen.describe(token)),
        },
        _ => Reply::Unclear(seen.describe(token)),
    }
}
