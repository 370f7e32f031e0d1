//! References in values: `${VAR}`, `${VAR:-default}`, `${file:/path}`, and `$$` for one dollar sign.
//!
//! What a reference yields is taken as it is: it is not searched for references again, and it never changes the
//! structure of the document, so a password may hold any character. Keys are not interpolated.

use std::mem;

use super::environment::Environment;
use super::findings::Findings;
use super::node::{Kind, Node, Path, Scalar, sounds_secret};
use crate::secret::read_text;

/// Replaces the references in all values of `node`. A value whose reference cannot be followed becomes `Broken`.
pub(super) fn interpolate(node: &mut Node, path: &Path, environment: &Environment, findings: &mut Findings) {
    match &mut node.kind {
        Kind::Mapping(entries) => {
            for entry in entries {
                interpolate(&mut entry.value, &path.key(&entry.key), environment, findings);
            }
        }
        Kind::List(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                interpolate(item, &path.item(index), environment, findings);
            }
        }
        // What came from an environment variable is taken as it is.
        Kind::Scalar(scalar) if scalar.referenced => {}
        Kind::Scalar(scalar) => match expand(&scalar.text, path, environment) {
            Ok(Some(expanded)) => *scalar = expanded,
            Ok(None) => {}
            Err(Unresolved { cause, remedy }) => {
                findings.error(path, cause, remedy);
                node.kind = Kind::Broken(mem::take(&mut scalar.written));
            }
        },
        Kind::Empty | Kind::Broken(_) => {}
    }
}

struct Unresolved {
    cause: String,
    remedy: String,
}

/// `None` when there is nothing to replace.
fn expand(written: &str, path: &Path, environment: &Environment) -> Result<Option<Scalar>, Unresolved> {
    if !written.contains('$') {
        return Ok(None);
    }
    let mut text = String::with_capacity(written.len());
    let mut referenced = false;
    let mut rest = written;
    while let Some((before, after)) = rest.split_once('$') {
        text.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            text.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let (reference, after) = after.split_once('}').ok_or_else(|| Unresolved {
                cause: "a reference `${` is not closed".to_owned(),
                remedy: "close it with `}`, or write `$${` for a dollar sign and a brace".to_owned(),
            })?;
            text.push_str(&follow(reference, path, environment)?);
            referenced = true;
            rest = after;
        } else {
            // A lone dollar sign stands for itself: it ends many regular expressions.
            text.push('$');
            rest = after;
        }
    }
    text.push_str(rest);
    Ok(Some(Scalar { text, written: written.to_owned(), referenced }))
}

fn follow(reference: &str, path: &Path, environment: &Environment) -> Result<String, Unresolved> {
    if let Some(path) = reference.strip_prefix("file:") {
        return read_text(path.as_ref()).map_err(|cause| Unresolved {
            cause: format!("cannot read the file of `${{{reference}}}`: {cause}"),
            remedy: "check that the file is mounted and that this user may read it".to_owned(),
        });
    }
    let (name, default) = match reference.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(valid) {
        return Err(Unresolved {
            cause: "this is not a reference".to_owned(),
            remedy: "write `${VAR}`, `${VAR:-default}` or `${file:/path}`".to_owned(),
        });
    }
    match (environment.get(name), default) {
        // As in a shell, `:-` also replaces an empty value.
        (Some(value), Some(_)) if !value.is_empty() => Ok(value.to_owned()),
        (_, Some(default)) => Ok(default.to_owned()),
        (Some(value), None) => Ok(value.to_owned()),
        (None, None) => Err(Unresolved {
            cause: format!("environment variable `{name}` is not set"),
            remedy: match path.last_key() {
                Some(key) if sounds_secret(key) => "set it, or refer to a file with `${file:/path}`".to_owned(),
                Some(_) | None => format!("set it, or write `${{{name}:-default}}`"),
            },
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn environment() -> Environment {
        [("A", "one"), ("EMPTY", ""), ("NESTED", "${A}")].into_iter().collect()
    }

    fn value(written: &str) -> Result<String, String> {
        expand(written, &Path::default(), &environment())
            .map(|scalar| scalar.map_or(written.to_owned(), |scalar| scalar.text))
            .map_err(|unresolved| unresolved.cause)
    }

    #[test]
    fn references_are_replaced_once() {
        assert_eq!(value("x${A}y${A}").as_deref(), Ok("xoneyone"));
        assert_eq!(value("${NESTED}").as_deref(), Ok("${A}"));
        assert_eq!(value("${B:-two}").as_deref(), Ok("two"));
        assert_eq!(value("${EMPTY:-two}").as_deref(), Ok("two"));
        assert_eq!(value("${EMPTY}").as_deref(), Ok(""));
    }

    #[test]
    fn dollar_signs_can_be_written() {
        assert_eq!(value("$${A}").as_deref(), Ok("${A}"));
        assert_eq!(value("^audit-.*$").as_deref(), Ok("^audit-.*$"));
        assert_eq!(value("a$b").as_deref(), Ok("a$b"));
    }

    #[test]
    fn what_cannot_be_followed_is_an_error() {
        assert!(value("${MISSING}").is_err());
        assert!(value("${A").is_err());
        assert!(value("${}").is_err());
        assert!(value("${A B}").is_err());
        assert!(value("${file:/does/not/exist}").is_err());
    }

    #[test]
    fn a_file_loses_its_last_line_break_only() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        for (content, expected) in [("a\n", "a"), ("a\r\n", "a"), ("a\n\n", "a\n"), (" a ", " a "), ("", "")] {
            fs::write(file.path(), content).expect("writable");
            assert_eq!(value(&format!("${{file:{}}}", file.path().display())).as_deref(), Ok(expected));
        }
    }
}
