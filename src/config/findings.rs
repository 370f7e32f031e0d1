//! What was found wrong, by path, and how that becomes errors with a line, a column and an excerpt.
//!
//! Everything is collected; nothing stops at the first problem. No excerpt shows a value other than the one at fault,
//! and that one only if it is no secret: other values on its line, and comments, are replaced by `…`.

use std::ops::Range;
use std::path::Path as FilePath;

use super::error::{ConfigError, Excerpt, Warning};
use super::node::{Kind, Node, Origin, Path, Place, Scalar, SyntaxError, sounds_secret};
use super::pointer;

#[derive(Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    /// Keys that a misspelt key was probably meant to be.
    misspelt: Vec<Path>,
}

struct Finding {
    severity: Severity,
    path: Path,
    at: At,
    cause: String,
    remedy: String,
}

/// What is pointed at.
#[derive(Clone, PartialEq, Eq)]
enum At {
    Value,
    /// The key, even if there is a value.
    Key,
    /// Some bytes of the value's text.
    Part(Range<usize>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Severity {
    Error,
    Warning,
}

impl Findings {
    /// An error in the value at `path`. If there is no such value, the nearest key above it is pointed at.
    pub(super) fn error(&mut self, path: &Path, cause: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Error, path, At::Value, (cause.into(), remedy.into()));
    }

    /// An error in the key at `path` itself.
    pub(super) fn error_at_key(&mut self, path: &Path, cause: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Error, path, At::Key, (cause.into(), remedy.into()));
    }

    pub(super) fn warning(&mut self, path: &Path, cause: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Warning, path, At::Value, (cause.into(), remedy.into()));
    }

    /// A warning about the key at `path` itself, whose value is not shown.
    pub(super) fn warning_at_key(&mut self, path: &Path, cause: impl Into<String>, remedy: impl Into<String>) {
        self.push(Severity::Warning, path, At::Key, (cause.into(), remedy.into()));
    }

    /// An error in a part of the text at `path`, which is no secret. What is said about a text that comes from a reference
    /// is replaced by something general, because it quotes what the reference stands for.
    pub(super) fn error_within(
        &mut self,
        path: &Path,
        part: Range<usize>,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(Severity::Error, path, At::Part(part), (cause.into(), remedy.into()));
    }

    /// As [`Findings::error_within`].
    pub(super) fn warning_within(
        &mut self,
        path: &Path,
        part: Range<usize>,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.push(Severity::Warning, path, At::Part(part), (cause.into(), remedy.into()));
    }

    /// Notes that `path` is missing because it was misspelt, which has been reported.
    pub(super) fn misspelt(&mut self, path: Path) {
        self.misspelt.push(path);
    }

    fn push(&mut self, severity: Severity, path: &Path, at: At, (cause, remedy): (String, String)) {
        self.list.push(Finding { severity, path: path.clone(), at, cause, remedy });
    }

    /// Whether the value at `path`, or one below it, is already known to be wrong. What depends on it is then not
    /// checked: a second message about the same mistake would only confuse.
    pub(super) fn has_error(&self, path: &Path) -> bool {
        let mut errors = self.list.iter().filter(|finding| finding.severity == Severity::Error);
        errors.any(|error| error.path.starts_with(path)) || self.misspelt.iter().any(|key| key.starts_with(path))
    }

    /// Turns the findings into errors and warnings in the order of the file.
    pub(super) fn report(self, file: &FilePath, source: &str, tree: &Node) -> (Vec<ConfigError>, Vec<Warning>) {
        let scalars = scalar_places(tree);
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        for finding in self.list {
            let severity = finding.severity;
            let error = finding.into_error(file, source, tree, &scalars);
            match severity {
                Severity::Error => errors.push(error),
                Severity::Warning => warnings.push(Warning(error)),
            }
        }
        errors.sort_by_key(ConfigError::order);
        warnings.sort_by_key(|Warning(warning)| warning.order());
        (errors, warnings)
    }
}

impl Finding {
    fn into_error(self, file: &FilePath, source: &str, tree: &Node, scalars: &[Place]) -> ConfigError {
        let mut error = ConfigError::new(file, self.cause, self.remedy);
        error.path = self.path.to_string();
        if let At::Part(part) = &self.at
            && let Some(Node { kind: Kind::Scalar(scalar), origin }) = tree.at(&self.path)
        {
            if scalar.referenced {
                // The words quote the text, and the text holds what the reference stands for.
                (error.cause, error.remedy) = (NOT_SHOWN.0.to_owned(), NOT_SHOWN.1.to_owned());
            } else if let Origin::File(place) = origin
                && let Some(pointer) = pointer::point(source, *place, &scalar.text, part.clone())
            {
                let before = masked(source, pointer.line_start, place.start.max(pointer.line_start), scalars);
                (error.line, error.column) = (Some(pointer.line), Some(pointer.column));
                error.excerpt = Some(pointer.excerpt(source, *place, &before));
                return error;
            }
        }
        match locate(tree, &self.path, self.at == At::Key) {
            None => {}
            Some((Origin::Variable(variable), _)) => error.variable = Some(variable),
            Some((Origin::File(place), shown)) => {
                error.line = Some(place.line);
                error.column = Some(place.column);
                error.excerpt = Some(excerpt(source, place, shown, scalars));
            }
        }
        error
    }
}

const NOT_SHOWN: (&str, &str) = (
    "what this stands for, once its references are followed, is not right",
    "write it without references to see what is wrong",
);

/// How the place at fault is shown.
#[derive(Clone, Copy)]
enum Shown {
    Key,
    Value,
    /// A value that must not be seen.
    Masked,
}

fn locate(tree: &Node, path: &Path, at_key: bool) -> Option<(Origin, Shown)> {
    let Some(node) = tree.at(path) else { return locate(tree, &path.parent()?, true) };
    let written = match &node.kind {
        Kind::Scalar(Scalar { written, .. }) | Kind::Broken(written) => Some(written),
        Kind::Empty | Kind::List(_) | Kind::Mapping(_) => None,
    };
    if let (Some(written), false) = (written, at_key) {
        let shown = if may_show(path, written) { Shown::Value } else { Shown::Masked };
        return Some((node.origin.clone(), shown));
    }
    if path.is_item() {
        return Some((node.origin.clone(), Shown::Masked));
    }
    let entry = tree.at(&path.parent()?)?.entry(path.last_key()?)?;
    Some((entry.origin.clone(), Shown::Key))
}

/// Whether a value may stand in a message: not the value of a key that sounds like a secret, nor of one right below, unless it only refers to
/// one, and no URL with a password in it.
fn may_show(path: &Path, written: &str) -> bool {
    let above = path.parent();
    let keys = [path.last_key(), above.as_ref().and_then(Path::last_key)];
    let secret = keys.into_iter().flatten().any(sounds_secret);
    is_reference(written) || !(secret || written.contains('@'))
}

/// Whether a value is one reference and nothing else, and the reference has no default.
pub(super) fn is_reference(written: &str) -> bool {
    let inner = written.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    inner.is_some_and(|inner| !inner.contains('}') && !inner.contains(":-"))
}

/// The path in a value that is one `${file:/path}` and nothing else.
pub(super) fn file_of_reference(written: &str) -> Option<&str> {
    if !is_reference(written) {
        return None;
    }
    written.strip_prefix("${file:")?.strip_suffix('}')
}

/// A value for use in a sentence: as it stands in the file, in backticks, or `this value` when it must not be seen.
pub(super) fn quote(path: &Path, scalar: &Scalar) -> String {
    if may_show(path, &scalar.written) { format!("`{}`", scalar.written) } else { "this value".to_owned() }
}

fn scalar_places(tree: &Node) -> Vec<Place> {
    let mut places = Vec::new();
    tree.walk(&Path::default(), &mut |_, node| {
        let is_value = matches!(node.kind, Kind::Scalar(_) | Kind::Broken(_));
        if let (true, Origin::File(place)) = (is_value, &node.origin) {
            places.push(*place);
        }
    });
    places.sort_by_key(|place| place.start);
    places
}

fn excerpt(source: &str, place: Place, shown: Shown, scalars: &[Place]) -> Excerpt {
    let line_start = source[..place.start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = source[place.start..].find('\n').map_or(source.len(), |at| place.start + at);
    let mut text = masked(source, line_start, place.start, scalars);
    let indent = text.chars().count();
    let end = place.end.clamp(place.start, line_end);
    let target = match shown {
        Shown::Masked => "…",
        Shown::Key | Shown::Value => source[place.start..end].trim_end(),
    };
    text.push_str(target);
    let rest = source[end..line_end].trim();
    let closing = rest.chars().all(|c| "]},".contains(c));
    text.push_str(match shown {
        Shown::Value | Shown::Masked if closing => rest,
        Shown::Value | Shown::Masked => " …",
        Shown::Key if rest == ":" => ":",
        Shown::Key => ": …",
    });
    Excerpt { text: text.replace('\t', " "), indent, width: target.chars().count().max(1) }
}

/// `source[from..to]` with the values that begin in it replaced.
fn masked(source: &str, from: usize, to: usize, scalars: &[Place]) -> String {
    let mut text = String::new();
    let mut at = from;
    for place in scalars.iter().filter(|place| place.start >= from && place.end > place.start && place.start < to) {
        text.push_str(source.get(at..place.start).unwrap_or_default());
        text.push('…');
        at = place.end.min(to).max(at);
    }
    text.push_str(source.get(at..to).unwrap_or_default());
    text
}

/// An error of the YAML parser. There is no tree that tells values from keys, so only the line's first key is shown.
pub(super) fn syntax_error(file: &FilePath, source: &str, error: SyntaxError) -> ConfigError {
    let SyntaxError { cause, remedy, place } = error;
    let mut error = ConfigError::new(file, cause, remedy.to_owned());
    let Some(place) = place.filter(|place| place.line > 0) else { return error };
    error.line = Some(place.line);
    error.column = Some(place.column);
    let line = source.lines().nth(place.line - 1).unwrap_or_default();
    let text = match line.split_once(':') {
        Some((key, rest)) if !rest.trim().is_empty() && is_key(key) => format!("{key}: …"),
        Some((key, _)) if is_key(key) => format!("{key}:"),
        Some(_) | None => format!("{}…", &line[..line.len() - line.trim_start().len()]),
    };
    let length = text.chars().count();
    let indent = (place.column - 1).min(length.saturating_sub(1));
    error.excerpt = Some(Excerpt { text: text.replace('\t', " "), indent, width: 1 });
    error
}

fn is_key(text: &str) -> bool {
    let text = text.trim_start().trim_start_matches("- ").trim();
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}
