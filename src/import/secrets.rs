//! Secrets on their way out of the connector's file: into references, and never into the configuration itself.
//!
//! - The configuration refers to each by a variable (`${SPLUNK_HEC_TOKEN}`), and the caller is told what to set.
//! - Only on request are the values kept, for files of their own that the caller writes; the configuration then refers
//!   to the files.
//! - A secret that several connectors share has one name; different ones under the same name get the pipeline's.

use std::path::PathBuf;

use crate::secret::Secret;

use super::references::{self, Followed, Piece, Providers, Reference};

/// Where the values of secrets go.
#[derive(Clone, Debug)]
pub enum SecretsTo {
    /// Nowhere: the configuration refers to environment variables.
    Variables,
    /// Into files in this directory, to which the configuration refers.
    Directory(PathBuf),
}

/// An environment variable, or a file, that has to exist before the configuration can be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToSet {
    /// The variable's name, or the file's path.
    pub name: String,
    pub what: String,
}

/// A secret that has to be written into a file.
#[derive(Clone, Debug)]
pub struct SecretFile {
    pub path: PathBuf,
    pub value: Secret,
}

/// Whose secret it is.
pub(super) struct Owner<'a> {
    pub(super) file: &'a str,
    /// The setting that holds it.
    pub(super) key: &'a str,
    pub(super) pipeline: &'a str,
    /// In words, for the list of what to set.
    pub(super) what: &'a str,
}

struct Named {
    name: String,
    base: &'static str,
    /// `None` when the input only refers to it.
    value: Option<Secret>,
    /// The reference that Connect follows, if there is one.
    held: Option<String>,
}

pub(super) struct Secrets {
    to: SecretsTo,
    named: Vec<Named>,
    to_set: Vec<ToSet>,
    files: Vec<SecretFile>,
}

impl Secrets {
    pub(super) fn new(to: SecretsTo) -> Self {
        Self { to, named: Vec::new(), to_set: Vec::new(), files: Vec::new() }
    }

    /// How the configuration refers to the secret that the input gives as `raw`.
    pub(super) fn refer(&mut self, base: &'static str, owner: &Owner<'_>, raw: &str, providers: &Providers) -> String {
        let only = match references::pieces(raw).as_slice() {
            [Piece::Reference(reference)] => Some(*reference),
            _ => None,
        };
        match only {
            Some(reference) => self.refer_on(base, owner, reference, providers),
            // In part a reference: what could not be put together here, a person has to. The rest may be secret.
            None if references::pieces(raw).len() > 1 => self.named(base, owner, joined(raw, providers), None),
            None if is_masked(raw) => self.named(base, owner, None, None),
            None => self.named(base, owner, Some(Secret::new(raw.to_owned())), None),
        }
    }

    /// For a secret that the input does not hold at all.
    pub(super) fn missing(&mut self, base: &'static str, owner: &Owner<'_>) -> String {
        self.named(base, owner, None, None)
    }

    fn refer_on(
        &mut self,
        base: &'static str,
        owner: &Owner<'_>,
        reference: Reference<'_>,
        providers: &Providers,
    ) -> String {
        let written = Some(reference.written.to_owned());
        match references::follow(reference, providers) {
            Ok(Followed::Ours(ours)) => {
                let name = ours.trim_start_matches("${").trim_start_matches("file:").trim_end_matches('}');
                self.must_set(name.to_owned(), format!("{}, as for Connect ({})", owner.what, reference.written));
                ours
            }
            Ok(Followed::Literal(value)) => self.named(base, owner, Some(Secret::new(value)), written),
            Err(_) => self.named(base, owner, None, written),
        }
    }

    fn named(&mut self, base: &'static str, owner: &Owner<'_>, value: Option<Secret>, held: Option<String>) -> String {
        let same = |named: &&Named| named.base == base && named.value == value && named.held == held;
        let known = (value.is_some() || held.is_some()).then(|| self.named.iter().find(same)).flatten();
        if let Some(known) = known {
            return self.reference(&known.name, known.value.is_some());
        }
        let name = self.free_name(base, owner.pipeline);
        let reference = self.reference(&name, value.is_some());
        match (&self.to, &value) {
            (SecretsTo::Directory(directory), Some(value)) => {
                self.files.push(SecretFile { path: directory.join(file_name(&name)), value: value.clone() });
            }
            (SecretsTo::Variables, _) | (SecretsTo::Directory(_), None) => {
                let held = held.as_ref().map_or_else(String::new, |held| format!(": what Connect takes from {held}"));
                let what = format!("{} ({} of {}){held}", owner.what, owner.key, owner.file);
                self.must_set(name.clone(), what);
            }
        }
        self.named.push(Named { name, base, value, held });
        reference
    }

    fn reference(&self, name: &str, has_value: bool) -> String {
        match &self.to {
            SecretsTo::Directory(directory) if has_value => {
                format!("${{file:{}}}", directory.join(file_name(name)).display())
            }
            SecretsTo::Directory(_) | SecretsTo::Variables => format!("${{{name}}}"),
        }
    }

    fn free_name(&self, base: &str, pipeline: &str) -> String {
        let taken = |name: &str| self.named.iter().any(|named| named.name == name);
        let upper = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        let with_pipeline = format!("{base}_{}", pipeline.chars().map(upper).collect::<String>());
        let candidates = [base.to_owned(), with_pipeline.clone()].into_iter();
        let numbered = (2_u32..).map(|n| format!("{with_pipeline}_{n}"));
        candidates.chain(numbered).find(|name| !taken(name)).unwrap_or(with_pipeline)
    }

    /// Something that is no secret and that the input does not hold either.
    pub(super) fn must_set(&mut self, name: String, what: String) {
        if !self.to_set.iter().any(|known| known.name == name) {
            self.to_set.push(ToSet { name, what });
        }
    }

    pub(super) fn into_lists(self) -> (Vec<ToSet>, Vec<SecretFile>) {
        (self.to_set, self.files)
    }
}

fn file_name(variable: &str) -> String {
    variable.to_ascii_lowercase().replace('_', "-")
}

/// A value of several pieces, if each can be read here.
fn joined(raw: &str, providers: &Providers) -> Option<Secret> {
    let mut value = String::new();
    for piece in references::pieces(raw) {
        match piece {
            Piece::Literal(literal) => value.push_str(literal),
            Piece::Reference(reference) => match references::follow(reference, providers) {
                Ok(Followed::Literal(literal)) => value.push_str(&literal),
                Ok(Followed::Ours(_)) | Err(_) => return None,
            },
        }
    }
    Some(Secret::new(value))
}

/// What exports and interfaces show in place of a secret.
fn is_masked(raw: &str) -> bool {
    raw.chars().all(|c| c == '*') || raw.eq_ignore_ascii_case("[hidden]")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "SPLUNK_HEC_TOKEN";

    fn owner(pipeline: &'static str) -> Owner<'static> {
        Owner { file: "x.json", key: "splunk.hec.token", pipeline, what: "the HEC token" }
    }

    fn refer(secrets: &mut Secrets, pipeline: &'static str, raw: &str) -> String {
        secrets.refer(TOKEN, &owner(pipeline), raw, &Providers::default())
    }

    #[test]
    fn equal_secrets_have_one_name_and_different_ones_two() {
        let mut secrets = Secrets::new(SecretsTo::Variables);
        assert_eq!(refer(&mut secrets, "a", "canary"), "${SPLUNK_HEC_TOKEN}");
        assert_eq!(refer(&mut secrets, "b", "canary"), "${SPLUNK_HEC_TOKEN}");
        assert_eq!(refer(&mut secrets, "c-d", "other"), "${SPLUNK_HEC_TOKEN_C_D}");
        let (to_set, files) = secrets.into_lists();
        assert_eq!(to_set.len(), 2);
        assert!(files.is_empty() && !format!("{to_set:?}").contains("canary"));
    }

    #[test]
    fn what_an_export_hides_is_never_taken_for_the_same() {
        let mut secrets = Secrets::new(SecretsTo::Directory("/s".into()));
        assert_eq!(refer(&mut secrets, "a", "****************"), "${SPLUNK_HEC_TOKEN}");
        assert_eq!(refer(&mut secrets, "b", "****************"), "${SPLUNK_HEC_TOKEN_B}");
        assert!(secrets.into_lists().1.is_empty());
    }

    #[test]
    fn on_request_values_go_into_files() {
        let mut secrets = Secrets::new(SecretsTo::Directory("/run/s".into()));
        assert_eq!(refer(&mut secrets, "a", "canary"), "${file:/run/s/splunk-hec-token}");
        let (to_set, files) = secrets.into_lists();
        assert!(to_set.is_empty());
        assert_eq!(files[0].path, PathBuf::from("/run/s/splunk-hec-token"));
        assert_eq!(files[0].value.expose(), "canary");
    }

    #[test]
    fn references_of_connect_are_kept_or_explained() {
        let mut secrets = Secrets::new(SecretsTo::Variables);
        assert_eq!(refer(&mut secrets, "a", "${env:HEC}"), "${HEC}");
        assert_eq!(refer(&mut secrets, "a", "${directory:/s:t}"), "${file:/s/t}");
        assert_eq!(refer(&mut secrets, "a", "${vault:p:k}"), "${SPLUNK_HEC_TOKEN}");
        assert_eq!(refer(&mut secrets, "a", "canary-${vault:p:k}"), "${SPLUNK_HEC_TOKEN_A}");
        let (to_set, _) = secrets.into_lists();
        assert!(!format!("{to_set:?}").contains("canary"));
        assert_eq!(
            to_set.iter().map(|set| set.name.as_str()).collect::<Vec<_>>(),
            ["HEC", "/s/t", TOKEN, "SPLUNK_HEC_TOKEN_A"]
        );
        assert!(to_set[2].what.contains("${vault:p:k}"), "{}", to_set[2].what);
    }
}
