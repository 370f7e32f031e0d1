//! What class an event belongs to, in each target: one row per kind of event.
//!
//! - A row lists the signs of its kind. The first row of which one sign holds decides. Methods are compared without case, and no
//!   list of them is closed: what is not known by name goes by its verb.
//! - What an event lacks can still change its class: see [`super::ocsf`].

use super::event::Signs;
use super::{cim, ecs, ocsf};
use crate::event::Verb;

/// One kind of event.
#[derive(Debug)]
pub(super) struct Row {
    /// For the documentation.
    pub(super) events: &'static str,
    pub(super) signs: &'static [Sign],
    pub(super) cim: cim::Choice,
    pub(super) ocsf: ocsf::Choice,
    pub(super) ecs: ecs::Choice,
}

/// What a kind is recognised by.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sign {
    /// The method as a whole, in lower case.
    Method(&'static str),
    /// What stands before the method's first point, in lower case.
    Service(&'static str),
    /// The method's name holds this, in lower case.
    Named(&'static str),
    /// What stands behind the stroke in the CloudEvents type.
    Family(&'static str),
    Verb(Verb),
    /// The type of the resource.
    Resource(&'static str),
    NoMethod,
    Any,
}

impl Row {
    pub(super) fn of(event: &Signs<'_, '_>) -> &'static Self {
        let decides = |row: &&Self| row.signs.iter().any(|sign| event.show(*sign));
        ROWS.iter().find(decides).unwrap_or(&ROWS[ROWS.len() - 1])
    }
}

use cim::{Action, Model, ObjectCategory};
use ecs::Word;
use ocsf::{Activity, Class};

/// The last row takes what no other has taken.
pub(super) const ROWS: &[Row] = &[
    Row {
        events: "no method: not an audit event, or one of an unknown shape",
        signs: &[Sign::NoMethod],
        cim: cim::NEVER,
        ocsf: ocsf::choice(Class::BaseEvent, Activity::Is(0)),
        ecs: ecs::choice(&[], &[]),
    },
    Row {
        events: "confluent.privileged.access: the vendor's staff looks at a cluster",
        signs: &[Sign::Method("confluent.privileged.access"), Sign::Family("access-transparency")],
        cim: cim::always(Model::DataAccess, Action::Is("read"), ObjectCategory::ResourceType),
        ocsf: ocsf::choice(Class::ApiActivity, Activity::Is(2)).severe(4, 4),
        ecs: ecs::choice(&[Word::Is("api")], &[Word::Is("admin"), Word::Is("access")]),
    },
    Row {
        events: "ip-filter.Authorize",
        signs: &[Sign::Method("ip-filter.authorize")],
        cim: cim::denied(Model::DataAccess, Action::Operation, ObjectCategory::ResourceType),
        ocsf: ocsf::choice(Class::ApiActivity, Activity::Is(99)).severe(1, 4),
        ecs: ecs::choice(&[Word::Is("api"), Word::Is("network")], &[Word::Decision]),
    },
    Row {
        events: "kafka.Authentication, schema-registry.Authentication, flink.Authenticate, ksql.Authenticate, SignIn",
        signs: &[Sign::Family("authentication"), Sign::Verb(Verb::Logon)],
        cim: cim::always(Model::Authentication, Action::Outcome, ObjectCategory::ResourceType),
        ocsf: ocsf::choice(Class::Authentication, Activity::Is(1)),
        ecs: ecs::choice(&[Word::Is("authentication"), Word::OnSuccess("session")], &[Word::Is("start")]),
    },
    Row {
        events: "mds.Authorize, flink.Authorize, ksql.Authorize; Kafka's and Schema Registry's methods as permission checks",
        signs: &[Sign::Family("authorization"), Sign::Verb(Verb::AccessCheck)],
        cim: cim::denied(Model::DataAccess, Action::Operation, ObjectCategory::ResourceType),
        ocsf: ocsf::choice(Class::ApiActivity, Activity::Verb),
        ecs: ecs::choice(&[Word::Is("api")], &[Word::Verb, Word::Decision]),
    },
    Row {
        events: "kafka.Fetch",
        signs: &[Sign::Method("kafka.fetch")],
        cim: cim::always(Model::DataAccess, Action::Is("read"), ObjectCategory::ResourceType),
        ocsf: ocsf::choice(Class::DatastoreActivity, Activity::Is(1)),
        ecs: ecs::choice(&[Word::Is("database")], &[Word::Is("access")]),
    },
    Row {
        events: "kafka.Produce",
        signs: &[Sign::Method("kafka.produce")],
        cim: cim::always(Model::DataAccess, Action::Is("modified"), ObjectCategory::ResourceType),
        ocsf: ocsf::choice(Class::DatastoreActivity, Activity::Is(5)),
        ecs: ecs::choice(&[Word::Is("database")], &[Word::Is("change")]),
    },
    Row {
        events: "Get…, List…, Describe…, Search…, and whatever says that it only reads",
        signs: &[Sign::Verb(Verb::Read)],
        cim: cim::denied(Model::DataAccess, Action::Is("read"), ObjectCategory::ResourceType),
        ocsf: ocsf::choice(Class::ApiActivity, Activity::Is(2)),
        ecs: ecs::choice(&[Word::Is("api")], &[Word::Is("access")]),
    },
    Row {
        events: "kafka.CreateAcls, kafka.DeleteAcls",
        signs: &[Sign::Named("acls")],
        cim: cim::always(Model::Change, Action::Is("acl_modified"), ObjectCategory::Is("acl")),
        ocsf: ocsf::choice(Class::ApiActivity, Activity::Verb),
        ecs: ecs::choice(&[Word::Is("iam"), Word::Is("configuration")], &[Word::Is("change")]),
    },
    Row {
        events: "BindRoleForPrincipal, CreateRoleBinding, UnbindRoleForPrincipal, DeleteRoleBindingById, GrantRoleResources…, RevokeRoleResources…",
        signs: &[Sign::Named("role")],
        cim: cim::always(Model::Account, Action::Is("acl_modified"), ObjectCategory::Is("role")),
        ocsf: ocsf::choice(Class::UserAccess, Activity::Grant),
        ecs: ecs::choice(&[Word::Is("iam")], &[Word::Is("admin"), Word::Is("change"), Word::Is("user")]),
    },
    Row {
        events: "CreateAPIKey, UpdateAPIKey, DeleteAPIKey",
        signs: &[Sign::Named("apikey")],
        cim: cim::always(Model::Account, Action::Verb, ObjectCategory::Is("api_key")),
        ocsf: ocsf::choice(Class::ApiActivity, Activity::Verb),
        ecs: ecs::choice(&[Word::Is("iam")], &[Word::Verb]),
    },
    Row {
        events: "Create, Update, Delete of User and ServiceAccount; InviteUser, DeleteInvitation",
        signs: &[Sign::Named("user"), Sign::Named("serviceaccount"), Sign::Named("invit")],
        cim: cim::always(Model::Account, Action::Verb, ObjectCategory::Is("user")),
        ocsf: ocsf::choice(Class::AccountChange, Activity::Lifetime),
        ecs: ecs::choice(&[Word::Is("iam")], &[Word::Is("user"), Word::Verb]),
    },
    Row {
        events: "SSOConnection, IdentityProvider, IdentityPool, group mappings, SCIM",
        signs: &[
            Sign::Named("ssoconnection"),
            Sign::Named("identityprovider"),
            Sign::Named("identitypool"),
            Sign::Named("groupmapping"),
            Sign::Named("scim"),
        ],
        cim: cim::always(Model::Auditing, Action::Verb, ObjectCategory::ResourceType),
        ocsf: ocsf::choice(Class::EntityManagement, Activity::Verb),
        ecs: ecs::choice(&[Word::Is("iam")], &[Word::Is("change")]),
    },
    Row {
        events: "IP filters and IP groups",
        signs: &[
            Sign::Named("ipfilter"),
            Sign::Named("ipgroup"),
            Sign::Resource("ip_filter"),
            Sign::Resource("ip_group"),
        ],
        cim: cim::always(Model::Network, Action::Verb, ObjectCategory::ResourceType),
        ocsf: ocsf::choice(Class::EntityManagement, Activity::Verb),
        ecs: ecs::choice(&[Word::Is("configuration")], &[Word::Is("change")]),
    },
    Row {
        events: "schema-registry.Register…/Deregister… of Kek and Dek",
        signs: &[Sign::Named("kek"), Sign::Named("dek")],
        cim: cim::always(Model::Change, Action::Verb, ObjectCategory::Is("key")),
        ocsf: ocsf::choice(Class::ApiActivity, Activity::Verb),
        ecs: ecs::choice(&[Word::Is("configuration")], &[Word::Verb]),
    },
    Row {
        events: "schema-registry.RegisterSchema, …SubjectConfig, …Mode and all other changes in a Schema Registry",
        signs: &[Sign::Service("schema-registry")],
        cim: cim::always(Model::Change, Action::Verb, ObjectCategory::Is("schema")),
        ocsf: ocsf::choice(Class::ApiActivity, Activity::Verb),
        ecs: ecs::choice(&[Word::Is("configuration")], &[Word::Verb]),
    },
    Row {
        events: "Create, Update, Delete of KafkaCluster, SchemaRegistryCluster, KSQLCluster",
        signs: &[Sign::Named("kafkacluster"), Sign::Named("schemaregistrycluster"), Sign::Named("ksqlcluster")],
        cim: cim::always(Model::Instance, Action::Verb, ObjectCategory::ResourceType),
        ocsf: ocsf::choice(Class::ApiActivity, Activity::Verb),
        ecs: ecs::choice(&[Word::Is("configuration")], &[Word::Verb]),
    },
    Row {
        events: "every other change: topics, environments, connectors, networks, cluster links, Flink statements, …",
        signs: &[Sign::Verb(Verb::Create), Sign::Verb(Verb::Update), Sign::Verb(Verb::Delete)],
        cim: cim::always(Model::Change, Action::Verb, ObjectCategory::ResourceType),
        ocsf: ocsf::choice(Class::ApiActivity, Activity::Verb),
        ecs: ecs::choice(&[Word::Is("configuration")], &[Word::Verb]),
    },
    Row {
        events: "everything else",
        signs: &[Sign::Any],
        cim: cim::NEVER,
        ocsf: ocsf::choice(Class::ApiActivity, Activity::Is(99)),
        ecs: ecs::choice(&[Word::Is("api")], &[Word::Is("info")]),
    },
];
