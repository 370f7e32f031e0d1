//! Tables of `enrich`: what is looked up, where, and what is taken of it.

use std::collections::BTreeMap;
use std::path::Path as FilePath;

use crate::config::check::{enumerate, nearest};
use crate::config::findings::Findings;
use crate::config::node::Path;
use crate::config::raw::{GeoIp, ListOrNames, Lookup, Networks, TableFormat};
use crate::defaults::{GEOIP_FILE_MAX_BYTES, GEOIP_PREFIX, NETWORK_FIELD, TABLE_FILE_MAX_BYTES};
use crate::event::{Field, Shape};
use crate::transform::enrich::config::{Constant, Place};
use crate::transform::enrich::geo::{Geo, GeoPart, GeoTake};
use crate::transform::enrich::rows::{Layout, Take};
use crate::transform::enrich::sheet::{Format, TableError, VALUE, columns, text};
use crate::transform::enrich::table::{Origin, Spec, Table, read_file};

use super::names::Names;
use super::pairs;

pub(super) fn lookup(
    raw: Lookup,
    place: Place,
    path: &Path,
    names: &mut Names<'_>,
    findings: &mut Findings,
) -> Option<Table> {
    let key = raw.field.and_then(|field| resolve_field(&field, &path.key("field"), findings));
    let file = raw.file?;
    let name = table_name(raw.name, Some(&file), path, names, findings);
    let wanted = Wanted { take: raw.take, prefix: raw.prefix.unwrap_or_default(), into: None };
    let layout = layout(&file, (raw.format, raw.column), wanted, path, findings)?;
    let outputs = claim(layout.take.iter().map(|take| take.output.as_str()), place, path, (names, findings));
    let otherwise = otherwise(raw.default, &outputs, path, findings);
    let origin = Origin::Rows { file, layout };
    open(Spec { name, key: key?, ignore_case: raw.ignore_case.unwrap_or(false), otherwise, origin }, path, findings)
}

pub(super) fn networks(
    raw: Networks,
    place: Place,
    path: &Path,
    names: &mut Names<'_>,
    findings: &mut Findings,
) -> Option<Table> {
    let key = raw.field.map_or(Some(Field::ClientIp), |field| resolve_field(&field, &path.key("field"), findings));
    let name = table_name(raw.name, raw.file.as_deref(), path, names, findings);
    let origin = match (raw.file, raw.inline) {
        (Some(file), None) => {
            let wanted = Wanted { take: raw.take, prefix: raw.prefix.unwrap_or_default(), into: raw.into };
            let layout = layout(&file, (raw.format, raw.column), wanted, path, findings)?;
            Origin::Networks { file, layout }
        }
        (None, Some(inline)) => {
            let given = [
                ("format", raw.format.is_some()),
                ("column", raw.column.is_some()),
                ("take", raw.take.is_some()),
                ("prefix", raw.prefix.is_some()),
            ];
            for (key, _) in given.into_iter().filter(|(_, given)| *given) {
                findings.warning(&path.key(key), format!("`{key}` has no effect with `inline`"), "remove it");
            }
            let output = raw.into.unwrap_or_else(|| NETWORK_FIELD.to_owned());
            let take = vec![Take { column: VALUE.to_owned(), output }];
            let layout = Layout { format: Format::Json, key_column: None, take };
            Origin::Inline { json: serde_json::json!(inline).to_string(), layout }
        }
        (Some(_), Some(_)) => {
            findings.error(path, "both `file` and `inline` are given", "remove one of the two");
            return None;
        }
        (None, None) => {
            if !findings.has_error(path) {
                let remedy = "add `inline: {10.0.0.0/8: internal}`, or `file` with a table";
                findings.error(path, "there are no networks", remedy);
            }
            return None;
        }
    };
    let (Origin::Rows { layout, .. } | Origin::Networks { layout, .. } | Origin::Inline { layout, .. }) = &origin
    else {
        return None;
    };
    let outputs = claim(layout.take.iter().map(|take| take.output.as_str()), place, path, (names, findings));
    let otherwise = otherwise(raw.default, &outputs, path, findings);
    open(Spec { name, key: key?, ignore_case: false, otherwise, origin }, path, findings)
}

pub(super) fn geoip(
    raw: GeoIp,
    place: Place,
    path: &Path,
    names: &mut Names<'_>,
    findings: &mut Findings,
) -> Option<Table> {
    let key = raw.field.map_or(Some(Field::ClientIp), |field| resolve_field(&field, &path.key("field"), findings));
    let file = raw.file?;
    let name = table_name(raw.name, Some(&file), path, names, findings);
    let prefix = raw.prefix.map_or_else(|| GEOIP_PREFIX.to_owned(), |prefix| prefix.0);
    let at = path.key("take");
    let mut take = Vec::new();
    match raw.take {
        Some(wanted) => {
            for (part, output) in pairs(Some(wanted), &prefix) {
                match GeoPart::parse(&part) {
                    Some(part) => take.push(GeoTake { part, output }),
                    None => {
                        let known: Vec<&str> = GeoPart::ALL.iter().map(|part| part.as_str()).collect();
                        findings.error(
                            &at,
                            format!("`{part}` is not what a database has"),
                            did_you_mean(&part, &known),
                        );
                    }
                }
            }
        }
        None => {
            let opened = read_file(&file, GEOIP_FILE_MAX_BYTES).and_then(|bytes| Geo::read(bytes, &[]));
            let database = opened.map_err(|error| report(Some(&file), &error, &path.key("file"), findings)).ok()?;
            let usual = database.usual_parts();
            take.extend(usual.iter().map(|part| GeoTake { part: *part, output: format!("{prefix}{}", part.as_str()) }));
            if take.is_empty() {
                let cause = format!("a database of type `{}` is not known here", database.database_type());
                findings.error(path, cause, "say in `take` what to add, for example `[country, city]`");
            }
        }
    }
    claim(take.iter().map(|take| take.output.as_str()), place, path, (names, findings));
    if take.is_empty() {
        return None;
    }
    let origin = Origin::Geo { file, take };
    open(Spec { name, key: key?, ignore_case: false, otherwise: String::new(), origin }, path, findings)
}

fn open(spec: Spec, path: &Path, findings: &mut Findings) -> Option<Table> {
    let file = spec.origin.file().map(ToOwned::to_owned);
    let at = path.key(if file.is_some() { "file" } else { "inline" });
    match Table::open(spec) {
        Ok(table) => Some(table),
        Err(error) => {
            report(file.as_deref(), &error, &at, findings);
            None
        }
    }
}

/// Says what is wrong with a table.
fn report(file: Option<&FilePath>, error: &TableError, at: &Path, findings: &mut Findings) {
    let cause = match (file, &error.place) {
        // Where in the configuration's own table, the value tells.
        (None, _) => error.problem.clone(),
        (Some(file), None) => format!("{}: {}", file.display(), error.problem),
        (Some(file), Some(place)) => format!("{}, {place}: {}", file.display(), error.problem),
    };
    findings.error(at, cause, error.remedy.clone());
}

fn resolve_field(name: &str, path: &Path, findings: &mut Findings) -> Option<Field> {
    let Some(field) = Field::parse(name) else {
        let known: Vec<&str> = Field::ALL.iter().map(|field| field.as_str()).collect();
        findings.error(path, format!("there is no canonical field `{name}`"), did_you_mean(name, &known));
        return None;
    };
    match field.shape() {
        Shape::Text | Shape::Method | Shape::List => Some(field),
        Shape::Bool => {
            let cause = format!("`{name}` is true or false, and nothing to look up");
            findings.error(path, cause, "use a field that names something, for example `principal`");
            None
        }
    }
}

fn did_you_mean(word: &str, known: &[&str]) -> String {
    match nearest(word, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("use one of {}", enumerate(known)),
    }
}

fn table_name(
    name: Option<String>,
    file: Option<&FilePath>,
    path: &Path,
    names: &mut Names<'_>,
    findings: &mut Findings,
) -> String {
    let of_file = || file.and_then(FilePath::file_stem).map(|stem| stem.to_string_lossy().into_owned());
    let name = name.or_else(of_file).unwrap_or_else(|| "networks".to_owned());
    names.claim_table(&name, path, findings);
    name
}

/// What is to be taken of a table.
struct Wanted {
    take: Option<ListOrNames>,
    prefix: String,
    /// The name of the one value.
    into: Option<String>,
}

/// Reads the head of the table, and settles what is taken of it.
fn layout(
    file: &FilePath,
    (format, key_column): (Option<TableFormat>, Option<String>),
    wanted: Wanted,
    path: &Path,
    findings: &mut Findings,
) -> Option<Layout> {
    let at = path.key("file");
    let mut said = |error: TableError| report(Some(file), &error, &at, findings);
    let bytes = read_file(file, TABLE_FILE_MAX_BYTES).map_err(&mut said).ok()?;
    let format = format.map_or_else(|| guess_format(file, &bytes), format_of);
    let head = text(&bytes).and_then(|text| columns(text, format, key_column.as_deref()));
    let (key, others) = head.map_err(&mut said).ok()?;
    let take = resolve_take(wanted, &key, &others, path, findings)?;
    Some(Layout { format, key_column, take })
}

fn resolve_take(
    wanted: Wanted,
    key: &str,
    others: &[String],
    path: &Path,
    findings: &mut Findings,
) -> Option<Vec<Take>> {
    let Wanted { take, prefix, into } = wanted;
    let known: Vec<&str> = others.iter().map(String::as_str).collect();
    if let Some(output) = into {
        let (None, [only]) = (&take, others) else {
            let remedy = "use `take` without `into`: `take: {COLUMN: name}`";
            let cause = match others {
                [_] => "both `into` and `take` are given".to_owned(),
                _ => format!("`into` names one value, and the table has the columns {}", enumerate(&known)),
            };
            findings.error(&path.key("into"), cause, remedy);
            return None;
        };
        return Some(vec![Take { column: only.clone(), output }]);
    }
    let take = take.unwrap_or_else(|| ListOrNames::List(others.to_vec()));
    let pairs = pairs(Some(take), &prefix);
    let at = path.key("take");
    for (column, _) in &pairs {
        if column == key {
            let cause = format!("`{column}` is the key: a part of the event, which would go round redaction this way");
            findings.error(&at, cause, "take other columns only; the event has its key already");
        } else if !known.contains(&column.as_str()) {
            let cause = format!("the table has no column `{column}`");
            findings.error(&at, cause, did_you_mean(column, &known));
        }
    }
    if pairs.is_empty() {
        findings.error(&path.key("file"), "the table has no column but the key's", "add what events are to get");
        return None;
    }
    (!findings.has_error(&at)).then(|| pairs.into_iter().map(|(column, output)| Take { column, output }).collect())
}

const fn format_of(raw: TableFormat) -> Format {
    match raw {
        TableFormat::Csv => Format::Csv,
        TableFormat::Json => Format::Json,
    }
}

/// What the extension says, or else the first character.
fn guess_format(file: &FilePath, bytes: &[u8]) -> Format {
    let extension = file.extension().map(|extension| extension.to_ascii_lowercase());
    match extension.as_ref().and_then(|extension| extension.to_str()) {
        Some("csv" | "tsv") => Format::Csv,
        Some("json") => Format::Json,
        Some(_) | None => match bytes.trim_ascii_start().first() {
            Some(b'{' | b'[') => Format::Json,
            Some(_) | None => Format::Csv,
        },
    }
}

/// Claims the names of the output; returns them.
fn claim<'n>(
    outputs: impl Iterator<Item = &'n str>,
    place: Place,
    path: &Path,
    (names, findings): (&mut Names<'_>, &mut Findings),
) -> Vec<String> {
    let at = ["take", "into", "file"].map(|key| path.key(key));
    outputs
        .map(|output| {
            names.claim(output, place, &at[0], findings);
            output.to_owned()
        })
        .collect()
}

/// What is added for a value that the table does not know.
fn otherwise(
    raw: Option<BTreeMap<String, String>>,
    outputs: &[String],
    path: &Path,
    findings: &mut Findings,
) -> String {
    let mut constant = Constant::default();
    for (name, text) in raw.unwrap_or_default() {
        if outputs.contains(&name) {
            constant.text(&name, &text);
        } else {
            let known: Vec<&str> = outputs.iter().map(String::as_str).collect();
            let cause = format!("the table adds nothing that is called `{name}`");
            findings.error_at_key(&path.key("default").key(&name), cause, did_you_mean(&name, &known));
        }
    }
    constant.into_members()
}
