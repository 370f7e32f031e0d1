//! A string that cannot be printed, and the place it came from.
//!
//! `Secret` has no `Display` and no `Serialize`, its `Debug` is `***`, and its memory is overwritten when it is dropped.
//! Reading the value takes a call to [`Secret::expose`], which is easy to find in review.
//!
//! A [`SecretSource`] also remembers the file, so that a secret that is replaced there can be read again.

use std::path::{Path, PathBuf};
use std::{fmt, fs};

use zeroize::Zeroizing;

#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(value: String) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value itself. Only for handing it to the client that authenticates with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Why a file does not yield a secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SecretFileError {
    #[error("cannot read the file: {0}")]
    Unreadable(String),
    #[error("the file does not hold one line of text")]
    NotOneLine,
}

/// A secret as it was when the configuration was loaded and, when it came from a file, where to read it again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecretSource {
    value: Secret,
    file: Option<PathBuf>,
}

impl SecretSource {
    /// A secret that stays as it is: from the environment.
    pub fn fixed(value: Secret) -> Self {
        Self { value, file: None }
    }

    /// A secret that was read from `file`.
    pub fn in_file(file: PathBuf, value: Secret) -> Self {
        Self { value, file: Some(file) }
    }

    /// The secret as it was when the configuration was loaded.
    pub fn value(&self) -> &Secret {
        &self.value
    }

    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The secret as it is now. Blocks for as long as reading the file takes.
    ///
    /// # Errors
    /// The file cannot be read, or does not hold one line of text.
    pub fn read(&self) -> Result<Secret, SecretFileError> {
        match &self.file {
            None => Ok(self.value.clone()),
            Some(file) => read_secret(file),
        }
    }
}

/// The secret in a file: its only line.
///
/// # Errors
/// The file cannot be read, or does not hold one line of text.
pub fn read_secret(file: &Path) -> Result<Secret, SecretFileError> {
    let text = read_text(file).map(Zeroizing::new).map_err(SecretFileError::Unreadable)?;
    let one_line = !text.trim().is_empty() && !text.contains(char::is_control);
    if one_line { Ok(Secret(text)) } else { Err(SecretFileError::NotOneLine) }
}

/// A file's content without its last line break, which editors and `echo` add.
pub(crate) fn read_text(file: &Path) -> Result<String, String> {
    let mut content = fs::read_to_string(file).map_err(|error| error.to_string())?;
    for end in ['\n', '\r'] {
        if content.ends_with(end) {
            content.pop();
        }
    }
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_value() {
        assert_eq!(format!("{:?}", Secret::new("hunter2".into())), "***");
        assert_eq!(format!("{:?}", Some(Secret::new("hunter2".into()))), "Some(***)");
    }

    #[test]
    fn a_secret_in_a_file_is_read_again_and_one_from_elsewhere_stays() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "new\r\n").unwrap();
        let old = || Secret::new("old".into());
        assert_eq!(SecretSource::in_file(file.path().into(), old()).read(), Ok(Secret::new("new".into())));
        assert_eq!(SecretSource::fixed(old()).read(), Ok(old()));
        for broken in ["", "\n", " ", "two\nlines", "bell\u{7}"] {
            fs::write(file.path(), broken).unwrap();
            assert_eq!(read_secret(file.path()), Err(SecretFileError::NotOneLine), "{broken:?}");
        }
        assert!(matches!(read_secret(Path::new("/nowhere/token")), Err(SecretFileError::Unreadable(_))));
    }
}
