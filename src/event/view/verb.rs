//! What kind of action a method is, also of a method that nobody has heard of: its first verb says it.

/// The words of the canonical field `verb`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    Create,
    Update,
    Delete,
    Read,
    Write,
    Logon,
    /// A permission was checked; the operation says for what.
    AccessCheck,
    Other,
}

impl Verb {
    const ALL: [Self; 8] = [
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Read,
        Self::Write,
        Self::Logon,
        Self::AccessCheck,
        Self::Other,
    ];

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == word)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Read => "read",
            Self::Write => "write",
            Self::Logon => "logon",
            Self::AccessCheck => "access-check",
            Self::Other => "other",
        }
    }

    /// By the method's name alone.
    pub(super) fn of_method(method: &str) -> Self {
        let name = method.rfind('.').map_or(method, |dot| &method[dot + 1..]);
        let name = without_word(name, "Tableflow").filter(|rest| !rest.is_empty()).unwrap_or(name);
        let first = name.bytes().next().unwrap_or_default().to_ascii_lowercase();
        let verbs = VERBS.iter().filter(|(verb, _)| verb.as_bytes().first().map(u8::to_ascii_lowercase) == Some(first));
        verbs.filter(|(verb, _)| begins_with(name, verb)).map(|(_, kind)| *kind).next().unwrap_or(Self::Other)
    }

    /// What the control plane says about the access corrects a verb that tells reading from changing, and no other.
    pub(super) fn corrected(self, access_type: &str) -> Self {
        let is = |word: &str| access_type.eq_ignore_ascii_case(word);
        let may_change = matches!(self, Self::Create | Self::Update | Self::Delete | Self::Write | Self::Other);
        let may_read = matches!(self, Self::Read | Self::Other);
        match () {
            () if may_change && is("READ_ONLY") => Self::Read,
            () if may_read && is("MODIFICATION") => Self::Update,
            () => self,
        }
    }
}

/// Longer ones before those that they begin with.
const VERBS: &[(&str, Verb)] = &[
    ("CreateOrUpdate", Verb::Update),
    ("IncrementalAlter", Verb::Update),
    ("Create", Verb::Create),
    ("Register", Verb::Create),
    ("Add", Verb::Create),
    ("Grant", Verb::Create),
    ("Bind", Verb::Create),
    ("Invite", Verb::Create),
    ("Claim", Verb::Create),
    ("Update", Verb::Update),
    ("Alter", Verb::Update),
    ("Set", Verb::Update),
    ("Pause", Verb::Update),
    ("Resume", Verb::Update),
    ("Delete", Verb::Delete),
    ("Remove", Verb::Delete),
    ("Deregister", Verb::Delete),
    ("Revoke", Verb::Delete),
    ("Unbind", Verb::Delete),
    ("Get", Verb::Read),
    ("List", Verb::Read),
    ("Describe", Verb::Read),
    ("Search", Verb::Read),
    ("Query", Verb::Read),
    ("Fetch", Verb::Read),
    ("Produce", Verb::Write),
    ("Authenticate", Verb::Logon),
    ("Authentication", Verb::Logon),
    ("SignIn", Verb::Logon),
    ("Authorize", Verb::AccessCheck),
];

/// Without case, because documentation and data differ in it (`UnBind…`, `Unbind…`).
fn without_word<'m>(name: &'m str, word: &str) -> Option<&'m str> {
    let (start, rest) = name.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then_some(rest)
}

/// A verb ends where the next word begins: `Settle` does not begin with `Set`. In a name of one case nobody can tell.
fn begins_with(name: &str, verb: &str) -> bool {
    let Some(rest) = without_word(name, verb) else { return false };
    let goes_on = rest.starts_with(|next: char| next.is_lowercase());
    let has_words = name.contains(char::is_uppercase);
    !(goes_on && has_words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_read_as_it_is_written() {
        for verb in Verb::ALL {
            assert_eq!(Verb::parse(verb.as_str()), Some(verb));
        }
        assert_eq!(Verb::parse("Create"), None);
    }

    #[test]
    fn the_first_verb_decides() {
        for (method, verb) in [
            ("kafka.CreateTopics", Verb::Create),
            ("CreateOrUpdateConnector", Verb::Update),
            ("kafka.IncrementalAlterConfigs", Verb::Update),
            ("kafka.AlterMirrors", Verb::Update),
            ("BindRoleForPrincipal", Verb::Create),
            ("UnBindAllRolesForPrincipal", Verb::Delete),
            ("UnbindRoleForPrincipal", Verb::Delete),
            ("unbindallrolesforprincipal", Verb::Delete),
            ("GrantRoleResourcesForPrincipal", Verb::Create),
            ("RevokeRoleResourcesForPrincipal", Verb::Delete),
            ("InviteUser", Verb::Create),
            ("ClaimPromoCode", Verb::Create),
            ("PauseConnector", Verb::Update),
            ("ResumeConnector", Verb::Update),
            ("schema-registry.RegisterSchema", Verb::Create),
            ("schema-registry.DeregisterKek", Verb::Delete),
            ("schema-registry.SearchCatalog", Verb::Read),
            ("schema-registry.Authentication", Verb::Logon),
            ("flink.Authenticate", Verb::Logon),
            ("SignIn", Verb::Logon),
            ("mds.Authorize", Verb::AccessCheck),
            ("ip-filter.Authorize", Verb::AccessCheck),
            ("TableflowCreateTable", Verb::Create),
            ("TableflowListNamespaces", Verb::Read),
            ("TableflowOAuthTokens", Verb::Other),
            ("Tableflow", Verb::Other),
            ("rtce.Query", Verb::Read),
            ("kafka.Produce", Verb::Write),
            ("kafka.Fetch", Verb::Read),
            ("GETENVIRONMENTS", Verb::Read),
            ("ScheduledJwksRefresh", Verb::Other),
            ("confluent.privileged.access", Verb::Other),
            ("SettleInvoice", Verb::Other),
            ("AddressBook", Verb::Other),
            ("kafka.", Verb::Other),
            ("", Verb::Other),
            ("ü", Verb::Other),
        ] {
            assert_eq!(Verb::of_method(method), verb, "{method}");
        }
    }

    #[test]
    fn the_access_type_corrects_reading_and_changing_only() {
        assert_eq!(Verb::Create.corrected("READ_ONLY"), Verb::Read);
        assert_eq!(Verb::Other.corrected("READ_ONLY"), Verb::Read);
        assert_eq!(Verb::Read.corrected("MODIFICATION"), Verb::Update);
        assert_eq!(Verb::Other.corrected("MODIFICATION"), Verb::Update);
        assert_eq!(Verb::Delete.corrected("MODIFICATION"), Verb::Delete);
        assert_eq!(Verb::Logon.corrected("MODIFICATION"), Verb::Logon);
        assert_eq!(Verb::AccessCheck.corrected("READ_ONLY"), Verb::AccessCheck);
        assert_eq!(Verb::Create.corrected("UNKNOWN"), Verb::Create);
    }
}
