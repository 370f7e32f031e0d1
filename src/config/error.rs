//! What is wrong with a configuration, for a person: place, cause and remedy, in the form compilers use.

use std::fmt;
use std::path::{Path, PathBuf};

/// One mistake. Never holds a secret, nor what a reference stands for.
#[derive(Clone, Debug)]
pub struct ConfigError {
    pub file: PathBuf,
    /// Counted from 1. `None` when no place in the file is at fault.
    pub line: Option<usize>,
    /// Counted from 1, in characters.
    pub column: Option<usize>,
    /// The environment variable at fault, when the value did not come from the file.
    pub variable: Option<String>,
    /// The key, for example `pipelines.splunk.sink`; empty for the file as a whole.
    pub path: String,
    pub cause: String,
    pub remedy: String,
    pub(super) excerpt: Option<Excerpt>,
}

/// One line of the file with what must not be seen already replaced, and the part of it to underline.
#[derive(Clone, Debug)]
pub(super) struct Excerpt {
    pub(super) text: String,
    pub(super) indent: usize,
    pub(super) width: usize,
}

impl ConfigError {
    pub(super) fn new(file: &Path, cause: String, remedy: String) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            column: None,
            variable: None,
            path: String::new(),
            cause,
            remedy,
            excerpt: None,
        }
    }

    /// The order of the file; what has no place in it comes last, by path.
    pub(super) fn order(&self) -> (usize, usize, String) {
        (self.line.unwrap_or(usize::MAX), self.column.unwrap_or(usize::MAX), self.path.clone())
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, severity: &str) -> fmt::Result {
        let margin = self.line.map_or(1, |line| line.to_string().len());
        write!(f, "{severity}: {}\n{:margin$}--> ", self.cause, "")?;
        match (&self.variable, self.line, self.column) {
            (Some(variable), ..) => write!(f, "environment variable {variable}")?,
            (None, Some(line), Some(column)) => write!(f, "{}:{line}:{column}", self.file.display())?,
            (None, ..) => write!(f, "{}", self.file.display())?,
        }
        if !self.path.is_empty() {
            write!(f, " ({})", self.path)?;
        }
        if let (Some(line), Some(excerpt)) = (self.line, &self.excerpt) {
            let Excerpt { text, indent, width } = excerpt;
            write!(f, "\n{:margin$} |\n{line} | {text}\n{:margin$} | {:indent$}{:^>width$}", "", "", "", "")?;
        }
        write!(f, "\n{:margin$} = help: {}", "", self.remedy)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "error")
    }
}

impl std::error::Error for ConfigError {}

/// Something that is allowed and probably not meant.
#[derive(Clone, Debug)]
pub struct Warning(pub ConfigError);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, "warning")
    }
}

/// All mistakes of a configuration, at least one, in the order of the file.
#[derive(Clone, Debug)]
pub struct ConfigErrors(Vec<ConfigError>);

impl ConfigErrors {
    /// `None` when there are no errors.
    pub(super) fn new(errors: Vec<ConfigError>) -> Option<Self> {
        (!errors.is_empty()).then_some(Self(errors))
    }

    pub fn errors(&self) -> &[ConfigError] {
        &self.0
    }
}

impl From<ConfigError> for ConfigErrors {
    fn from(error: ConfigError) -> Self {
        Self(vec![error])
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.0 {
            write!(f, "{error}\n\n")?;
        }
        let noun = if self.0.len() == 1 { "error" } else { "errors" };
        write!(f, "{} {noun} in the configuration", self.0.len())
    }
}

impl std::error::Error for ConfigErrors {}
