//! What became of one setting, for a person: place, cause and remedy, in the form of the configuration's own errors.
//!
//! A finding names settings and never quotes what may be a secret.

use std::fmt;

/// In the order in which a person has to look at them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// There is no counterpart. The configuration that was written is refused until a person has decided.
    Refused,
    /// Imported, or left out, and something is other than it was.
    Warning,
    /// There is nothing to carry over, and this is why.
    Note,
    /// Stands in the configuration; `cause` is the path of the key there.
    Carried,
}

impl Level {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::Carried => "carried over",
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub level: Level,
    /// The file that has, or could have, the setting.
    pub file: String,
    /// The setting's name; empty for the file as a whole.
    pub key: String,
    pub cause: String,
    /// What to do; empty when there is nothing to do.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.level.as_str())?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}\n --> {}", self.cause, self.file)?;
        if !self.remedy.is_empty() {
            write!(f, "\n = help: {}", self.remedy)?;
        }
        Ok(())
    }
}
