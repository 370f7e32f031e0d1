//! Tables of enrichment while a pipeline runs: what they are asked, how large they are, and what became of new versions.

use ::metrics::{Counter, counter, gauge};

use crate::metrics::names;
use crate::reload::News;
use crate::transform::enrich::Counting;
use crate::transform::enrich::config::Enrichment;
use crate::transform::enrich::table::Table;

/// Counters under a pipeline's name.
pub(super) struct Counted<'p> {
    pub(super) pipeline: &'p str,
}

impl Counting for Counted<'_> {
    fn look(&self, table: &str, result: &'static str) -> Counter {
        counter!(
            names::ENRICHMENT,
            "pipeline" => self.pipeline.to_owned(), "table" => table.to_owned(), "result" => result
        )
    }

    fn left_out(&self) -> Counter {
        counter!(names::ENRICHMENT_LEFT_OUT, "pipeline" => self.pipeline.to_owned())
    }
}

/// The tables of a pipeline, whose files are looked at from time to time.
pub(super) struct Tables {
    pipeline: String,
    tables: Vec<Table>,
}

impl Tables {
    pub(super) fn new(pipeline: &str, enrichment: &Enrichment) -> Self {
        let tables = Self { pipeline: pipeline.to_owned(), tables: enrichment.tables().cloned().collect() };
        tables.tables.iter().for_each(|table| tables.measure(table));
        tables
    }

    /// Blocks for as long as reading new versions takes.
    pub(super) fn look(&self) {
        for table in &self.tables {
            match table.look() {
                None => {}
                Some(news) => self.report(table, &news),
            }
        }
    }

    fn report(&self, table: &Table, news: &News) {
        let (pipeline, name) = (self.pipeline.as_str(), table.name.as_str());
        let file = table.file().map(|file| file.display().to_string()).unwrap_or_default();
        let count = |outcome| {
            counter!(
                names::RELOADS,
                "pipeline" => self.pipeline.clone(), "what" => "enrichment table", "outcome" => outcome
            )
            .increment(1);
        };
        match news {
            News::InUse => {
                count("in_use");
                self.measure(table);
                let (rows, bytes) = table.size();
                tracing::info!(pipeline, table = name, file, rows, bytes, "a new version of a table is in use");
            }
            News::Unusable(detail) => {
                count("unusable");
                tracing::warn!(
                    pipeline,
                    table = name,
                    file,
                    detail,
                    "the new version of a table cannot be used; the one before stays in use"
                );
            }
        }
    }

    fn measure(&self, table: &Table) {
        let (rows, bytes) = table.size();
        let labels = [("pipeline", self.pipeline.clone()), ("table", table.name.clone())];
        if let Some(rows) = rows {
            gauge!(names::ENRICHMENT_TABLE_ROWS, &labels).set(rows as f64);
        }
        gauge!(names::ENRICHMENT_TABLE_BYTES, &labels).set(bytes as f64);
    }
}
