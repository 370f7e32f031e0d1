//! Conditions that are kept ready, written in the language that users write.

use schemars::JsonSchema;
use serde::Deserialize;

/// What is routine everywhere: successful checks of identity and permission, and reading. Never anything that was refused, or
/// of which nobody knows how it ended; never access by the vendor's staff.
const ROUTINE: &str = r#"outcome == "success" && !denied && family != "access-transparency"
&& (method in ["mds.Authorize", "kafka.Authentication", "kafka.Fetch", "kafka.Produce",
               "schema-registry.Authentication", "flink.Authenticate", "flink.Authorize",
               "ksql.Authenticate", "ksql.Authorize", "TableflowOAuthTokens", "ScheduledJwksRefresh"]
    || verb == "read" || access_type == "READ_ONLY")"#;

const SECURITY: &str = r#"outcome != "success" || denied || verb == "delete" || method == "SignIn" || family == "access-transparency"
|| verb in ["create", "update"]
   && ["APIKey", "ServiceAccount", "User", "Invit", "Role", "Acl", "SSO", "Identity", "Filter", "Organization",
       "Network", "PrivateLink", "Peering", "TransitGateway", "ClusterLink", "Connector", "Kek", "Dek"]
      .exists(word, method.contains(word))"#;

const CHANGES: &str = r#"verb in ["create", "update", "delete"]"#;

const MINIMAL: &str = r#"outcome != "success" || denied || verb == "delete" || family == "access-transparency""#;

/// A ready condition for `drop`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DropPreset {
    /// Successful checks of identity and permission, successful reading, token refreshes: 80 to 90 % of most audit logs. Never
    /// anything that was refused, or of which it is not known how it ended.
    Routine,
}

/// A ready condition for `keep`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeepPreset {
    /// Whatever did not succeed, sign-ins, deletions, changes of identities, rights and networks, access by the vendor's
    /// staff.
    Security,
    /// Whatever creates, updates or deletes something, or tries to.
    Changes,
    /// Whatever did not succeed, deletions, access by the vendor's staff.
    Minimal,
}

impl DropPreset {
    pub const ALL: [Self; 1] = [Self::Routine];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Routine => "routine",
        }
    }

    /// The condition.
    pub const fn when(self) -> &'static str {
        match self {
            Self::Routine => ROUTINE,
        }
    }
}

impl KeepPreset {
    pub const ALL: [Self; 3] = [Self::Security, Self::Changes, Self::Minimal];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Changes => "changes",
            Self::Minimal => "minimal",
        }
    }

    /// The condition.
    pub const fn when(self) -> &'static str {
        match self {
            Self::Security => SECURITY,
            Self::Changes => CHANGES,
            Self::Minimal => MINIMAL,
        }
    }
}
