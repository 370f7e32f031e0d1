//! Splunk's Common Information Model, version 6: flat fields beside the event that Confluent sent.
//!
//! - The fields carry the names of the data models. `tag` names the data model's tags; without it the event belongs to no
//!   data model (routine checks and reads are noise there), and the other fields are still written.
//! - Fields of a data model that no audit event can fill are left out (`object_size`, `image_id`): the data models count
//!   them as unknown.

use super::event::Event;
use super::event::Outcome;
use super::fact::Fact;
use super::row::{Derived, How, List, Row, Target, When, class, fact, word};
use crate::event::Verb;

#[derive(Clone, Copy, Debug)]
pub(super) struct Cim;

/// A data model, for changes with its data set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Model {
    None,
    Authentication,
    DataAccess,
    Change,
    Account,
    Auditing,
    Network,
    Instance,
}

/// What `action` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    None,
    Is(&'static str),
    /// success or failure.
    Outcome,
    /// By the verb of the method: created, read, modified, deleted.
    Verb,
    /// By the operation whose permission was checked, else by the verb of the method.
    Operation,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ObjectCategory {
    Is(&'static str),
    ResourceType,
}

/// What a kind of event is in the Common Information Model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) model: Model,
    /// Successes belong to no data model.
    pub(super) only_denied: bool,
    pub(super) action: Action,
    pub(super) category: ObjectCategory,
}

pub(super) const NEVER: Choice = always(Model::None, Action::None, ObjectCategory::ResourceType);

pub(super) const fn always(model: Model, action: Action, category: ObjectCategory) -> Choice {
    Choice { model, only_denied: false, action, category }
}

pub(super) const fn denied(model: Model, action: Action, category: ObjectCategory) -> Choice {
    Choice { model, only_denied: true, action, category }
}

impl Model {
    pub(super) const fn tags(self) -> &'static [&'static str] {
        match self {
            Self::None => &[],
            Self::Authentication => &["authentication"],
            Self::DataAccess => &["data", "access"],
            Self::Change => &["change"],
            Self::Account => &["change", "account"],
            Self::Auditing => &["change", "audit"],
            Self::Network => &["change", "network"],
            Self::Instance => &["change", "instance"],
        }
    }
}

/// What follows from the class.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Tags,
    Action,
    Category,
    ChangeType,
    Status,
}

const ACL_MODIFIED: Action = Action::Is("acl_modified");

const CHANGE: &[Model] = &[Model::Change, Model::Account, Model::Auditing, Model::Network, Model::Instance];
const ACCOUNT: &[Model] = &[Model::Account];
/// The user is then the one whose account or rights are changed, and `src_user` is who did it.
const OF_AN_ACCOUNT: &[When<Cim>] = &[When::In(ACCOUNT)];
const WITHOUT_TARGET: &[When<Cim>] =
    &[When::In(ACCOUNT), When::Without(Fact::Target), When::Without(Fact::TargetEmail)];
const OF_ANYTHING_ELSE: &[When<Cim>] = &[When::NotIn(ACCOUNT)];
const AUTHENTICATION: &[Model] = &[Model::Authentication];

/// `app`, where it is not the name of the service.
const APPS: &[(&str, &str)] = &[("sg", "confluent:sr")];

/// `user_type`, by the type of the principal.
const USER_TYPES: &[(&str, &str)] = &[
    ("user", "user"),
    ("service_account", "service"),
    ("identity_pool", "service"),
    ("certificate", "service"),
    ("group", "group"),
    ("external_account", "external"),
];

impl Target for Cim {
    type Class = Model;
    type Part = Part;

    const ROWS: &'static [Row<Self>] = &[
        class("tag[]", Part::Tags),
        class("action", Part::Action),
        class("status", Part::Status).when(&[When::NotIn(AUTHENTICATION)]),
        word("action_result", "blocked").when(&[When::Is(Fact::Method, "ip-filter.Authorize"), When::Failed]),
        word("vendor_product", "Confluent Cloud"),
        fact("vendor_account", Fact::Organization),
        fact("app", Fact::Service).how(How::Words(APPS)),
        fact("app", Fact::Service).how(How::After("confluent:")),
        fact("event_id", Fact::Id),
        fact("signature", Fact::Method).when(&[When::In(AUTHENTICATION)]),
        fact("signature", Fact::Type),
        fact("command", Fact::Method),
        fact("operation", Fact::Operation),
        class("change_type", Part::ChangeType).when(&[When::In(CHANGE)]),
        fact("user", Fact::TargetEmail).when(OF_AN_ACCOUNT),
        fact("user", Fact::Target).when(OF_AN_ACCOUNT),
        fact("user", Fact::Email),
        fact("user", Fact::Principal),
        fact("user_id", Fact::Target).when(OF_AN_ACCOUNT),
        fact("user_id", Fact::Principal).when(OF_ANYTHING_ELSE),
        fact("user_id", Fact::Principal).when(WITHOUT_TARGET),
        fact("user_name", Fact::TargetEmail).when(OF_AN_ACCOUNT),
        fact("user_name", Fact::Target).when(OF_AN_ACCOUNT),
        fact("user_name", Fact::Email),
        fact("user_name", Fact::Principal),
        fact("user_type", Fact::TargetType).how(How::Words(USER_TYPES)).when(OF_AN_ACCOUNT),
        fact("user_type", Fact::PrincipalType).how(How::Words(USER_TYPES)).when(OF_ANYTHING_ELSE),
        fact("user_type", Fact::PrincipalType).how(How::Words(USER_TYPES)).when(WITHOUT_TARGET),
        fact("src_user", Fact::Email).when(OF_AN_ACCOUNT),
        fact("src_user", Fact::Principal).when(OF_AN_ACCOUNT),
        fact("src_user", Fact::OriginalPrincipal),
        fact("src_user", Fact::ActingPrincipal),
        fact("src_user_type", Fact::PrincipalType).how(How::Words(USER_TYPES)).when(OF_AN_ACCOUNT),
        fact("src", Fact::ClientIp),
        fact("src_ip", Fact::ClientAddress),
        fact("dest", Fact::Cluster),
        word("dest", "confluent.cloud"),
        fact("dvc", Fact::NetworkId),
        fact("object", Fact::Resource),
        fact("object_id", Fact::ResourceId),
        class("object_category", Part::Category),
        fact("object_attrs", Fact::Role).how(How::After("role=")).when(&[When::In(CHANGE)]),
        fact("object_attrs", Fact::Operation),
        fact("authentication_method", Fact::Mechanism),
        fact("reason", Fact::ErrorMessage).when(&[When::In(AUTHENTICATION), When::Failed]),
        fact("reason", Fact::OutcomeReason).when(&[When::In(AUTHENTICATION), When::Failed]),
        fact("result", Fact::ErrorMessage).when(&[When::NotIn(AUTHENTICATION), When::Failed]),
        fact("result", Fact::OutcomeReason).when(&[When::NotIn(AUTHENTICATION), When::Failed]),
        fact("session_id", Fact::ConnectionId),
        fact("request_id", Fact::RequestId),
        fact("client_id", Fact::ClientId),
        fact("api_key_id", Fact::CredentialId),
        fact("environment_id", Fact::Environment),
        fact("access_type", Fact::AccessType),
    ];

    const MARK: (&'static str, &'static str) = ("vendor_product", "Confluent Cloud");

    fn class(event: &Event<'_>) -> Model {
        let choice = event.row.cim;
        if choice.only_denied && !event.failed() { Model::None } else { choice.model }
    }

    fn says(part: Part) -> &'static str {
        match part {
            Part::Tags => "the tags of the data model",
            Part::Action => "the action of the class",
            Part::Status => "`success` or `failure`",
            Part::ChangeType => "`acl` for ACLs and roles, else `cloud`",
            Part::Category => "the category of the class, or ResourceType",
        }
    }

    fn part(event: &Event<'_>, model: Model, part: Part) -> Option<Derived> {
        let choice = event.row.cim;
        match part {
            Part::Tags => List::of(model.tags().iter().copied()),
            Part::Action => action(event, choice.action).map(Derived::Word),
            Part::Status => outcome(event).map(Derived::Word),
            Part::ChangeType => Some(Derived::Word(if choice.action == ACL_MODIFIED { "acl" } else { "cloud" })),
            Part::Category => Some(match choice.category {
                ObjectCategory::Is(category) => Derived::Word(category),
                ObjectCategory::ResourceType => Derived::Fact(Fact::ResourceType),
            }),
        }
    }
}

fn action(event: &Event<'_>, action: Action) -> Option<&'static str> {
    match action {
        Action::None => None,
        Action::Is(word) => Some(word),
        Action::Outcome => outcome(event),
        Action::Verb => Some(word_of(event.verb(), "modified")),
        Action::Operation => Some(word_of(event.operation().unwrap_or_else(|| event.verb()), "read")),
    }
}

fn outcome(event: &Event<'_>) -> Option<&'static str> {
    match event.outcome {
        Outcome::Success => Some("success"),
        Outcome::Failure => Some("failure"),
        Outcome::Unknown => None,
    }
}

fn word_of(verb: Verb, unknown: &'static str) -> &'static str {
    match verb {
        Verb::Create => "created",
        Verb::Read => "read",
        Verb::Update | Verb::Write => "modified",
        Verb::Delete => "deleted",
        Verb::Logon | Verb::AccessCheck | Verb::Other => unknown,
    }
}
