//! What a table adds for a key: JSON members, written when the table is read.
//!
//! A row costs its key, eight bytes and its text. Finding it is one look into a hash map, and adding it one copy: nothing
//! is allocated and nothing is escaped per event.

use std::collections::HashMap;

use super::literal::{push_list, push_member, push_string};
use super::sheet::{Cell, Each, Fault, Format, TableError, Wanted, rows, text};
use crate::defaults::{TABLE_ROW_MAX_BYTES, TABLE_ROWS_MAX, TABLE_TEXT_MAX_BYTES};

/// A column that is taken, and what its values are called in the output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Take {
    pub column: String,
    pub output: String,
}

/// How the rows of a file are read.
#[derive(Clone, Debug)]
pub struct Layout {
    pub format: Format,
    /// `None` is the first column of CSV, and the names in a JSON object.
    pub key_column: Option<String>,
    pub take: Vec<Take>,
}

/// Texts of rows, by number.
#[derive(Debug, Default)]
pub(super) struct Texts {
    text: String,
    /// Where each row's text ends.
    ends: Vec<u32>,
}

impl Texts {
    /// Writes a row's members; returns the row's number.
    pub(super) fn push(&mut self, take: &[Take], cells: &[Option<Cell<'_>>]) -> Result<u32, Fault> {
        let number = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        if number >= TABLE_ROWS_MAX {
            return Err(too_much(format!("the table has more than {TABLE_ROWS_MAX} rows")));
        }
        let begin = self.text.len();
        for (Take { output, .. }, cell) in take.iter().zip(cells) {
            match cell {
                None => {}
                Some(Cell::Text(text)) => push_member(&mut self.text, begin, output, |out| push_string(out, text)),
                Some(Cell::List(texts)) => push_member(&mut self.text, begin, output, |out| push_list(out, texts)),
            }
        }
        if self.text.len() - begin > TABLE_ROW_MAX_BYTES.as_len() {
            return Err(too_much(format!("this row's values take more than {TABLE_ROW_MAX_BYTES}")));
        }
        if self.text.len() > TABLE_TEXT_MAX_BYTES.as_len() {
            return Err(too_much(format!("the table's values take more than {TABLE_TEXT_MAX_BYTES}")));
        }
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        Ok(number)
    }

    /// The members of row `number`.
    pub(super) fn get(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0) as usize;
        let end = self.ends.get(number).copied().unwrap_or(0) as usize;
        self.text.get(start..end).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Room that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * size_of::<u32>()
    }
}

fn too_much(problem: String) -> Fault {
    Fault { problem, remedy: "keep what events need; the limits protect the memory of the process".to_owned() }
}

/// A table whose keys are compared as they are.
#[derive(Debug)]
pub struct Rows {
    by_key: HashMap<Box<str>, u32>,
    texts: Texts,
}

impl Rows {
    /// Reads a file's content. With `fold`, keys are kept with ASCII letters in lower case.
    ///
    /// # Errors
    /// What is wrong with it, for whoever wrote the file.
    pub fn read(bytes: &[u8], layout: &Layout, fold: bool) -> Result<Self, TableError> {
        let (mut by_key, mut texts) = (HashMap::new(), Texts::default());
        each_row(bytes, layout, &mut |key, cells| {
            let number = texts.push(&layout.take, cells)?;
            let key = if fold { key.to_ascii_lowercase() } else { key.to_owned() };
            match by_key.insert(key.into_boxed_str(), number) {
                None => Ok(()),
                Some(_) => Err(twice()),
            }
        })?;
        by_key.shrink_to_fit();
        Ok(Self { by_key, texts })
    }

    pub(super) fn find(&self, key: &str) -> Option<&str> {
        self.by_key.get(key).map(|number| self.texts.get(*number))
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn bytes(&self) -> usize {
        let keys: usize = self.by_key.keys().map(|key| key.len()).sum();
        self.texts.bytes() + keys + self.by_key.capacity() * (size_of::<Box<str>>() + size_of::<u32>())
    }
}

/// Calls `each` with every row of a file's content; a table without rows is an error.
pub(super) fn each_row(bytes: &[u8], layout: &Layout, each: &mut Each<'_>) -> Result<(), TableError> {
    let take: Vec<&str> = layout.take.iter().map(|take| take.column.as_str()).collect();
    let wanted = Wanted { key: layout.key_column.as_deref(), take: &take };
    let mut some = false;
    rows(text(bytes)?, layout.format, &wanted, &mut |key, cells| {
        some = true;
        each(key, cells)
    })?;
    if some { Ok(()) } else { Err(TableError::of_file("the table has no rows", "check that it was written in full")) }
}

pub(super) fn twice() -> Fault {
    Fault {
        problem: "this key stands in an earlier row already".to_owned(),
        remedy: "remove one of the two: nobody could tell which counts".to_owned(),
    }
}
