//! The keys of `enrich`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::raw::{Characters, ListOrNames, TextOrList};
use crate::defaults;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Enrich {
    /// Where what is added goes: `fields` (beside the event, into Splunk's indexed fields; not with `mode: raw`) or `event`
    /// (into a member `enrichment` of the event, in front of its last brace; an event that has such a member keeps it and
    /// gets none, which is counted).
    #[schemars(extend("default" = "fields"))]
    pub(in crate::config) place: Option<Place>,
    /// What every event gets: a name and a text or a list of texts.
    pub(in crate::config) fields: Option<BTreeMap<String, TextOrList>>,
    /// What a table knows about a value of the event.
    pub(in crate::config) lookup: Option<Lookup>,
    /// What a table of networks knows about an address of the event. Of networks within each other the narrowest counts.
    pub(in crate::config) networks: Option<Networks>,
    /// Parts of the event's resource name (CRN), after redaction.
    pub(in crate::config) crn: Option<Crn>,
    /// What a GeoIP database knows about an address of the event.
    pub(in crate::config) geoip: Option<GeoIp>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum Place {
    /// Beside the event.
    Fields,
    /// Into a member of the event.
    Event,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Lookup {
    /// The table's name in metrics and in the log. By default the file's name without its extension.
    pub(in crate::config) name: Option<String>,
    /// The table: CSV with column names in its first line, or JSON. It is read again when it changes; a version that cannot
    /// be used is reported, and the one before stays in use.
    #[schemars(required)]
    pub(in crate::config) file: Option<PathBuf>,
    /// `csv` or `json`. By default what the file's extension says, or else its first character.
    pub(in crate::config) format: Option<TableFormat>,
    /// The canonical field that is looked up, for example `principal` or `cluster`. Of a list the first value that the table
    /// knows counts.
    #[schemars(required)]
    pub(in crate::config) field: Option<String>,
    /// The table's column that holds the keys. By default the first column of CSV, and the names in a JSON object of rows;
    /// a JSON list of rows needs it.
    pub(in crate::config) column: Option<String>,
    /// Whether upper and lower case of ASCII letters are the same in keys.
    #[schemars(extend("default" = false))]
    pub(in crate::config) ignore_case: Option<bool>,
    /// The columns to add: a list of names, or a mapping from each column to its name in the output. By default all columns
    /// but the key's that the table has when the program starts.
    pub(in crate::config) take: Option<ListOrNames>,
    /// What is put in front of each name in the output.
    pub(in crate::config) prefix: Option<String>,
    /// What is added when the table does not know the value: names in the output, and texts. By default nothing.
    pub(in crate::config) default: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Networks {
    /// The table's name in metrics and in the log. By default the file's name without its extension, or `networks`.
    pub(in crate::config) name: Option<String>,
    /// The table, as for `lookup`, with networks such as `10.0.0.0/8` or `2001:db8::/32` as keys. Exactly one of `file` and
    /// `inline` is needed.
    pub(in crate::config) file: Option<PathBuf>,
    /// The table itself: networks, and what each is called.
    pub(in crate::config) inline: Option<BTreeMap<String, String>>,
    /// The format of the table of networks: `csv` or `json`, as for `lookup`.
    pub(in crate::config) format: Option<TableFormat>,
    /// The canonical field that holds addresses. Of several the first that the table knows counts.
    #[schemars(extend("default" = "client_ip"))]
    pub(in crate::config) field: Option<String>,
    /// The column that holds the networks, as for `lookup`.
    pub(in crate::config) column: Option<String>,
    /// The name in the output, where the table has one value for each network.
    #[schemars(extend("default" = defaults::NETWORK_FIELD))]
    pub(in crate::config) into: Option<String>,
    /// The columns to add, as for `lookup`, where the table has several.
    pub(in crate::config) take: Option<ListOrNames>,
    /// What is put in front of each name that `take` gives.
    pub(in crate::config) prefix: Option<String>,
    /// What is added when no network holds the address: names in the output, and texts. By default nothing.
    pub(in crate::config) default: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Crn {
    /// The parts to add: a list, or a mapping from each part to its name in the output. `organization`, `environment` and
    /// `cluster` are the canonical fields; any other, such as `topic`, `group` or `connector`, is the last element of this
    /// name in the event's resource name.
    #[schemars(required)]
    pub(in crate::config) take: Option<ListOrNames>,
    /// What is put in front of each part's name.
    pub(in crate::config) prefix: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct GeoIp {
    /// The database's name in metrics and in the log. By default the file's name without its extension.
    pub(in crate::config) name: Option<String>,
    /// A database in MaxMind's DB format (`.mmdb`) with the members of GeoIP2 or GeoLite2. It is held in memory, and read
    /// again when it is replaced.
    #[schemars(required)]
    pub(in crate::config) file: Option<PathBuf>,
    /// The canonical field whose addresses are looked up in the database. Of several the first that it knows counts.
    #[schemars(extend("default" = "client_ip"))]
    pub(in crate::config) field: Option<String>,
    /// What to add: a list, or a mapping to names in the output, of `country`, `country_code`, `continent`, `region`, `city`,
    /// `asn`, `as_organization`, `latitude`, `longitude`. Names are English. By default what the kind of database is for;
    /// coordinates never.
    pub(in crate::config) take: Option<ListOrNames>,
    /// What is put in front of each of these names; it may be empty.
    #[schemars(extend("default" = defaults::GEOIP_PREFIX))]
    pub(in crate::config) prefix: Option<Characters>,
}

#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(in crate::config) enum TableFormat {
    Csv,
    Json,
}
