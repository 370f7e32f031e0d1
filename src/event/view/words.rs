//! The names of members that tell what stands below them, in any spelling.

use super::super::document::Value;

/// A name without regard to case, `_` and `-`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Word {
    AccessType,
    ActingPrincipal,
    AssignedPrincipals,
    AuthorizationInfo,
    ClientAddress,
    ClientId,
    ClientIp,
    CloudResources,
    Clusters,
    ConnectionId,
    CorrelationId,
    CredentialId,
    DelegatePrincipal,
    Detail,
    Dname,
    Email,
    ErrorMessage,
    Id,
    IdToken,
    Identifier,
    Identity,
    Ip,
    Mechanism,
    Message,
    MethodName,
    NetworkId,
    Operation,
    OriginalPrincipal,
    PatternType,
    Port,
    Principal,
    PrincipalResourceId,
    Request,
    RequestId,
    ResourceId,
    ResourceName,
    ResourceType,
    Role,
    Scope,
    ServiceName,
    Source,
    Subject,
    Time,
    TraceId,
    Type,
}

/// Longer names than this mean nothing here.
const LONGEST: usize = 32;

impl Word {
    /// By the name under which a value stands in its object.
    pub(super) fn of(member: Value<'_>) -> Option<Self> {
        match member.plain_key() {
            Some(name) => Self::of_name(name),
            None => Self::of_name(member.key()?.as_bytes()),
        }
    }

    fn of_name(name: &[u8]) -> Option<Self> {
        let (mut letters, mut count) = ([0; LONGEST], 0);
        for byte in name.iter().filter(|byte| !matches!(byte, b'_' | b'-')) {
            *letters.get_mut(count)? = byte.to_ascii_lowercase();
            count += 1;
        }
        Self::of_letters(&letters[..count])
    }

    fn of_letters(letters: &[u8]) -> Option<Self> {
        NAMES.iter().find(|(name, _)| name.as_bytes() == letters).map(|(_, word)| *word)
    }

    pub(super) const fn bit(self) -> u64 {
        1 << self as u32
    }
}

/// Without `_` and `-`, in small letters.
const NAMES: &[(&str, Word)] = &[
    ("accesstype", Word::AccessType),
    ("actingprincipal", Word::ActingPrincipal),
    ("assignedprincipals", Word::AssignedPrincipals),
    ("authorizationinfo", Word::AuthorizationInfo),
    ("clientaddress", Word::ClientAddress),
    ("clientid", Word::ClientId),
    ("clientip", Word::ClientIp),
    ("clienttraceid", Word::TraceId),
    ("cloudresources", Word::CloudResources),
    ("clusters", Word::Clusters),
    ("connectionid", Word::ConnectionId),
    ("correlationid", Word::CorrelationId),
    ("credentialid", Word::CredentialId),
    ("delegateprincipal", Word::DelegatePrincipal),
    ("detail", Word::Detail),
    ("dname", Word::Dname),
    ("email", Word::Email),
    ("emailaddress", Word::Email),
    ("emails", Word::Email),
    ("errormessage", Word::ErrorMessage),
    ("id", Word::Id),
    ("identifier", Word::Identifier),
    ("identity", Word::Identity),
    ("idtokencredentials", Word::IdToken),
    ("internalservicename", Word::ServiceName),
    ("ip", Word::Ip),
    ("ipaddress", Word::Ip),
    ("mechanism", Word::Mechanism),
    ("message", Word::Message),
    ("methodname", Word::MethodName),
    ("networkid", Word::NetworkId),
    ("operation", Word::Operation),
    ("originalprincipal", Word::OriginalPrincipal),
    ("patterntype", Word::PatternType),
    ("port", Word::Port),
    ("principal", Word::Principal),
    ("principalresourceid", Word::PrincipalResourceId),
    ("request", Word::Request),
    ("requestid", Word::RequestId),
    ("resourceid", Word::ResourceId),
    ("resourcename", Word::ResourceName),
    ("resourcetype", Word::ResourceType),
    ("role", Word::Role),
    ("rolename", Word::Role),
    ("scope", Word::Scope),
    ("servicename", Word::ServiceName),
    ("source", Word::Source),
    ("subject", Word::Subject),
    ("time", Word::Time),
    ("type", Word::Type),
];

/// Some of the words, with a way to see fast that a name is none of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vocabulary {
    words: u64,
    /// For each first letter a set of last letters.
    ends: [u32; 32],
}

impl Vocabulary {
    pub(super) fn of(words: u64) -> Self {
        let mut ends = [0; 32];
        for (name, _) in NAMES.iter().filter(|(_, word)| words & word.bit() != 0) {
            if let [first, .., last] = name.as_bytes() {
                ends[usize::from(first & 31)] |= 1 << (last & 31);
            }
        }
        Self { words, ends }
    }

    /// The word that a value stands under, when it is one of these.
    fn word_of(&self, member: Value<'_>) -> Option<Word> {
        if let Some([first, .., last]) = member.plain_key() {
            let has_letters = first.is_ascii_alphabetic() && last.is_ascii_alphabetic();
            if has_letters && self.ends[usize::from(first & 31)] & 1 << (last & 31) == 0 {
                return None;
            }
        }
        Word::of(member).filter(|word| self.words & word.bit() != 0)
    }
}

/// The names on the way from the root to a value.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Context {
    /// All of them.
    words: u64,
    depth: u32,
    top: Option<Word>,
    own: Option<Word>,
}

impl Context {
    /// Of a value within the one that this is the context of. Elements of arrays have the name of their array.
    pub(super) fn within(self, value: Value<'_>, vocabulary: &Vocabulary) -> Self {
        if value.key_span().is_none() {
            return self;
        }
        let own = vocabulary.word_of(value);
        Self {
            words: self.words | own.map_or(0, Word::bit),
            depth: self.depth.saturating_add(1),
            top: if self.depth == 0 { own } else { self.top },
            own,
        }
    }

    /// The envelope's member that it is within.
    pub(super) fn top(self) -> Option<Word> {
        self.top
    }

    /// The nearest name.
    pub(super) fn own(self) -> Option<Word> {
        self.own
    }

    /// Whether any of the names means something.
    pub(super) fn is_known(self) -> bool {
        self.words != 0
    }

    pub(super) fn is_below_any(self, words: &[Word]) -> bool {
        words.iter().any(|word| self.words & word.bit() != 0)
    }

    pub(super) fn is_below_all(self, words: &[Word]) -> bool {
        words.iter().all(|word| self.words & word.bit() != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_spelling_of_a_name_is_the_same_word() {
        for name in ["clientIp", "client_ip", "CLIENT-IP", "clientip", "_client_Ip_"] {
            assert_eq!(Word::of_name(name.as_bytes()), Some(Word::ClientIp), "{name}");
        }
        for name in ["clientIps", "client ip", "", "_", "clientIpclientIpclientIpclientIpclientIp"] {
            assert_eq!(Word::of_name(name.as_bytes()), None, "{name}");
        }
    }
}
