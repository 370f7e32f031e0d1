//! Elastic Common Schema 9.4.0: a document of its own.
//!
//! - `source.ip` and `client.ip` are of Elasticsearch's type `ip`, which refuses the whole document for anything else; so an
//!   address that redaction has made something else goes to `source.address` and `client.address` alone.
//! - What the schema has no field for stands in `confluent.*`.
//! - `event.ingested` is Elasticsearch's to say.

use super::cim::Model;
use super::event::Event;
use super::event::Outcome;
use super::fact::Fact;
use super::row::{Derived, How, List, Row, Target, When, class, fact, raw, word};
use crate::event::Verb;

#[derive(Clone, Copy, Debug)]
pub(super) struct Ecs;

/// One word of `event.category` or `event.type`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Word {
    Is(&'static str),
    /// If the event says that it succeeded.
    OnSuccess(&'static str),
    /// creation, change, deletion or access: by the verb of the method, or if that only says that a permission was checked, by
    /// the operation that it is about.
    Verb,
    /// allowed or denied.
    Decision,
}

/// What a kind of event is in ECS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) category: &'static [Word],
    pub(super) types: &'static [Word],
}

pub(super) const fn choice(category: &'static [Word], types: &'static [Word]) -> Choice {
    Choice { category, types }
}

/// What follows from the class.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Category,
    Type,
    Outcome,
}

/// Events about an account or its rights, and no others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum About {
    AnAccount,
    AnythingElse,
}

const ACCOUNT: &[About] = &[About::AnAccount];

impl Target for Ecs {
    type Class = About;
    type Part = Part;

    const ROWS: &'static [Row<Self>] = &[
        fact("@timestamp", Fact::Time).how(How::Instant),
        fact("@timestamp", Fact::Recorded).how(How::Instant),
        word("ecs.version", "9.4.0"),
        word("event.kind", "event"),
        word("event.module", "confluent"),
        word("event.dataset", "confluent.audit"),
        word("event.provider", "confluent.cloud"),
        class("event.category[]", Part::Category),
        class("event.type[]", Part::Type),
        class("event.outcome", Part::Outcome),
        fact("event.id", Fact::Id),
        fact("event.action", Fact::Method),
        fact("event.code", Fact::Method),
        fact("event.reason", Fact::ErrorMessage),
        fact("event.reason", Fact::OutcomeReason).when(&[When::Failed]),
        raw("event.original"),
        fact("event.created", Fact::Recorded).how(How::Instant),
        fact("error.message", Fact::ErrorMessage).when(&[When::Failed]),
        fact("error.code", Fact::ErrorCode),
        word("cloud.provider", "confluent"),
        fact("cloud.account.id", Fact::Organization),
        fact("cloud.service.name", Fact::Service),
        fact("organization.id", Fact::Organization),
        word("observer.product", "auditferry"),
        fact("service.name", Fact::Service),
        fact("service.type", Fact::Service),
        fact("user.id", Fact::Principal),
        fact("user.name", Fact::Email),
        fact("user.name", Fact::Principal),
        fact("user.email", Fact::Email),
        fact("user.effective.id", Fact::OriginalPrincipal),
        fact("user.effective.id", Fact::ActingPrincipal),
        fact("user.target.id", Fact::Target).when(&[When::In(ACCOUNT)]),
        fact("user.target.email", Fact::TargetEmail).when(&[When::In(ACCOUNT)]),
        fact("user.target.name", Fact::TargetEmail).when(&[When::In(ACCOUNT)]),
        fact("user.target.name", Fact::Target).when(&[When::In(ACCOUNT)]),
        fact("user.target.roles[]", Fact::Role).when(&[When::In(ACCOUNT)]),
        fact("user.changes.roles[]", Fact::Role).when(&[When::In(ACCOUNT)]),
        fact("source.ip", Fact::ClientAddress),
        fact("source.address", Fact::ClientIp),
        fact("client.ip", Fact::ClientAddress),
        fact("client.address", Fact::ClientIp),
        fact("related.ip[]", Fact::ClientAddress).how(How::EachAddress),
        fact("http.request.id", Fact::RequestId),
        fact("trace.id", Fact::TraceId),
        fact("network.name", Fact::NetworkId),
        fact("labels.principal_type", Fact::PrincipalType),
        fact("confluent.environment.id", Fact::Environment),
        fact("confluent.cluster.id", Fact::Cluster),
        fact("confluent.audit.type", Fact::Type),
        fact("confluent.audit.credential_id", Fact::CredentialId),
        fact("confluent.audit.mechanism", Fact::Mechanism),
        fact("confluent.audit.client_id", Fact::ClientId),
        fact("confluent.audit.connection_id", Fact::ConnectionId),
        fact("confluent.audit.correlation_id", Fact::CorrelationId),
        fact("confluent.audit.operation", Fact::Operation),
        fact("confluent.audit.role", Fact::Role),
        fact("confluent.audit.access_type", Fact::AccessType),
        fact("confluent.audit.outcome_reason", Fact::OutcomeReason),
        fact("confluent.audit.resource.type", Fact::ResourceType),
        fact("confluent.audit.resource.name", Fact::Resource),
        fact("confluent.audit.resource.id", Fact::ResourceId),
    ];

    const MARK: (&'static str, &'static str) = ("event.dataset", "confluent.audit");

    fn class(event: &Event<'_>) -> About {
        if event.row.cim.model == Model::Account { About::AnAccount } else { About::AnythingElse }
    }

    fn says(part: Part) -> &'static str {
        match part {
            Part::Category => "the categories of the class",
            Part::Type => "the types of the class",
            Part::Outcome => "`success`, `failure` or `unknown`",
        }
    }

    fn part(event: &Event<'_>, _: About, part: Part) -> Option<Derived> {
        let words = |words: &'static [Word]| List::of(words.iter().filter_map(|word| word.of(event)));
        match part {
            Part::Category => words(event.row.ecs.category),
            Part::Type => words(event.row.ecs.types),
            Part::Outcome => Some(Derived::Word(match event.outcome {
                Outcome::Success => "success",
                Outcome::Failure => "failure",
                Outcome::Unknown => "unknown",
            })),
        }
    }
}

impl Word {
    fn of(self, event: &Event<'_>) -> Option<&'static str> {
        match self {
            Self::Is(word) => Some(word),
            Self::OnSuccess(word) => (event.outcome == Outcome::Success).then_some(word),
            Self::Decision => match event.outcome {
                Outcome::Success => Some("allowed"),
                Outcome::Failure => Some("denied"),
                Outcome::Unknown => None,
            },
            Self::Verb => match event.verb() {
                Verb::Create => Some("creation"),
                Verb::Update | Verb::Write => Some("change"),
                // What is not known is a change, except as a mere check.
                Verb::Other => (!event.is_check()).then_some("change"),
                Verb::Delete => Some("deletion"),
                Verb::Read => Some("access"),
                Verb::Logon | Verb::AccessCheck => None,
            },
        }
    }
}
