//! OCSF 1.8.0: a document of its own.
//!
//! - The class is that of the table of classes, unless the event lacks what the class requires: then it is an API Activity,
//!   which requires nothing that an audit event can lack. An event without a method is a Base Event.
//! - `src_endpoint` and `user` must name something; where the event does not, they have the name `unknown`.
//! - What has no place in the class stands in `unmapped`.

use super::event::Event;
use super::event::Outcome;
use super::fact::Fact;
use super::row::{Derived, How, List, Row, Target, When, class, code, fact, raw, word};
use crate::event::Verb;

#[derive(Clone, Copy, Debug)]
pub(super) struct Ocsf;

/// The classes that are used, by their `class_uid`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    BaseEvent = 0,
    AccountChange = 3001,
    Authentication = 3002,
    EntityManagement = 3004,
    UserAccess = 3005,
    ApiActivity = 6003,
    DatastoreActivity = 6005,
}

/// What `activity_id` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Activity {
    Is(i64),
    /// 1 Create, 2 Read, 3 Update, 4 Delete, 99 Other: by the verb of the method, or if that only says that a permission was
    /// checked, by the operation that it is about.
    Verb,
    /// 1 Create, 6 Delete, 99 Other.
    Lifetime,
    /// 1 Assign, 2 Revoke.
    Grant,
}

/// What a kind of event is in OCSF.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) class: Class,
    pub(super) activity: Activity,
    /// `severity_id` of a success (or of what does not say) and of a failure.
    pub(super) severity: (i64, i64),
}

pub(super) const fn choice(class: Class, activity: Activity) -> Choice {
    Choice { class, activity, severity: (INFORMATIONAL, MEDIUM) }
}

const INFORMATIONAL: i64 = 1;
const MEDIUM: i64 = 3;
/// The activity of a class that has no number for it.
const OTHER: i64 = 99;
/// The type of an observable that is an IP address.
const IP_ADDRESS: i64 = 2;

impl Choice {
    pub(super) const fn severe(self, success: i64, failure: i64) -> Self {
        Self { severity: (success, failure), ..self }
    }
}

impl Class {
    pub(super) const fn uid(self) -> i64 {
        self as i64
    }

    /// What an event must have, to be of this class: what the class requires and no other row can stand for.
    pub(super) const fn needs(self) -> &'static [Fact] {
        match self {
            Self::BaseEvent | Self::Authentication | Self::ApiActivity => &[],
            Self::AccountChange => &[Fact::Target],
            Self::EntityManagement => &[Fact::ResourceId],
            Self::UserAccess => &[Fact::Target, Fact::Role],
            Self::DatastoreActivity => &[Fact::Resource],
        }
    }
}

/// What follows from the class.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    ActivityId,
    /// The method, for what has no number.
    ActivityName,
    CategoryUid,
    ClassUid,
    TypeUid,
    SeverityId,
    StatusId,
    Status,
    ActionId,
    DispositionId,
    Decision,
    Profiles,
}

const BASE: &[Class] = &[Class::BaseEvent];
const AUTHENTICATION: &[Class] = &[Class::Authentication];
const ENTITY: &[Class] = &[Class::EntityManagement];
const NO_ACTOR: &[Class] = &[Class::Authentication, Class::BaseEvent];
const WITH_DESTINATION: &[Class] = &[Class::Authentication, Class::ApiActivity, Class::DatastoreActivity];

const OF_AUTHENTICATION: &[When<Ocsf>] = &[When::In(AUTHENTICATION)];
const BY_AN_ACTOR: &[When<Ocsf>] = &[When::NotIn(NO_ACTOR)];
const OF_A_USER: &[When<Ocsf>] = &[When::In(&[Class::AccountChange, Class::UserAccess])];
const ON_RESOURCES: &[When<Ocsf>] = &[When::In(&[Class::ApiActivity, Class::UserAccess]), When::With(Fact::Resource)];
const ON_A_TOPIC: &[When<Ocsf>] = &[When::In(&[Class::DatastoreActivity])];
const ON_AN_ENTITY: &[When<Ocsf>] = &[When::In(ENTITY)];
const WITH_ADDRESS: &[When<Ocsf>] = &[When::NotIn(BASE), When::With(Fact::ClientAddress)];
const BY_A_CALL: &[When<Ocsf>] = &[When::NotIn(BASE)];

/// `user.type_id`, by the type of the principal.
const USER_TYPES: &[(&str, i64)] =
    &[("user", 1), ("external_account", 3), ("service_account", 4), ("identity_pool", 4), ("certificate", 4)];

/// `auth_protocol_id`, by the mechanism.
const PROTOCOLS: &[(&str, i64)] =
    &[("SASL_SSL/OAUTHBEARER", 6), ("HTTP_BEARER", 6), ("SASL_SSL/PLAIN", 11), ("HTTP_BASIC", 11)];

impl Target for Ocsf {
    type Class = Class;
    type Part = Part;

    const ROWS: &'static [Row<Self>] = &[
        class("activity_id", Part::ActivityId),
        class("activity_name", Part::ActivityName),
        class("category_uid", Part::CategoryUid),
        class("class_uid", Part::ClassUid),
        class("type_uid", Part::TypeUid),
        class("severity_id", Part::SeverityId),
        fact("time", Fact::Time).how(How::Millis),
        fact("time", Fact::Recorded).how(How::Millis),
        class("status_id", Part::StatusId),
        class("status", Part::Status),
        fact("status_code", Fact::OutcomeReason),
        fact("status_detail", Fact::ErrorMessage),
        class("action_id", Part::ActionId).when(&[When::Checked]),
        class("disposition_id", Part::DispositionId).when(&[When::Checked]),
        word("metadata.version", "1.8.0"),
        word("metadata.product.name", "Confluent Cloud"),
        word("metadata.product.vendor_name", "Confluent"),
        class("metadata.profiles[]", Part::Profiles),
        fact("metadata.uid", Fact::Id),
        fact("metadata.log_name", Fact::Type),
        fact("metadata.event_code", Fact::Method),
        fact("metadata.original_time", Fact::Time),
        fact("metadata.logged_time", Fact::Recorded).how(How::Millis),
        fact("metadata.correlation_uid", Fact::RequestId),
        word("cloud.provider", "Confluent"),
        fact("cloud.org.uid", Fact::Organization),
        // Who did it; in an authentication that is `user`.
        fact("actor.user.uid", Fact::Principal).when(BY_AN_ACTOR),
        fact("actor.user.name", Fact::Email).when(BY_AN_ACTOR),
        word("actor.user.name", "unknown").when(&[When::NotIn(NO_ACTOR), When::Alone]),
        fact("actor.user.email_addr", Fact::MailAddress).when(BY_AN_ACTOR),
        fact("actor.user.type_id", Fact::PrincipalType).how(How::Codes(USER_TYPES)).when(BY_AN_ACTOR),
        fact("actor.user.programmatic_credentials[].uid", Fact::CredentialId).when(BY_AN_ACTOR),
        fact("actor.session.uid", Fact::ConnectionId).when(BY_AN_ACTOR),
        class("actor.authorizations[].decision", Part::Decision).when(&[When::NotIn(NO_ACTOR), When::Checked]),
        fact("actor.authorizations[].policy.name", Fact::Role).when(&[When::NotIn(NO_ACTOR), When::Checked]),
        fact("actor.app_name", Fact::ClientId),
        // Who logged on, or whose account or rights were changed.
        fact("user.uid", Fact::Principal).when(OF_AUTHENTICATION),
        fact("user.uid", Fact::Target).when(OF_A_USER),
        fact("user.name", Fact::Email).when(OF_AUTHENTICATION),
        fact("user.name", Fact::TargetEmail).when(OF_A_USER),
        word("user.name", "unknown").when(&[When::In(AUTHENTICATION), When::Alone]),
        fact("user.email_addr", Fact::MailAddress).when(OF_AUTHENTICATION),
        fact("user.email_addr", Fact::TargetMailAddress).when(OF_A_USER),
        fact("user.type_id", Fact::PrincipalType).how(How::Codes(USER_TYPES)).when(OF_AUTHENTICATION),
        fact("user.type_id", Fact::TargetType).how(How::Codes(USER_TYPES)).when(OF_A_USER),
        fact("user.programmatic_credentials[].uid", Fact::CredentialId).when(OF_AUTHENTICATION),
        fact("privileges[]", Fact::Role).when(&[When::In(&[Class::UserAccess])]),
        fact("auth_protocol_id", Fact::Mechanism).how(How::CodesOr(PROTOCOLS, OTHER)).when(OF_AUTHENTICATION),
        fact("auth_protocol", Fact::Mechanism).when(OF_AUTHENTICATION),
        fact("session.uid", Fact::ConnectionId).when(OF_AUTHENTICATION),
        fact("service.name", Fact::Service).when(OF_AUTHENTICATION),
        fact("api.operation", Fact::Method),
        fact("api.service.name", Fact::Service).when(BY_A_CALL),
        fact("api.request.uid", Fact::RequestId).when(BY_A_CALL),
        fact("api.request.data.operation", Fact::Operation).when(&[When::NotIn(BASE), When::With(Fact::RequestId)]),
        fact("api.response.code", Fact::ErrorCode).how(How::Integer).when(BY_A_CALL),
        fact("api.response.error", Fact::OutcomeReason).when(&[When::NotIn(BASE), When::Failed]),
        fact("api.response.error_message", Fact::ErrorMessage).when(&[When::NotIn(BASE), When::Failed]),
        // Where from, and where to.
        fact("src_endpoint.ip", Fact::ClientAddress).when(BY_A_CALL),
        fact("src_endpoint.uid", Fact::ConnectionId).when(BY_A_CALL),
        fact("src_endpoint.name", Fact::ClientName).when(BY_A_CALL),
        word("src_endpoint.name", "unknown").when(&[When::NotIn(BASE), When::Alone]),
        fact("dst_endpoint.uid", Fact::Cluster).when(&[When::In(WITH_DESTINATION)]),
        // What was acted on.
        fact("resources[].type", Fact::ResourceType).how(How::Title).when(ON_RESOURCES),
        fact("resources[].name", Fact::Resource).when(ON_RESOURCES),
        fact("resources[].uid", Fact::ResourceId).when(ON_RESOURCES),
        fact("resources[].namespace", Fact::Environment).when(ON_RESOURCES),
        fact("resources[].group.uid", Fact::Cluster).when(ON_RESOURCES),
        fact("databucket.name", Fact::Resource).when(ON_A_TOPIC),
        fact("databucket.type", Fact::ResourceType).how(How::Title).when(ON_A_TOPIC),
        code("databucket.type_id", OTHER).when(ON_A_TOPIC),
        fact("databucket.namespace", Fact::Environment).when(ON_A_TOPIC),
        fact("entity.uid", Fact::ResourceId).when(ON_AN_ENTITY),
        fact("entity.name", Fact::Resource).when(ON_AN_ENTITY),
        fact("entity.type", Fact::ResourceType).how(How::Title).when(ON_AN_ENTITY),
        fact("entity.policy.uid", Fact::ResourceId)
            .when(&[When::In(ENTITY), When::Is(Fact::ResourceType, "IP_FILTER")]),
        word("observables[].name", "src_endpoint.ip").when(WITH_ADDRESS),
        code("observables[].type_id", IP_ADDRESS).when(WITH_ADDRESS),
        fact("observables[].value", Fact::ClientAddress).when(WITH_ADDRESS),
        // What has no place.
        fact("unmapped.network_id", Fact::NetworkId),
        fact("unmapped.access_type", Fact::AccessType),
        fact("unmapped.operation", Fact::Operation).when(&[When::Without(Fact::RequestId)]),
        fact("unmapped.acting_principal", Fact::ActingPrincipal),
        fact("unmapped.original_principal", Fact::OriginalPrincipal),
        fact("unmapped.correlation_id", Fact::CorrelationId),
        fact("unmapped.trace_id", Fact::TraceId),
        raw("raw_data"),
    ];

    const MARK: (&'static str, &'static str) = ("metadata.product.name", "Confluent Cloud");

    fn class(event: &Event<'_>) -> Class {
        let class = event.row.ocsf.class;
        let has_all = class.needs().iter().all(|fact| event.facts.get(*fact).is_some());
        if has_all { class } else { Class::ApiActivity }
    }

    fn says(part: Part) -> &'static str {
        match part {
            Part::ActivityId => "the activity of the class",
            Part::ActivityName => "Method, if the activity is 99",
            Part::CategoryUid => "the first digit of the class",
            Part::ClassUid => "the class",
            Part::TypeUid => "class × 100 + activity",
            Part::SeverityId => "the severity of the class",
            Part::StatusId => "1 success, 2 failure, 0 unknown",
            Part::Status => "`Success`, `Failure` or `Unknown`",
            Part::ActionId => "1 allowed, 2 denied, 0 unknown",
            Part::DispositionId => "1 allowed, 2 blocked, 0 unknown",
            Part::Decision => "`allowed`, `denied` or `unknown`",
            Part::Profiles => "`cloud`; for a permission that was checked also `security_control`",
        }
    }

    fn part(event: &Event<'_>, class: Class, part: Part) -> Option<Derived> {
        let activity = || activity(event, class);
        Some(match part {
            Part::ActivityId => Derived::Code(activity()),
            Part::ActivityName => return (activity() == OTHER).then_some(Derived::Fact(Fact::Method)),
            Part::CategoryUid => Derived::Code(class.uid() / 1000),
            Part::ClassUid => Derived::Code(class.uid()),
            Part::TypeUid => Derived::Code(class.uid() * 100 + activity()),
            Part::SeverityId => {
                let (otherwise, failure) = event.row.ocsf.severity;
                Derived::Code(if event.failed() { failure } else { otherwise })
            }
            Part::StatusId => Derived::Code(by_outcome(event, (0, 1, 2))),
            Part::Status => Derived::Word(by_outcome(event, ("Unknown", "Success", "Failure"))),
            Part::ActionId | Part::DispositionId => Derived::Code(by_outcome(event, (0, 1, 2))),
            Part::Decision => Derived::Word(by_outcome(event, ("unknown", "allowed", "denied"))),
            Part::Profiles => {
                let words = ["cloud", "security_control"];
                return List::of(words.into_iter().take(if event.is_check() { 2 } else { 1 }));
            }
        })
    }
}

fn activity(event: &Event<'_>, class: Class) -> i64 {
    let chosen = event.row.ocsf;
    let by_verb = |create, read, update, delete| match event.verb() {
        Verb::Create => create,
        Verb::Read => read,
        Verb::Update | Verb::Write => update,
        Verb::Delete => delete,
        Verb::Logon | Verb::AccessCheck | Verb::Other => OTHER,
    };
    // Of the class that takes the place of another the activity goes by the verb, too.
    let activity = if class == chosen.class { chosen.activity } else { Activity::Verb };
    match activity {
        Activity::Is(activity) => activity,
        Activity::Verb => by_verb(1, 2, 3, 4),
        Activity::Lifetime => by_verb(1, OTHER, OTHER, 6),
        Activity::Grant => by_verb(1, OTHER, OTHER, 2),
    }
}

fn by_outcome<T>(event: &Event<'_>, (unknown, success, failure): (T, T, T)) -> T {
    match event.outcome {
        Outcome::Unknown => unknown,
        Outcome::Success => success,
        Outcome::Failure => failure,
    }
}
