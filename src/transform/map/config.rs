//! What `map` asks for.

/// The data model, and what becomes of the event that Confluent sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MapConfig {
    pub to: Model,
    pub place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Splunk's Common Information Model.
    Cim,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
    /// Elastic Common Schema.
    Ecs,
}

/// Where the mapped fields stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// In a member of this name, beside everything that Confluent sent.
    Member(String),
    /// They are the event. `raw` keeps what Confluent sent as text within it, for the models that have a field for it.
    Event { raw: bool },
}
