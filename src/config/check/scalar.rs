//! Single values: whether a text is the word, number, length of time or secret that the schema asks for.

use serde_json::{Value, json};

use super::super::findings::{Findings, file_of_reference, is_reference, quote};
use super::super::node::{Kind, Node, Origin, Path, Scalar};
use super::{enumerate, name_of, nearest, what_it_is};

pub(super) fn scalar<'a>(node: &'a Node, path: &Path, findings: &mut Findings) -> Option<&'a Scalar> {
    let Kind::Scalar(scalar) = &node.kind else {
        let cause = format!("`{}` has to be a single value, and is {}", name_of(path), what_it_is(node));
        findings.error(path, cause, format!("write `{}: value`", name_of(path)));
        return None;
    };
    if scalar.text.trim().is_empty() {
        let cause = match (scalar.referenced, &node.origin) {
            (true, Origin::File(_)) => format!("{} stands for an empty value", quote(path, scalar)),
            (_, Origin::Variable(_)) => "this environment variable is empty".to_owned(),
            (false, Origin::File(_)) => format!("`{}` is empty", name_of(path)),
        };
        let remedy = match &node.origin {
            Origin::Variable(_) => "give it a value, or unset it",
            Origin::File(_) => "give it a value, or remove the key",
        };
        findings.error(path, cause, remedy);
        return None;
    }
    Some(scalar)
}

/// Text that may also be white space, or nothing.
pub(super) fn characters(node: &Node, path: &Path, findings: &mut Findings) -> Option<Value> {
    match &node.kind {
        Kind::Scalar(scalar) => Some(Value::from(scalar.text.as_str())),
        Kind::Empty | Kind::Broken(_) | Kind::List(_) | Kind::Mapping(_) => {
            scalar(node, path, findings).map(|scalar| Value::from(scalar.text.as_str()))
        }
    }
}

pub(super) fn text(scalar: &Scalar, path: &Path, findings: &mut Findings) -> Option<Value> {
    if scalar.text.contains(char::is_control) {
        let remedy = "write it on one line; a file that is referred to may hold one line only";
        findings.error(path, format!("`{}` holds a line break or another control character", name_of(path)), remedy);
        return None;
    }
    Some(Value::from(scalar.text.as_str()))
}

pub(super) fn word(scalar: &Scalar, words: &[&str], path: &Path, findings: &mut Findings) -> Option<Value> {
    if words.contains(&scalar.text.as_str()) {
        return Some(Value::from(scalar.text.as_str()));
    }
    let cause = if scalar.referenced {
        format!("{} does not stand for one of {}", quote(path, scalar), enumerate(words))
    } else {
        format!("{} is not one of {}", quote(path, scalar), enumerate(words))
    };
    let remedy = match nearest(&scalar.text, words).filter(|_| !scalar.referenced) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("use one of {}", enumerate(words)),
    };
    findings.error(path, cause, remedy);
    None
}

/// A number with a unit. The parser's own words quote the value, so they are used only for what stands in the file.
pub(super) fn quantity(
    scalar: &Scalar,
    parsed: Result<(), String>,
    (noun, form): (&str, &str),
    path: &Path,
    findings: &mut Findings,
) -> Option<Value> {
    let Err(message) = parsed else { return Some(Value::from(scalar.text.as_str())) };
    if scalar.referenced {
        findings.error(
            path,
            format!("{} does not stand for a {noun}", quote(path, scalar)),
            format!("set it to {form}"),
        );
        return None;
    }
    match message.split_once(": ") {
        Some((cause, remedy)) => findings.error(path, cause, remedy),
        None => findings.error(path, message, format!("write {form}")),
    }
    None
}

pub(super) fn integer(scalar: &Scalar, schema: &Value, path: &Path, findings: &mut Findings) -> Option<Value> {
    let limit = |keyword| schema.get(keyword).and_then(Value::as_u64);
    let range = limit("minimum").unwrap_or(0)..=limit("maximum").unwrap_or(u64::from(u32::MAX));
    let number = scalar.text.replace('_', "").parse().ok().filter(|number| range.contains(number));
    if number.is_none() {
        let verb = if scalar.referenced { "does not stand for" } else { "is not" };
        let (least, most) = (range.start(), range.end());
        let cause = format!("{} {verb} a whole number from {least} to {most}", quote(path, scalar));
        findings.error(path, cause, "write it in digits, without a unit");
    }
    number.map(Value::from)
}

pub(super) fn boolean(scalar: &Scalar, path: &Path, findings: &mut Findings) -> Option<Value> {
    match scalar.text.as_str() {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ => {
            let verb = if scalar.referenced { "does not stand for" } else { "is not" };
            findings.error(
                path,
                format!("{} {verb} `true` or `false`", quote(path, scalar)),
                "write `true` or `false`",
            );
            None
        }
    }
}

/// An address may stand in the file; whether it should is for those who know what it is.
pub(super) fn address(node: &Node, path: &Path, findings: &mut Findings) -> Option<Value> {
    let scalar = scalar(node, path, findings)?;
    let from_file = matches!(node.origin, Origin::File(_));
    let plain = from_file && !(scalar.referenced && is_reference(&scalar.written));
    let file = from_file.then(|| file_of_reference(&scalar.written)).flatten();
    text(scalar, path, findings).map(|value| json!({"value": value, "file": file, "plain": plain}))
}

/// A secret may come from a reference without a default, from its `_file` key, or from an environment variable: never
/// from the file, which ends up in a Git repository.
pub(super) fn secret(node: &Node, path: &Path, findings: &mut Findings) -> Option<Value> {
    let name = name_of(path);
    let scalar = scalar(node, path, findings)?;
    let from_file = matches!(node.origin, Origin::File(_));
    let cause = if from_file && scalar.referenced && scalar.written.contains(":-") {
        format!("`{name}` is a secret, and its default stands in plain text in the file")
    } else if from_file && !(scalar.referenced && is_reference(&scalar.written)) {
        format!("`{name}` is a secret, and stands in plain text in the file")
    } else {
        // The file is read again when it changes, so its place goes along.
        let file = from_file.then(|| file_of_reference(&scalar.written)).flatten();
        return text(scalar, path, findings).map(|value| json!({"value": value, "file": file}));
    };
    let reference = format!("write `{name}: ${{VAR}}` or `{name}: ${{file:/path}}`");
    // The names of headers are the user's.
    let has_sibling = path.parent().is_none_or(|above| above.last_key() != Some("secret_headers"));
    let remedy = if has_sibling { format!("{reference}, or use the key `{name}_file`") } else { reference };
    findings.error(path, cause, remedy);
    None
}
