//! The words in which the table of fields says where a field comes from: a path, and what of its end is the field.
//!
//! Every name of a path stands for both dialects. The words can be printed, so the documentation shows what is read.

use std::fmt::{self, Display, Formatter, Write};

use super::members::{Data, Envelope};
pub(super) use Step::{One, Two};

/// One place of a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    pub(super) head: Head,
    pub(super) steps: &'static [Step],
    pub(super) part: Part,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Head {
    Envelope(Envelope),
    Data(Data),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// A member whose name is the same in both dialects.
    One(&'static str),
    /// The name in camelCase and in snake_case.
    Two(&'static str, &'static str),
    /// Every element of an array, in order.
    Each,
}

/// What of the value at the end of a path is the field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// A text that is not empty.
    Text,
    /// A text, or the texts in an array.
    Texts,
    /// `kafka` of `io.confluent.kafka.server/authorization`.
    ServiceOfType,
    /// `authorization` of it.
    FamilyOfType,
    /// A text without `User:`, or the id in an object with the principal's kind.
    Principal,
    /// The address that comes with a principal: its `email`, or itself when it is one or a certificate's name that holds one.
    MailOfPrincipal,
    /// The innermost value of a resource name when it is an address.
    MailOfIdentity,
    /// The common name of a certificate when it is an address: of an object `cn`, of a text what follows `CN=`.
    MailOfName,
    /// A certificate's name: of an object `cn`, else the text.
    DistinguishedName,
    /// What follows the last `/` of a text, or of the `ip` of each element of an array.
    Address,
    /// The value of the first of these keys that a resource name has.
    Key(&'static [&'static str]),
    /// `resourceId` of an object whose `type` is one of these.
    IdOfType(&'static [&'static str]),
    /// A text that is a resource name.
    Crn,
    /// The innermost value of a resource name.
    Innermost,
    /// The innermost key of a resource name.
    InnermostKey,
    /// `resourceName` of an authorisation, unless it only repeats the type.
    ProperName,
    /// `resourceType` of an authorisation; of a `Cluster` the name when that only says what kind of cluster.
    ProperType,
}

pub(super) const EACH: Step = Step::Each;

pub(super) const fn envelope(member: Envelope, part: Part) -> Source {
    Source { head: Head::Envelope(member), steps: &[], part }
}

pub(super) const fn data(member: Data, steps: &'static [Step], part: Part) -> Source {
    Source { head: Head::Data(member), steps, part }
}

pub(super) const fn who(steps: &'static [Step], part: Part) -> Source {
    data(Data::AuthenticationInfo, steps, part)
}

pub(super) const fn may(steps: &'static [Step], part: Part) -> Source {
    data(Data::AuthorizationInfo, steps, part)
}

pub(super) const fn meta(steps: &'static [Step], part: Part) -> Source {
    data(Data::RequestMetadata, steps, part)
}

pub(super) const fn request(steps: &'static [Step], part: Part) -> Source {
    data(Data::Request, steps, part)
}

pub(super) const PRINCIPAL: Step = One("principal");
pub(super) const PRINCIPAL_RESOURCE_ID: Step = Two("principalResourceId", "principal_resource_id");
pub(super) const ORIGINAL_PRINCIPAL: Step = Two("originalPrincipal", "original_principal");
pub(super) const ACTING_PRINCIPAL: Step = Two("actingPrincipal", "acting_principal");
pub(super) const EMAIL: Step = One("email");
pub(super) const METADATA: Step = One("metadata");
pub(super) const MECHANISM: Step = One("mechanism");
pub(super) const IDENTIFIER: Step = One("identifier");
pub(super) const CREDENTIALS: Step = One("credentials");
pub(super) const ID_SECRET: Step = Two("idSecretCredentials", "id_secret_credentials");
pub(super) const ID_TOKEN: Step = Two("idTokenCredentials", "id_token_credentials");
pub(super) const CERTIFICATE: Step = Two("certificateCredentials", "certificate_credentials");
pub(super) const DELEGATE: Step = Two("delegateCredentials", "delegate_credentials");
pub(super) const DNAME: Step = One("dname");
pub(super) const RBAC: Step = Two("rbacAuthorization", "rbac_authorization");
pub(super) const ACL: Step = Two("aclAuthorization", "acl_authorization");
pub(super) const IP_FILTER: Step = Two("ipfilterAuthorization", "ipfilter_authorization");
pub(super) const CLIENT_IP: Step = Two("clientIp", "client_ip");
pub(super) const CLIENT_ID: Step = Two("clientId", "client_id");
pub(super) const CORRELATION_ID: Step = Two("correlationId", "correlation_id");
pub(super) const PATTERN_TYPE: Step = Two("patternType", "pattern_type");
pub(super) const DATA: Step = One("data");
pub(super) const SCOPES: &[Step] = &[EACH, One("scope"), One("resources"), EACH];
pub(super) const RESOURCES: &[Step] = &[EACH, One("resource")];
pub(super) const RESOURCE_IDS: &[Step] = &[EACH, One("resource"), Two("resourceId", "resource_id")];

pub(super) const ORGANIZATION: &[&str] = &["organization"];
pub(super) const ENVIRONMENT: &[&str] = &["environment"];
pub(super) const CLUSTER: &[&str] = &["kafka", "kafka-cluster", "cloud-cluster", "schema-registry", "ksql"];
pub(super) const KAFKA_TYPES: &[&str] = &["KAFKA_CLUSTER", "CLOUD_CLUSTER"];
pub(super) const REGISTRY_TYPES: &[&str] = &["SCHEMA_REGISTRY", "SCHEMA_REGISTRY_CLUSTER"];
pub(super) const KSQL_TYPES: &[&str] = &["KSQL", "KSQL_CLUSTER"];
pub(super) const OUTER_SCOPE: &[Step] = &[RBAC, One("scope"), Two("outerScope", "outer_scope"), EACH];

impl Display for Source {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('`')?;
        match self.head {
            Head::Envelope(member) => f.write_str(member.name())?,
            Head::Data(member) => write!(f, "data.{}", member.name().camel)?,
        }
        for step in self.steps {
            match step {
                Step::One(name) | Step::Two(name, _) => write!(f, ".{name}")?,
                Step::Each => f.write_str("[]")?,
            }
        }
        write!(f, "`{}", self.part)
    }
}

/// What follows the path in a sentence.
impl Display for Part {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let list = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        match self {
            Self::Text => Ok(()),
            Self::Texts => f.write_str(" (a text, or the first of a list)"),
            Self::ServiceOfType => f.write_str(" between `io.confluent.` and `/`, without `.server`"),
            Self::FamilyOfType => f.write_str(" after the `/`"),
            Self::Principal => f.write_str(
                " (a text without `User:`; of an object `resourceId` in `confluentUser`, `confluentServiceAccount`, \
                 `identityPool` or `group`, or `subject` in `externalAccount`)",
            ),
            Self::MailOfPrincipal => f.write_str(
                " (of an object its `email`; of a text, when it is an address, or the name of a certificate with one in \
                 `CN`)",
            ),
            Self::MailOfIdentity => f.write_str(": the last value, when it is an address"),
            Self::MailOfName => f.write_str(": `cn`, when it is an address"),
            Self::DistinguishedName => f.write_str(" (of an object its `cn`)"),
            Self::Address => f.write_str(" (of a list the `ip` of each element; without what stands before a `/`)"),
            Self::Key(keys) => write!(f, ": the value of {} in the resource name", list(keys)),
            Self::IdOfType(types) => write!(f, ": `resourceId` where `type` is {}", list(types)),
            Self::Crn => f.write_str(", when it is a resource name"),
            Self::Innermost => f.write_str(": the last value of the resource name"),
            Self::InnermostKey => f.write_str(": the last key of the resource name"),
            Self::ProperType => {
                f.write_str(": `resourceType`; of a `Cluster` with a `resourceName` such as `kafka-cluster` that name")
            }
            Self::ProperName => f.write_str(": `resourceName`, unless it only repeats `resourceType`"),
        }
    }
}
