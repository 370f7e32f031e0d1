//! What can be redacted by name, and the places where each of it can stand.
//!
//! A place is told by the member's name, wherever the member stands: an unusual nesting, a repeated member or another spelling
//! (`clientAddress`, `client_address`) is no way round. Where a name alone says too little, the container's name or a type
//! beside it decides. What a place holds is a value however deep it is nested there.

/// A kind of value: the canonical fields that identify somebody or something, and what the presets add to them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    Email,
    ClientIp,
    Principal,
    CredentialId,
    RequestId,
    Organization,
    Environment,
    Cluster,
    /// Topics, groups, subjects, connectors and whatever else people give names to.
    Name,
    /// What a request carried and what a result gave back, apart from members that are kept.
    Payload,
}

impl Class {
    pub(super) const ALL: [Self; 10] = [
        Self::Email,
        Self::ClientIp,
        Self::Principal,
        Self::CredentialId,
        Self::RequestId,
        Self::Organization,
        Self::Environment,
        Self::Cluster,
        Self::Name,
        Self::Payload,
    ];

    /// Its name in the configuration and in the metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::ClientIp => "client_ip",
            Self::Principal => "principal",
            Self::CredentialId => "credential_id",
            Self::RequestId => "request_id",
            Self::Organization => "organization",
            Self::Environment => "environment",
            Self::Cluster => "cluster",
            Self::Name => "names",
            Self::Payload => "payloads",
        }
    }

    /// The canonical fields among them.
    pub const FIELDS: [Self; 8] = [
        Self::Email,
        Self::ClientIp,
        Self::Principal,
        Self::CredentialId,
        Self::RequestId,
        Self::Organization,
        Self::Environment,
        Self::Cluster,
    ];

    const fn bit(self) -> u16 {
        1 << self as u16
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// The class of the value behind this key in a CRN.
    pub(super) fn of_crn_key(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"user" | b"service-account" | b"identity-pool" | b"identity" | b"group-mapping" => Self::Principal,
            b"api-key" => Self::CredentialId,
            b"organization" => Self::Organization,
            b"environment" => Self::Environment,
            b"cloud-cluster" | b"kafka" | b"kafka-cluster" | b"schema-registry" | b"ksql" | b"ksql-cluster"
            | b"connect" | b"connect-cluster" => Self::Cluster,
            b"topic" | b"group" | b"transactional-id" | b"subject" | b"connector" | b"statement" | b"workspace"
            | b"cluster-link" | b"delegation-token" => Self::Name,
            _ => return None,
        })
    }

    /// The class of a resource of this type, in the form of [`Spelling`].
    fn of_type(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"user" | b"serviceaccount" | b"identitypool" | b"groupmapping" | b"userinvitation" => Self::Principal,
            b"apikey" | b"cloudapikey" => Self::CredentialId,
            b"organization" => Self::Organization,
            b"environment" => Self::Environment,
            b"cloudcluster"
            | b"kafkacluster"
            | b"schemaregistry"
            | b"schemaregistrycluster"
            | b"ksql"
            | b"ksqlcluster"
            | b"cluster"
            | b"connectcluster" => Self::Cluster,
            b"topic" | b"group" | b"transactionalid" | b"subject" | b"schema" | b"connector" | b"statement"
            | b"workspace" | b"flinkworkspace" | b"clusterlink" | b"kek" | b"dek" => Self::Name,
            _ => return None,
        })
    }
}

/// Several classes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Classes(u16);

impl Classes {
    pub(super) const NONE: Self = Self(0);

    pub(super) const fn with(self, class: Class) -> Self {
        Self(self.0 | class.bit())
    }

    pub(super) const fn has(self, class: Class) -> bool {
        self.0 & class.bit() != 0
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn without(self, class: Class) -> Self {
        Self(self.0 & !class.bit())
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(move |class| self.has(*class))
    }
}

/// A name without what its spellings differ in: case, `_` and `-`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spelling {
    bytes: [u8; Self::LEN_MAX],
    len: usize,
}

impl Spelling {
    /// No name in the tables below is longer.
    const LEN_MAX: usize = 24;

    /// A name that is too long is none of those that are known: it becomes the empty one.
    #[inline]
    pub(super) fn of(name: &str) -> Self {
        let mut spelling = Self { bytes: [0; Self::LEN_MAX], len: 0 };
        for byte in name.bytes().filter(|byte| !matches!(byte, b'_' | b'-')) {
            let Some(place) = spelling.bytes.get_mut(spelling.len) else {
                spelling.len = 0;
                break;
            };
            *place = byte.to_ascii_lowercase();
            spelling.len += 1;
        }
        spelling
    }

    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// The name of a container, as far as it says something about what is in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Container {
    #[default]
    Other,
    Metadata,
    ExternalAccount,
    IdTokenCredentials,
    /// `request` or `result`.
    Exchange,
}

impl Container {
    /// In the order of their numbers.
    pub(super) const ALL: [Self; 5] =
        [Self::Other, Self::Metadata, Self::ExternalAccount, Self::IdTokenCredentials, Self::Exchange];

    pub(super) const COUNT: usize = Self::ALL.len();

    pub(super) fn named(name: &[u8]) -> Self {
        match name {
            b"metadata" => Self::Metadata,
            b"externalaccount" => Self::ExternalAccount,
            b"idtokencredentials" => Self::IdTokenCredentials,
            b"request" | b"result" => Self::Exchange,
            _ => Self::Other,
        }
    }
}

/// What a member of this name holds, within a container of this kind.
pub(super) fn of_member(name: &[u8], container: Container) -> Classes {
    let class = match name {
        b"email" | b"emailaddress" | b"useremail" | b"mail" => Class::Email,
        b"clientaddress" | b"clientaddresses" | b"clientip" | b"clientips" | b"ip" | b"ipaddress" | b"sourceip"
        | b"remoteip" | b"remoteaddress" | b"sourceaddress" => Class::ClientIp,
        b"principal"
        | b"originalprincipal"
        | b"actingprincipal"
        | b"assignedprincipals"
        | b"delegateprincipal"
        | b"principalresourceid"
        | b"identity"
        | b"confluentuser"
        | b"confluentserviceaccount"
        | b"externalaccount"
        | b"identitypool"
        | b"othersignedclaims"
        | b"userid"
        | b"userresourceid"
        | b"serviceaccountid"
        | b"owner"
        | b"ownerid" => Class::Principal,
        b"subject" if container == Container::ExternalAccount => Class::Principal,
        // What proves who somebody is, and says it.
        b"subject" if container == Container::IdTokenCredentials => {
            return Classes::NONE.with(Class::Principal).with(Class::CredentialId);
        }
        b"dname" => return Classes::NONE.with(Class::Principal).with(Class::CredentialId),
        b"credentialid" | b"apikey" | b"apikeyid" => Class::CredentialId,
        b"identifier" if container == Container::Metadata => Class::CredentialId,
        b"requestid" | b"connectionid" | b"correlationid" | b"clienttraceid" => Class::RequestId,
        b"organizationid" | b"organizationresourceid" | b"orgid" | b"orgresourceid" => Class::Organization,
        b"environment" | b"environmentid" | b"envid" => Class::Environment,
        b"clusters" | b"clusterid" | b"kafkaclusterid" | b"logicalclusterid" => Class::Cluster,
        b"clientid" => Class::Name,
        b"data" if container == Container::Exchange => Class::Payload,
        _ => return Classes::NONE,
    };
    Classes::NONE.with(class)
}

/// Members that say what another one is, and never who: they are no values even within a place.
pub(super) fn is_plain_word(name: &[u8]) -> bool {
    matches!(name, b"type" | b"port" | b"internal")
}

/// The member that tells the type of the resource that this member names, as [`Spelling`].
pub(super) fn type_member(name: &[u8]) -> Option<&'static [u8]> {
    match name {
        b"resourceid" => Some(b"type"),
        b"resourcename" | b"name" => Some(b"resourcetype"),
        _ => None,
    }
}

/// What a resource of this type is.
pub(super) fn of_type(word: &str) -> Classes {
    Class::of_type(Spelling::of(word).bytes()).map_or(Classes::NONE, |class| Classes::NONE.with(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_name_are_one_name() {
        for name in ["clientAddress", "client_address", "CLIENT-ADDRESS"] {
            assert_eq!(Spelling::of(name).bytes(), b"clientaddress");
        }
        assert_eq!(Spelling::of(&"x".repeat(25)).bytes(), b"");
        assert_eq!(Spelling::of(&"x".repeat(24)).bytes().len(), 24);
    }

    #[test]
    fn classes_are_told_apart() {
        for (at, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class.index(), at);
            assert!(Classes::NONE.with(class).has(class));
            assert!(!Classes::NONE.with(class).without(class).has(class));
        }
        assert!(Container::ALL.into_iter().enumerate().all(|(at, container)| container as usize == at));
        assert!(Class::FIELDS.iter().all(|class| crate::event::Field::parse(class.as_str()).is_some()));
    }

    #[test]
    fn the_container_decides_where_a_name_says_too_little() {
        let subject = Classes::NONE.with(Class::Principal);
        assert_eq!(of_member(b"subject", Container::named(b"externalaccount")), subject);
        assert_eq!(of_member(b"subject", Container::named(b"idtokencredentials")), subject.with(Class::CredentialId));
        assert_eq!(of_member(b"subject", Container::Other), Classes::NONE);
        assert_eq!(of_member(b"identifier", Container::Other), Classes::NONE);
        assert_eq!(of_type("API_KEY"), Classes::NONE.with(Class::CredentialId));
        assert_eq!(of_type("SERVICE_ACCOUNT"), subject);
    }
}
