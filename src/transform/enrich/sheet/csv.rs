//! Tables in CSV (RFC 4180), with column names in the first line.

use super::{At, Cell, Column, Each, TableError, Wanted, no_column};

pub(super) struct Csv<'a> {
    text: &'a str,
    reader: ::csv::Reader<&'a [u8]>,
    header: Vec<String>,
}

impl<'a> Csv<'a> {
    pub(super) fn new(text: &'a str) -> Result<Self, TableError> {
        let first = text.lines().next().unwrap_or_default();
        let delimiter = [b',', b';', b'\t'].into_iter().find(|sign| first.as_bytes().contains(sign)).unwrap_or(b',');
        let mut reader = ::csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .trim(::csv::Trim::All)
            .flexible(true)
            .from_reader(text.as_bytes());
        let header: Vec<String> = reader.headers().map_err(|error| of_csv(&error))?.iter().map(str::to_owned).collect();
        let at = |column| At { line: 1, column };
        for (place, name) in header.iter().enumerate() {
            if name.is_empty() {
                let problem = format!("the {}. column has no name", place + 1);
                return Err(TableError::new(at(Column::None), problem, HEADER));
            }
            if header.iter().take(place).any(|known| known == name) {
                let remedy = "give one of them another name, or remove it";
                return Err(TableError::new(at(Column::Named(name.clone())), "two columns have this name", remedy));
            }
        }
        if header.is_empty() {
            return Err(TableError::of_file("the file is empty", HEADER));
        }
        Ok(Self { text, reader, header })
    }

    /// All columns, and the key's.
    pub(super) fn columns(self, key: Option<&str>) -> Result<(Vec<String>, String), TableError> {
        let place = key_place(&self.header, key)?;
        let key = self.header.get(place).cloned().unwrap_or_default();
        Ok((self.header, key))
    }

    pub(super) fn rows(mut self, wanted: &Wanted<'_>, each: &mut Each<'_>) -> Result<(), TableError> {
        let key = key_place(&self.header, wanted.key)?;
        let take = wanted.take.iter().map(|name| column_place(&self.header, name)).collect::<Result<Vec<_>, _>>()?;
        let mut record = ::csv::StringRecord::new();
        let mut last = 1;
        while self.reader.read_record(&mut record).map_err(|error| of_csv(&error))? {
            let line = record.position().map_or(0, |at| line_of(self.text, at));
            last = line;
            if record.len() != self.header.len() {
                let problem = format!("there are {} values for {} columns", record.len(), self.header.len());
                let remedy = "put values that hold a comma between quotation marks, and close those that are open";
                return Err(TableError::new(At { line, column: Column::None }, problem, remedy));
            }
            let cell = |place: usize| record.get(place).filter(|text| !text.is_empty());
            let Some(text) = cell(key) else {
                let column = Column::Named(self.header.get(key).cloned().unwrap_or_default());
                return Err(TableError::new(At { line, column }, "the key is empty", "write it, or remove the line"));
            };
            let cells: Vec<_> = take.iter().map(|place| cell(*place).map(|text| Cell::Text(text.into()))).collect();
            each(text, &cells).map_err(|fault| {
                let column = Column::Named(self.header.get(key).cloned().unwrap_or_default());
                TableError::new(At { line, column }, fault.problem, fault.remedy)
            })?;
        }
        // The reader takes an open quotation mark for closed at the end, and all lines behind it for one value.
        if self.text.matches('"').count() % 2 == 1 {
            let problem = "a quotation mark is not closed";
            let remedy = "close it; a quotation mark within a value is written twice";
            return Err(TableError::new(At { line: last, column: Column::None }, problem, remedy));
        }
        Ok(())
    }
}

/// The line of a record. The reader's position is before the blank lines that it skips.
fn line_of(text: &str, at: &::csv::Position) -> u64 {
    let rest = usize::try_from(at.byte()).ok().and_then(|start| text.as_bytes().get(start..)).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    at.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

const HEADER: &str = "begin with a line of column names, for example `principal,owner,team`";

fn of_csv(error: &::csv::Error) -> TableError {
    let place = error.position().map(|at| At { line: at.line(), column: Column::None });
    TableError { place, ..TableError::of_file("this cannot be read as CSV", HEADER) }
}

fn key_place(header: &[String], key: Option<&str>) -> Result<usize, TableError> {
    key.map_or(Ok(0), |name| column_place(header, name))
}

fn column_place(header: &[String], name: &str) -> Result<usize, TableError> {
    header.iter().position(|known| known == name).ok_or_else(|| no_column(name, header.iter().map(String::as_str)))
}
