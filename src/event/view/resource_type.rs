//! One spelling for kinds of resources: `Topic`, `TOPIC` and `topic` are the same thing, and so are `CloudCluster`,
//! `CLOUD_CLUSTER` and `cloud-cluster`.

use std::borrow::Cow;

/// What is met every day, so that it costs no memory. A kind that is not here is spelled by rule.
const KNOWN: &[(&str, &str)] = &[
    ("Topic", "topic"),
    ("TOPIC", "topic"),
    ("Cluster", "cluster"),
    ("Group", "group"),
    ("GROUP", "group"),
    ("TransactionalId", "transactional_id"),
    ("CloudCluster", "cloud_cluster"),
    ("CLOUD_CLUSTER", "cloud_cluster"),
    ("cloud-cluster", "cloud_cluster"),
    ("KAFKA_CLUSTER", "kafka_cluster"),
    ("kafka-cluster", "kafka_cluster"),
    // In resource names the key is the product.
    ("kafka", "kafka_cluster"),
    ("Environment", "environment"),
    ("ENVIRONMENT", "environment"),
    ("Organization", "organization"),
    ("ORGANIZATION", "organization"),
    ("SCHEMA_REGISTRY", "schema_registry"),
    ("schema-registry", "schema_registry"),
    ("Subject", "subject"),
    ("SUBJECT", "subject"),
    ("KSQL", "ksql"),
    ("CONNECTOR", "connector"),
    ("FLINK_REGION", "flink_region"),
    ("flink-region", "flink_region"),
    ("FLINK_WORKSPACE", "flink_workspace"),
    ("COMPUTE_POOL", "compute_pool"),
    ("STATEMENT", "statement"),
    ("API_KEY", "api_key"),
    ("USER", "user"),
    ("USER_INVITATION", "user_invitation"),
    ("SERVICE_ACCOUNT", "service_account"),
    ("IDENTITY_POOL", "identity_pool"),
    ("IDENTITY_PROVIDER", "identity_provider"),
    ("SSO_CONNECTION", "sso_connection"),
    ("CLUSTER_LINK", "cluster_link"),
    ("NETWORK", "network"),
    ("PEERING", "peering"),
    ("PRIVATE_LINK_ACCESS", "private_link_access"),
    ("TRANSIT_GATEWAY_ATTACHMENT", "transit_gateway_attachment"),
    ("CUSTOM_CONNECTOR_PLUGIN", "custom_connector_plugin"),
    ("NS_NOTIFICATION_TYPE", "ns_notification_type"),
    ("TRANSACTIONAL_ID", "transactional_id"),
    ("KSQL_CLUSTER", "ksql_cluster"),
    ("IP_FILTER", "ip_filter"),
    ("IP_GROUP", "ip_group"),
    ("PIPELINE", "pipeline"),
];

pub(super) fn spelled(kind: Cow<'_, str>) -> Cow<'_, str> {
    if let Some((_, known)) = KNOWN.iter().find(|(written, _)| *written == kind) {
        return Cow::Borrowed(known);
    }
    let is_right = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if kind.bytes().all(is_right) { kind } else { Cow::Owned(by_rule(&kind)) }
}

/// Lower case, words joined by `_`; a word begins at a capital letter that follows a small one or a digit.
fn by_rule(kind: &str) -> String {
    let mut spelled = String::with_capacity(kind.len() + 4);
    let mut previous = '_';
    for letter in kind.chars() {
        let begins_word = letter.is_uppercase() && !previous.is_uppercase() && previous.is_alphanumeric();
        if begins_word {
            spelled.push('_');
        }
        match letter {
            '-' | ' ' => spelled.push('_'),
            letter => spelled.extend(letter.to_lowercase()),
        }
        previous = letter;
    }
    spelled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_listed_is_what_the_rule_gives() {
        for (written, known) in KNOWN {
            assert!(by_rule(written) == *known || *written == "kafka", "{written}");
        }
    }

    #[test]
    fn kinds_of_all_dialects_are_spelled_alike() {
        let spelled = |kind: &'static str| spelled(Cow::Borrowed(kind)).into_owned();
        assert_eq!(spelled("TransactionalId"), "transactional_id");
        assert_eq!(spelled("TRANSACTIONAL_ID"), "transactional_id");
        assert_eq!(spelled("transactional-id"), "transactional_id");
        assert_eq!(spelled("NS_NOTIFICATION_TYPE"), "ns_notification_type");
        assert_eq!(spelled("KsqlCluster"), "ksql_cluster");
        assert_eq!(spelled("V2Topic"), "v2_topic");
        assert_eq!(spelled("topic"), "topic");
        assert_eq!(spelled("Ünit"), "ünit");
    }
}
