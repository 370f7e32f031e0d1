//! The keys of `map`.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::transform::map::config::Model;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct MapStep {
    /// `cim` (Splunk's Common Information Model 6), `ocsf` (OCSF 1.8.0) or `ecs` (Elastic Common Schema 9.4.0).
    #[schemars(required)]
    pub(in crate::config) to: Option<Model>,
    /// What becomes of the event that Confluent sent. With `keep` it stays as it is where the mapped fields are a member
    /// of it; where they take its place it is kept as text within them (`raw_data` in OCSF, `event.original` in ECS).
    /// With `drop` the mapped fields are all that is sent.
    #[schemars(extend("default" = "keep"))]
    pub(in crate::config) raw: Option<RawEvent>,
    /// The name of the member that holds the mapped fields, beside everything that Confluent sent. An event that has such
    /// a member passes as it is. For `cim` it is `cim` by default; for `ocsf` and `ecs` the mapped fields are the event
    /// unless a name is given. Not with `raw: drop`.
    pub(in crate::config) into: Option<String>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum RawEvent {
    /// As described for the model.
    Keep,
    /// It is not sent.
    Drop,
}
