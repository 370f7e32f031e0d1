//! The canonical fields as people see them: the documentation, which is made from the code, and every field of every sample.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it -- event_fields::` rewrites `docs/event-fields.md` and `tests/golden/view.txt`. Read the
//! diff: a line of the second file is a claim about an event.

use std::cmp::Reverse;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use auditferry::event::{Field, Shape, Tape, View};

const SAMPLES: &str = include_str!("../../src/demo/sample-events.jsonl");

#[test]
fn the_documentation_says_what_the_code_does() {
    compare("docs/event-fields.md", &documentation());
}

#[test]
fn every_field_of_every_sample_is_on_record() {
    let mut table = String::from(
        "Every field of every sample event, by the line of src/demo/sample-events.jsonl. A field that is not there is missing.\n",
    );
    for (number, event) in (1..).zip(SAMPLES.lines()) {
        let fields: Vec<(Field, Vec<String>)> =
            Field::ALL.iter().map(|field| (*field, values(event, *field))).collect();
        let of = |wanted: Field| {
            fields
                .iter()
                .find(|(field, _)| *field == wanted)
                .and_then(|(_, values)| values.first())
                .map_or("", String::as_str)
        };
        writeln!(table, "\n##### {number}: {} ({})\n", of(Field::Method), of(Field::Type)).unwrap();
        for (field, values) in fields.iter().filter(|(_, values)| !values.is_empty()) {
            writeln!(table, "{:<20} {}", field.as_str(), values.join(", ")).unwrap();
        }
    }
    compare("tests/golden/view.txt", &table);
}

fn documentation() -> String {
    let mut page = String::from(INTRODUCTION);
    page.push_str("| field | shape | example |\n| --- | --- | --- |\n");
    for field in Field::ALL {
        let example = example(*field).map_or("none in the samples".to_owned(), |example| format!("`{example}`"));
        writeln!(page, "| [`{0}`](#{0}) | {1} | {example} |", field.as_str(), shape(field.shape())).unwrap();
    }
    for field in Field::ALL {
        writeln!(page, "\n## {}\n\n{}\n", field.as_str(), field.doc().trim()).unwrap();
        let places: Vec<String> = field.comes_from().collect();
        match &places[..] {
            [] => writeln!(page, "Follows from other fields.").unwrap(),
            [only] => writeln!(page, "From {only}.").unwrap(),
            several => {
                page.push_str(if field.shape() == Shape::List { "From all of:\n\n" } else { "From the first of:\n\n" });
                for (number, place) in (1..).zip(several) {
                    writeln!(page, "{number}. {place}").unwrap();
                }
            }
        }
    }
    page
}

const INTRODUCTION: &str = "\
# Fields of an audit event

<!-- Made from the code: `UPDATE_GOLDEN=1 cargo test --test it -- event_fields::` writes this page. -->

Audit events come in two dialects, in the same topic: the Kafka family (`principal` is a text, `granted` is true or false, names
in snake_case) and the control plane (`principal` is an object, `result` is a word, names in camelCase). These fields are one set
of names over both. Conditions, enrichment, redaction and mappings use them; the event itself stays as it was.

- A field that an event does not have is missing. It is never an empty text.
- A value of the wrong type (a number where a text belongs, `null`) is missing, too: the next place counts.
- Every name in a path stands for both spellings, `methodName` and `method_name`; the first counts before the second.
- `[]` stands for every element of a list, in order.
- Shapes: *text*; *text without case* is compared without regard to capital letters; a *list* holds any number of texts, each
  once; *yes or no* is always there.
- Redaction of a field looks further than these places: at every spelling of a name, at any depth, and for e-mail addresses,
  ids of principals and parts of resource names within other texts.

";

fn shape(shape: Shape) -> &'static str {
    match shape {
        Shape::Text => "text",
        Shape::Method => "text without case",
        Shape::List => "list",
        Shape::Bool => "yes or no",
    }
}

/// The shortest value in the samples, of lists the longest; of equals the first. It is for a table.
fn example(field: Field) -> Option<String> {
    let values = SAMPLES.lines().map(|event| values(event, field)).filter(|values| !values.is_empty());
    let best = values.min_by_key(|values| (Reverse(values.len()), values[0].len()))?;
    Some(best.join("`, `"))
}

fn values(event: &str, field: Field) -> Vec<String> {
    let mut tape = Tape::default();
    let document = tape.read(event.as_bytes()).expect("an object");
    let mut values = Vec::new();
    View::new(&document).each(field, &mut |text| values.push(text.into_owned()));
    values
}

fn compare(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    #[allow(clippy::disallowed_methods, reason = "a switch of the test itself")]
    if std::env::var("UPDATE_GOLDEN").is_ok() {
        fs::write(&file, text).expect("writable");
    }
    let recorded = fs::read_to_string(&file).unwrap_or_default();
    assert!(recorded == text, "{path} is not what the code says: UPDATE_GOLDEN=1 rewrites it; read the diff");
}
