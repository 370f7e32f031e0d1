//! The table of the canonical view: each field's name, shape and meaning, and the places where it can be, the one that counts
//! first in front.
//!
//! This table is what is read and what the documentation shows. Fields without places follow from others: see `outcome.rs`,
//! `verb.rs` and `principal.rs`.

use super::members::{Data as D, Envelope as E};
use super::source::{
    ACL, ACTING_PRINCIPAL, CERTIFICATE, CLIENT_ID, CLIENT_IP, CLUSTER, CORRELATION_ID, CREDENTIALS, DATA, DELEGATE,
    DNAME, EACH, EMAIL, ENVIRONMENT, ID_SECRET, ID_TOKEN, IDENTIFIER, IP_FILTER, KAFKA_TYPES, KSQL_TYPES, MECHANISM,
    METADATA, ORGANIZATION, ORIGINAL_PRINCIPAL, OUTER_SCOPE, One, PATTERN_TYPE, PRINCIPAL, PRINCIPAL_RESOURCE_ID,
    Part as P, RBAC, REGISTRY_TYPES, RESOURCE_IDS, RESOURCES, SCOPES, Source, Two, data, envelope, may, meta, request,
    who,
};

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    Text,
    /// Text in which the case of letters does not count.
    Method,
    /// Any number of texts, each once, in the order in which they were found.
    List,
    Bool,
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $variant:ident => $name:literal, $shape:ident, [$($source:expr),* $(,)?];)*) => {
        /// A canonical field.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Field { $($(#[doc = $doc])* $variant,)* }

        impl Field {
            /// Every field, in the order of the documentation.
            pub const ALL: &'static [Field] = &[$(Field::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Field::$variant => $name,)* }
            }

            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Field::$variant),)* _ => None }
            }

            pub const fn shape(self) -> Shape {
                match self { $(Field::$variant => Shape::$shape,)* }
            }

            /// Its places, the one that counts first in front; none for what follows from other fields.
            pub(super) const fn sources(self) -> &'static [Source] {
                match self { $(Field::$variant => const { &[$($source,)*] },)* }
            }

            /// Whether it follows from other fields, so that it has no places of its own.
            pub const fn is_derived(self) -> bool {
                self.sources().is_empty()
            }

            /// What it is, for the documentation.
            pub const fn doc(self) -> &'static str {
                match self { $(Field::$variant => concat!($($doc,)*),)* }
            }

            /// Its places in words, for the documentation, the one that counts first in front.
            pub fn comes_from(self) -> impl Iterator<Item = String> {
                self.sources().iter().map(ToString::to_string)
            }
        }
    };
}

fields! {
    /// The event's identifier. Unique per `source` at least; a redelivered event has the same one.
    Id => "id", Text, [envelope(E::Id, P::Text)];
    /// Where the event comes from, as a resource name.
    Source => "source", Text, [envelope(E::Source, P::Text)];
    /// The CloudEvents type, for example `io.confluent.kafka.server/authorization`.
    Type => "type", Text, [envelope(E::Type, P::Text)];
    /// What kind of event it is: `authentication`, `authorization`, `request`, `access-transparency`.
    Family => "family", Text, [envelope(E::Type, P::FamilyOfType)];
    /// When it happened, as written: RFC 3339 in UTC.
    Time => "time", Text, [envelope(E::Time, P::Text)];
    /// The resource name of what the event is about, as the envelope has it.
    Subject => "subject", Text, [envelope(E::Subject, P::Text)];
    /// The product that was called: `kafka`, `cloud`, `flink`, `ksql`, `sg` (Schema Registry).
    Service => "service", Text, [envelope(E::Type, P::ServiceOfType)];
    /// The resource name of the service that was called.
    ServiceName => "service_name", Text, [data(D::ServiceName, &[], P::Text)];
    /// What was called, for example `kafka.CreateTopics`. Compared without case.
    Method => "method", Method, [data(D::MethodName, &[], P::Text)];
    /// What kind of action the method is: `create`, `update`, `delete`, `read`, `write`, `logon`, `access-check`, or `other`.
    /// By the method's first verb; `access_type` READ_ONLY makes a changing or unknown action a `read`, and MODIFICATION
    /// makes a reading or unknown one an `update`.
    Verb => "verb", Text, [];
    /// READ_ONLY, MODIFICATION or UNKNOWN, as the control plane says it.
    AccessType => "access_type", Text, [request(&[Two("accessType", "access_type")], P::Text)];
    /// `success`, `failure` or `unknown`: always there. The first word that is set decides. Of an authorization: `granted`,
    /// `authorizationInfo.result`, `result.status`; of an authentication: `authenticationInfo.result`, `result.status`; of
    /// everything else: `result.status`. When none of them is set, a refusal in another of these places is a failure, too.
    /// SUCCESS, ALLOW and `true` mean success; UNSET, an empty word and null are not set; any other word, and `false`, means
    /// failure.
    Outcome => "outcome", Text, [];
    /// The word that `outcome` was taken from: `UNAUTHENTICATED`, `DENY`, `false`. UNSET when no other word was there.
    OutcomeReason => "outcome_reason", Text, [];
    /// Whether `outcome` is `failure`.
    Denied => "denied", Bool, [];
    /// What the service said went wrong. The wording is not stable.
    ErrorMessage => "error_message", Text, [
        data(D::Result, &[One("message")], P::Text),
        who(&[Two("errorMessage", "error_message")], P::Text),
        data(D::Result, &[DATA, One("errors"), EACH, One("detail")], P::Text),
        data(D::Result, &[DATA, Two("errorMessage", "error_message")], P::Text),
    ];
    /// Who did it: the id of a user, service account, identity pool or group, without `User:`; the subject of an external
    /// account; the name in a client certificate. Of a number and a resource id the resource id.
    Principal => "principal", Text, [who(&[PRINCIPAL], P::Principal), who(&[PRINCIPAL_RESOURCE_ID], P::Principal)];
    /// `user`, `service_account`, `identity_pool`, `group`, `external_account` or `certificate`: by the id's prefix (`u-`, `sa-`,
    /// `pool-`, `group-`), else by the member that holds it. Missing where neither tells, as for a number.
    PrincipalType => "principal_type", Text, [];
    /// The e-mail address of who did it.
    Email => "email", Text, [
        who(&[PRINCIPAL], P::MailOfPrincipal),
        who(&[One("identity")], P::MailOfIdentity),
        who(&[CREDENTIALS, CERTIFICATE, DNAME], P::MailOfName),
        who(&[METADATA, IDENTIFIER], P::MailOfName),
        who(&[ORIGINAL_PRINCIPAL], P::MailOfPrincipal),
    ];
    /// Who it is at the identity provider, as a resource name.
    Identity => "identity", Text, [who(&[One("identity")], P::Text)];
    /// On whose behalf it was done, when the caller acts for somebody else.
    OriginalPrincipal => "original_principal", Text, [who(&[ORIGINAL_PRINCIPAL], P::Principal)];
    /// Which of the caller's principals the permission belongs to, for example an identity pool.
    ActingPrincipal => "acting_principal", Text, [may(&[RBAC, ACTING_PRINCIPAL], P::Principal), may(&[ACL, ACTING_PRINCIPAL], P::Principal)];
    /// All principals that the caller had at that moment.
    AssignedPrincipals => "assigned_principals", List, [may(&[Two("assignedPrincipals", "assigned_principals"), EACH], P::Principal)];
    /// Who delegated its credentials to the caller.
    DelegatePrincipal => "delegate_principal", Text, [who(&[CREDENTIALS, DELEGATE, Two("delegatePrincipal", "delegate_principal")], P::Principal)];
    /// To whom it was done: the principal of a role binding.
    TargetPrincipal => "target_principal", Text, [request(&[DATA, PRINCIPAL], P::Principal)];
    /// The e-mail address of who is invited, created or changed.
    TargetEmail => "target_email", Text, [request(&[DATA, EMAIL], P::Text)];
    /// What proved who it is: an API key's id, a token's subject, a certificate's name. Never a secret.
    CredentialId => "credential_id", Text, [
        who(&[METADATA, IDENTIFIER], P::Text),
        who(&[CREDENTIALS, ID_SECRET, Two("credentialId", "credential_id")], P::Text),
        who(&[CREDENTIALS, ID_TOKEN, One("subject")], P::Text),
        who(&[CREDENTIALS, CERTIFICATE, DNAME], P::DistinguishedName),
    ];
    /// How it was proved: `SASL_SSL/PLAIN`, `HTTP_BEARER`, …
    Mechanism => "mechanism", Text, [who(&[METADATA, MECHANISM], P::Text), who(&[CREDENTIALS, MECHANISM], P::Text)];
    /// Where the call came from: IPv4 and IPv6 addresses.
    ClientIp => "client_ip", List, [
        data(D::ClientAddress, &[], P::Address),
        meta(&[Two("clientAddress", "client_address")], P::Address),
        may(&[IP_FILTER, CLIENT_IP], P::Address),
    ];
    /// What the client calls itself.
    ClientId => "client_id", Text, [request(&[CLIENT_ID], P::Text), meta(&[CLIENT_ID], P::Text)];
    /// What was acted on, by its name: a topic, a group, an id where things have no name. A name that only repeats the
    /// type (`environment` of an Environment) is passed over.
    Resource => "resource", Text, [
        data(D::AuthorizationInfo, &[], P::ProperName),
        data(D::CloudResources, RESOURCE_IDS, P::Text),
        data(D::ResourceName, &[], P::Innermost),
        envelope(E::Subject, P::Innermost),
    ];
    /// Its kind in one spelling for all dialects: `topic`, `kafka_cluster`, `api_key`.
    ResourceType => "resource_type", Text, [
        data(D::AuthorizationInfo, &[], P::ProperType),
        data(D::CloudResources, &[EACH, One("resource"), One("type")], P::Text),
        data(D::ResourceName, &[], P::InnermostKey),
        envelope(E::Subject, P::InnermostKey),
    ];
    /// Its identifier. When the event lists several resources, the first one's.
    ResourceId => "resource_id", Text, [
        data(D::CloudResources, RESOURCE_IDS, P::Text),
        data(D::ResourceName, &[], P::Innermost),
        envelope(E::Subject, P::Innermost),
    ];
    /// The identifiers of all resources that the event lists.
    ResourceIds => "resource_ids", List, [data(D::CloudResources, RESOURCE_IDS, P::Text)];
    /// Its full resource name.
    ResourceCrn => "resource_crn", Text, [data(D::ResourceName, &[], P::Crn), envelope(E::Subject, P::Crn)];
    /// LITERAL or PREFIX: whether `resource` is one name or stands for many.
    PatternType => "pattern_type", Text, [may(&[PATTERN_TYPE], P::Text), may(&[RBAC, PATTERN_TYPE], P::Text), may(&[ACL, PATTERN_TYPE], P::Text)];
    /// The organisation's id.
    Organization => "organization", Text, [
        data(D::ResourceName, &[], P::Key(ORGANIZATION)),
        data(D::CloudResources, SCOPES, P::IdOfType(&["ORGANIZATION"])),
        data(D::CloudResources, RESOURCES, P::IdOfType(&["ORGANIZATION"])),
        envelope(E::Subject, P::Key(ORGANIZATION)),
        envelope(E::Source, P::Key(ORGANIZATION)),
        may(OUTER_SCOPE, P::Key(ORGANIZATION)),
    ];
    /// The environment's id, for example `env-1ab2c`.
    Environment => "environment", Text, [
        data(D::ResourceName, &[], P::Key(ENVIRONMENT)),
        data(D::CloudResources, SCOPES, P::IdOfType(&["ENVIRONMENT"])),
        data(D::CloudResources, RESOURCES, P::IdOfType(&["ENVIRONMENT"])),
        envelope(E::Subject, P::Key(ENVIRONMENT)),
        envelope(E::Source, P::Key(ENVIRONMENT)),
        may(OUTER_SCOPE, P::Key(ENVIRONMENT)),
    ];
    /// The cluster's id, for example `lkc-a1b2c` or `lsrc-a1b2c`: of a Kafka cluster, else of the cloud cluster, the Schema
    /// Registry or the ksqlDB cluster.
    Cluster => "cluster", Text, [
        data(D::ResourceName, &[], P::Key(CLUSTER)),
        data(D::CloudResources, SCOPES, P::IdOfType(KAFKA_TYPES)),
        data(D::CloudResources, RESOURCES, P::IdOfType(KAFKA_TYPES)),
        data(D::CloudResources, SCOPES, P::IdOfType(REGISTRY_TYPES)),
        data(D::CloudResources, RESOURCES, P::IdOfType(REGISTRY_TYPES)),
        data(D::CloudResources, RESOURCES, P::IdOfType(KSQL_TYPES)),
        envelope(E::Subject, P::Key(CLUSTER)),
        envelope(E::Source, P::Key(CLUSTER)),
    ];
    /// The operation that was authorised: `Describe`, `Alter`, …
    Operation => "operation", Text, [may(&[One("operation")], P::Text), may(&[RBAC, One("operation")], P::Text)];
    /// The role that is granted or revoked; of other events the role by which the call was allowed.
    Role => "role", Text, [
        request(&[DATA, Two("roleName", "role_name")], P::Text),
        request(&[DATA, One("role")], P::Text),
        may(&[RBAC, One("role")], P::Text),
    ];
    /// The request's identifier; of several the first.
    RequestId => "request_id", Text, [meta(&[Two("requestId", "request_id")], P::Texts)];
    /// The connection's identifier; a correlation id is unique only together with it.
    ConnectionId => "connection_id", Text, [meta(&[Two("connectionId", "connection_id")], P::Text)];
    /// The network that the connection came through.
    NetworkId => "network_id", Text, [meta(&[Two("networkId", "network_id")], P::Text)];
    /// The client's number of the request within the connection.
    CorrelationId => "correlation_id", Text, [request(&[CORRELATION_ID], P::Text), meta(&[CORRELATION_ID], P::Text)];
    /// The client's trace.
    TraceId => "trace_id", Text, [meta(&[Two("clientTraceId", "client_trace_id")], P::Text)];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_its_field_and_back() {
        for (at, field) in Field::ALL.iter().enumerate() {
            assert_eq!(Field::parse(field.as_str()), Some(*field));
            assert_eq!(*field as usize, at, "the order of ALL is the enum's");
        }
        assert_eq!(Field::parse("Method"), None);
    }
}
