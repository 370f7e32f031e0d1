//! The names of the canonical view.

/// What a field holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    Text,
    /// Text in which the case of letters does not count.
    Method,
    /// Any number of texts.
    List,
    Bool,
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $variant:ident => $name:literal, $shape:ident;)*) => {
        /// A canonical field.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
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

            /// What it is and where it comes from, for the documentation.
            pub const fn doc(self) -> &'static str {
                match self { $(Field::$variant => concat!($($doc, "\n",)*),)* }
            }
        }
    };
}

fields! {
    /// The event's identifier.
    Id => "id", Text;
    /// The CloudEvents type, for example `io.confluent.kafka.server/authorization`.
    Type => "type", Text;
    /// When it happened, as written: RFC 3339 in UTC.
    Time => "time", Text;
    /// What was called, for example `kafka.CreateTopics`. Compared without case.
    Method => "method", Method;
    /// The service that was called.
    Service => "service", Text;
    /// What kind of action the method is: create, update, delete, read, write, logon, access-check, other.
    Verb => "verb", Text;
    /// `success`, `failure` or `unknown`.
    Outcome => "outcome", Text;
    /// The word that `outcome` was taken from.
    OutcomeReason => "outcome_reason", Text;
    /// Whether the outcome is a failure.
    Denied => "denied", Bool;
    /// Who did it.
    Principal => "principal", Text;
    /// user, service_account, identity_pool, group, external_account, certificate.
    PrincipalType => "principal_type", Text;
    /// The principal's e-mail address.
    Email => "email", Text;
    /// The API key or certificate that proved who it is.
    CredentialId => "credential_id", Text;
    /// How it was proved.
    Mechanism => "mechanism", Text;
    /// Where the call came from.
    ClientIp => "client_ip", List;
    /// What was acted on.
    Resource => "resource", Text;
    /// Its kind.
    ResourceType => "resource_type", Text;
    /// Its identifier.
    ResourceId => "resource_id", Text;
    /// The organisation.
    Organization => "organization", Text;
    /// The environment.
    Environment => "environment", Text;
    /// The cluster.
    Cluster => "cluster", Text;
    /// The operation that was authorised.
    Operation => "operation", Text;
    /// READ_ONLY, MODIFICATION or UNKNOWN.
    AccessType => "access_type", Text;
    /// The request's identifier.
    RequestId => "request_id", Text;
}
