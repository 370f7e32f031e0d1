//! Tables in JSON: an object of rows, an object of single values, or a list of rows. Values are read where they stand, so
//! that errors can name their place.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{At, Cell, Column, Each, TableError, VALUE, Wanted, no_column};
use crate::defaults::TABLE_COLUMNS_MAX;

/// The key column's name where the keys are the names in a JSON object of rows: no column is called so.
const NAMES: &str = "";

/// A JSON table, whose rows are not looked into yet.
pub(super) struct JsonTable<'a> {
    text: &'a str,
    rows: JsonRows<'a>,
}

enum JsonRows<'a> {
    ByName(Members<'a>),
    List(Vec<&'a RawValue>),
}

const JSON_FORM: &str = "write an object of rows by key, `{\"sa-1\": {\"owner\": \"x\"}}`, or a list of objects";

impl<'a> JsonTable<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, TableError> {
        let whole: &RawValue = serde_json::from_str(text).map_err(|error| {
            let at = At { line: error.line() as u64, column: Column::Number(error.column()) };
            // Its words end with the place, which is said already.
            let words = error.to_string();
            let words = words.split_once(" at line ").map_or(words.as_str(), |(words, _)| words);
            TableError::new(at, format!("this is not JSON: {words}"), "check commas, quotation marks and brackets")
        })?;
        let rows = match whole.get().as_bytes().first() {
            Some(b'{') => serde_json::from_str(whole.get()).map(JsonRows::ByName),
            Some(b'[') => serde_json::from_str(whole.get()).map(JsonRows::List),
            Some(_) | None => return Err(TableError::of_file("this is neither an object nor a list", JSON_FORM)),
        };
        let rows = rows.map_err(|_| TableError::of_file("this is neither an object nor a list", JSON_FORM))?;
        Ok(Self { text, rows })
    }

    /// All columns, and the key's.
    pub(super) fn columns_and_key(&self, key: Option<&str>) -> Result<(Vec<String>, String), TableError> {
        Ok((self.columns()?, key.unwrap_or(NAMES).to_owned()))
    }

    /// The union of all rows' columns, in the order in which they appear.
    fn columns(&self) -> Result<Vec<String>, TableError> {
        let mut columns: Vec<String> = Vec::new();
        let mut see = |row: &'a RawValue, may_be_single| -> Result<(), TableError> {
            let members = match self.row(row, may_be_single)? {
                JsonRow::Members(members) => members,
                JsonRow::Single(value) => vec![(Cow::Borrowed(VALUE), value)],
            };
            for (name, _) in members {
                if !columns.iter().any(|known| *known == name) {
                    columns.push(name.into_owned());
                }
                if columns.len() > TABLE_COLUMNS_MAX {
                    let problem = format!("it has more than {} columns", TABLE_COLUMNS_MAX);
                    return Err(TableError::new(self.at(row), problem, "keep what events are to get"));
                }
            }
            Ok(())
        };
        match &self.rows {
            JsonRows::ByName(rows) => rows.0.iter().try_for_each(|(_, row)| see(row, true))?,
            JsonRows::List(rows) => rows.iter().try_for_each(|row| see(row, false))?,
        }
        Ok(columns)
    }

    pub(super) fn rows(&self, wanted: &Wanted<'_>, each: &mut Each<'_>) -> Result<(), TableError> {
        let known = self.columns()?;
        let missing = wanted.take.iter().find(|name| !known.iter().any(|known| known == *name));
        if let (Some(name), false) = (missing, known.is_empty()) {
            return Err(no_column(name, known.iter().map(String::as_str)));
        }
        match (&self.rows, wanted.key) {
            (JsonRows::ByName(rows), None) => rows.0.iter().try_for_each(|(key, row)| {
                let members = self.row(row, true)?;
                self.hand_on(row, (key, &members), wanted, each)
            }),
            (JsonRows::ByName(rows), Some(column)) => {
                rows.0.iter().try_for_each(|(_, row)| self.with_key_within(row, column, wanted, each))
            }
            (JsonRows::List(rows), Some(column)) => {
                rows.iter().try_for_each(|row| self.with_key_within(row, column, wanted, each))
            }
            (JsonRows::List(_), None) => Err(TableError::of_file(
                "this is a list of rows, and nothing says which of their members is the key",
                "name it in `column`, or write an object of rows by key",
            )),
        }
    }

    fn with_key_within(
        &self,
        row: &'a RawValue,
        column: &str,
        wanted: &Wanted<'_>,
        each: &mut Each<'_>,
    ) -> Result<(), TableError> {
        let members = self.row(row, false)?;
        let at = |problem: String| TableError::new(self.at(row), problem, "give every row its key, as a text");
        match members.get(column) {
            None => Err(at(format!("this row has no `{column}`, which is the key"))),
            Some(value) => match self.cell(value)? {
                Some(Cell::Text(key)) if !key.is_empty() => self.hand_on(row, (&key, &members), wanted, each),
                Some(Cell::Text(_) | Cell::List(_)) | None => Err(at(format!("`{column}`, the key, is not a text"))),
            },
        }
    }

    fn hand_on(
        &self,
        row: &'a RawValue,
        (key, members): (&str, &JsonRow<'a>),
        wanted: &Wanted<'_>,
        each: &mut Each<'_>,
    ) -> Result<(), TableError> {
        let cell = |name: &&str| members.get(name).map_or(Ok(None), |value| self.cell(value));
        let cells = wanted.take.iter().map(cell).collect::<Result<Vec<_>, _>>()?;
        each(key, &cells).map_err(|fault| TableError::new(self.at(row), fault.problem, fault.remedy))
    }

    fn row(&self, row: &'a RawValue, may_be_single: bool) -> Result<JsonRow<'a>, TableError> {
        match row.get().as_bytes().first() {
            Some(b'{') => {
                let members: Members<'a> = serde_json::from_str(row.get())
                    .map_err(|_| TableError::new(self.at(row), "this row cannot be read", JSON_FORM))?;
                Ok(JsonRow::Members(members.0))
            }
            Some(_) | None if may_be_single => Ok(JsonRow::Single(row)),
            Some(_) | None => Err(TableError::new(self.at(row), "this row is not an object", JSON_FORM)),
        }
    }

    /// `None` for null.
    fn cell(&self, value: &'a RawValue) -> Result<Option<Cell<'a>>, TableError> {
        let nested = || {
            let remedy = "values are texts, numbers, booleans or lists of texts";
            TableError::new(self.at(value), "this value is an object or holds one", remedy)
        };
        let json = value.get();
        match json.as_bytes().first() {
            Some(b'"') => Ok(serde_json::from_str::<Text<'a>>(json).ok().map(|Text(text)| Cell::Text(text))),
            Some(b'[') => serde_json::from_str(json).map(|texts| Some(Cell::List(texts))).map_err(|_| nested()),
            Some(b'{') | None => Err(nested()),
            Some(b'n') => Ok(None),
            Some(_) => Ok(Some(Cell::Text(Cow::Borrowed(json)))),
        }
    }

    fn at(&self, value: &RawValue) -> At {
        let offset = value.get().as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        let before = self.text.get(..offset).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = 1 + before.matches('\n').count() as u64;
        At { line, column: Column::Number(1 + before.get(line_start..).unwrap_or_default().chars().count()) }
    }
}

enum JsonRow<'a> {
    Members(Vec<(Cow<'a, str>, &'a RawValue)>),
    Single(&'a RawValue),
}

impl<'a> JsonRow<'a> {
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        match self {
            Self::Members(members) => members.iter().rfind(|(known, _)| known == name).map(|(_, value)| *value),
            Self::Single(value) => (name == VALUE).then_some(*value),
        }
    }
}

/// A borrowed string where possible; serde borrows a `Cow` only inside derived types.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The members of an object, repeated ones included.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((Text(name), value)) = map.next_entry::<Text<'de>, &RawValue>()? {
            members.push((name, value));
        }
        Ok(Members(members))
    }
}
