//! What stands in a table's file: CSV or JSON, row by row.
//!
//! - CSV has its column names in the first line. Fields are separated by commas, or by semicolons or tabs when the first
//!   line has no comma. An empty field is a missing value.
//! - JSON is an object of objects by key (`{"sa-1": {"owner": "x"}}`), an object of single values by key, whose column is
//!   called [`VALUE`], or a list of objects. Numbers and booleans count as they are written, null is a missing value, a
//!   list of texts becomes a list.
//!
//! Errors name line and column, and how to mend it. Nothing is kept: rows are handed on one by one.

mod csv;
mod json;

use std::borrow::Cow;
use std::fmt;

use csv::Csv;
use json::JsonTable;

/// The column of a JSON table of single values.
pub const VALUE: &str = "value";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    Csv,
    Json,
}

/// Why a table cannot be used. Shown to whoever wrote it, so it names the place in the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableError {
    pub place: Option<At>,
    pub problem: String,
    pub remedy: String,
}

impl TableError {
    pub(super) fn of_file(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { place: None, problem: problem.into(), remedy: remedy.into() }
    }

    pub(super) fn new(place: At, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { place: Some(place), ..Self::of_file(problem, remedy) }
    }

    /// Place and problem, without the remedy.
    pub fn cause(&self) -> String {
        match &self.place {
            None => self.problem.clone(),
            Some(at) => format!("{at}: {}", self.problem),
        }
    }
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.cause(), self.remedy)
    }
}

impl std::error::Error for TableError {}

/// A place in a file. Lines are counted from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct At {
    pub line: u64,
    pub column: Column,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Column {
    /// The row as a whole.
    None,
    Named(String),
    /// Counted from 1, in characters.
    Number(usize),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        match &self.column {
            Column::None => Ok(()),
            Column::Named(name) => write!(f, ", column `{name}`"),
            Column::Number(number) => write!(f, ", column {number}"),
        }
    }
}

/// A value that is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Cell<'a> {
    Text(Cow<'a, str>),
    List(Vec<String>),
}

/// Is called with a row's key and a cell for each wanted column. What it finds wrong is about the key; the place is added.
pub(super) type Each<'f> = dyn FnMut(&str, &[Option<Cell<'_>>]) -> Result<(), Fault> + 'f;

/// What is wrong with a row.
pub(super) struct Fault {
    pub(super) problem: String,
    pub(super) remedy: String,
}

/// Which columns are wanted.
#[derive(Clone, Debug)]
pub(super) struct Wanted<'w> {
    /// `None` is the first column of CSV, and the names in a JSON object.
    pub(super) key: Option<&'w str>,
    pub(super) take: &'w [&'w str],
}

/// The text of a file.
///
/// # Errors
/// It is not UTF-8.
pub fn text(bytes: &[u8]) -> Result<&str, TableError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = 1 + before.split(|byte| *byte == b'\n').skip(1).count() as u64;
        let remedy = "save the file as UTF-8 (spreadsheets call it `CSV UTF-8`)";
        TableError::new(At { line, column: Column::None }, "this is not UTF-8 text", remedy)
    })
}

/// The key column's name, and the names of all others.
///
/// # Errors
/// The file cannot be read so far.
pub fn columns(text: &str, format: Format, key: Option<&str>) -> Result<(String, Vec<String>), TableError> {
    let (names, key) = match format {
        Format::Csv => Csv::new(text)?.columns(key)?,
        Format::Json => JsonTable::read(text)?.columns_and_key(key)?,
    };
    Ok((key.clone(), names.into_iter().filter(|name| *name != key).collect()))
}

/// Calls `each` with every row.
///
/// # Errors
/// Those of `each`, and what is wrong with the file.
pub(super) fn rows(text: &str, format: Format, wanted: &Wanted<'_>, each: &mut Each<'_>) -> Result<(), TableError> {
    match format {
        Format::Csv => Csv::new(text)?.rows(wanted, each),
        Format::Json => JsonTable::read(text)?.rows(wanted, each),
    }
}

fn no_column<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> TableError {
    let known: Vec<String> = known.take(20).map(|name| format!("`{name}`")).collect();
    let remedy = format!("its columns are {}; mind upper and lower case", known.join(", "));
    TableError::of_file(format!("there is no column `{name}`"), remedy)
}
