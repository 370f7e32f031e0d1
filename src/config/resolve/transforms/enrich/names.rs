//! The names of what is added: whether they can be names, and whether they are free.

use crate::config::SinkConfig;
use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::defaults;
use crate::transform::enrich::config::Place;

/// Fields that Splunk gives every event. An indexed field of such a name would stand beside it.
const SPLUNKS: [&str; 10] =
    ["host", "source", "sourcetype", "index", "time", "event", "linecount", "punct", "splunk_server", "timestamp"];

/// Names that are in use within a pipeline.
pub(in crate::config::resolve) struct Names<'s> {
    /// `None` when the sink is wrong, which has been said.
    sink: Option<&'s SinkConfig>,
    used: Vec<(Place, String)>,
    tables: Vec<String>,
}

impl<'s> Names<'s> {
    pub(in crate::config::resolve) fn new(sink: Option<&'s SinkConfig>) -> Self {
        Self { sink, used: Vec::new(), tables: Vec::new() }
    }

    pub(super) fn sink(&self) -> Option<&'s SinkConfig> {
        self.sink
    }

    /// Takes a name of the output, or says at `path` why it cannot be had.
    pub(super) fn claim(&mut self, name: &str, place: Place, path: &Path, findings: &mut Findings) {
        let at_name = path.last_key() == Some(name);
        let mut report = |cause: String, remedy: &str| {
            if at_name {
                findings.error_at_key(path, cause, remedy);
            } else {
                findings.error(path, cause, remedy);
            }
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
        let fits = (1..=defaults::NAME_MAX_LEN).contains(&name.len()) && name.chars().all(allowed);
        if !fits || name.starts_with('_') {
            let shown: String = name.chars().take(40).collect();
            let remedy = "use letters, digits, `_`, `-`, `.` and `:`, not `_` first; \
                          a column gets another name with `take: {COLUMN: name}`";
            report(format!("`{shown}` cannot be the name of a field"), remedy);
        } else if self.used.iter().any(|(used_in, used)| *used_in == place && used == name) {
            report(format!("`{name}` is added twice"), "give one of them another name, for example with `prefix`");
        } else if let (Some(whose), Place::Fields) = (self.whose(name), place) {
            report(
                format!("the field `{name}` is taken: {whose}"),
                "give it another name; those of a table also with `prefix`",
            );
        }
        self.used.push((place, name.to_owned()));
    }

    /// Who has a field of this name already.
    fn whose(&self, name: &str) -> Option<String> {
        if SPLUNKS.contains(&name) {
            return Some("Splunk has it for itself".to_owned());
        }
        let sink = match self.sink? {
            SinkConfig::SplunkHec(hec) => &hec.events,
            SinkConfig::Webhook(_) | SinkConfig::Archive(_) => return None,
        };
        if sink.fields.iter().any(|(known, _)| known == name) {
            return Some("`fields` of the sink gives it a value".to_owned());
        }
        if sink.tracking.iter().any(|tracked| tracked.field() == name) {
            return Some("`tracking` of the sink writes it".to_owned());
        }
        sink.record_headers
            .fields
            .iter()
            .any(|known| known == name)
            .then(|| "a header of the record gives it a value".to_owned())
    }

    /// Takes a table's name, or says at `path` why it cannot be had.
    pub(super) fn claim_table(&mut self, name: &str, path: &Path, findings: &mut Findings) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        let fits = (1..=defaults::NAME_MAX_LEN).contains(&name.len()) && name.chars().all(allowed);
        if !fits {
            let cause = format!("`{name}` cannot be the name of a table: it becomes a metric label");
            let remedy =
                format!("give it a `name` of up to {} letters, digits, `-`, `_` and `.`", defaults::NAME_MAX_LEN);
            findings.error(&path.key("name"), cause, remedy);
        } else if self.tables.iter().any(|known| known == name) {
            let cause = format!("two tables of this pipeline are called `{name}`");
            findings.error(&path.key("name"), cause, "give one of them another `name`");
        }
        self.tables.push(name.to_owned());
    }
}
