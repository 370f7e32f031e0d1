//! Tables and steps that are refused, by the words that say so.

use super::super::testing::database;
use super::*;

#[track_caller]
fn assert_refused(steps: &Value, words: &str) {
    let errors = load(steps).expect_err(&format!("{steps} is not refused"));
    assert!(errors.contains(words), "`{words}` is not in\n{errors}");
}

/// Each with its line, and its column where there is one.
#[test]
fn tables_are_refused_with_the_place_in_their_file() {
    let long = "x".repeat(9 * 1024);
    for (name, content, words) in [
        ("t.csv", "id,a\nk,1\nl\n".to_owned(), "t.csv, line 3: there are 1 values for 2 columns"),
        ("t.csv", "id,a\nk,1\nl,\"2\nm,3\n".to_owned(), "t.csv, line 3: a quotation mark is not closed"),
        ("t.csv", "id,a\nk,1\n,2\n".to_owned(), "line 3, column `id`: the key is empty"),
        ("t.csv", "id,a\nk,1\n\nk,2\n".to_owned(), "line 4, column `id`: this key stands in an earlier row already"),
        ("t.csv", "id,a,a\nk,1,2\n".to_owned(), "line 1, column `a`: two columns have this name"),
        ("t.csv", "id,,a\nk,1,2\n".to_owned(), "line 1: the 2. column has no name"),
        ("t.csv", "id,a\n".to_owned(), "the table has no rows"),
        ("t.csv", "id\nk\n".to_owned(), "the table has no column but the key's"),
        ("t.csv", String::new(), "the file is empty"),
        ("t.csv", format!("id,a\nk,{long}\n"), "line 2, column `id`: this row's values take more than 8 KiB"),
        ("t.csv", "id,Owner Name\nk,1\n".to_owned(), "`Owner Name` cannot be the name of a field"),
        ("t.csv", "id,_x\nk,1\n".to_owned(), "`_x` cannot be the name of a field"),
        ("t.csv", "id,kafka_topic\nk,1\n".to_owned(), "the field `kafka_topic` is taken: `tracking` of the sink"),
        ("t.csv", "id,source\nk,1\n".to_owned(), "the field `source` is taken: Splunk has it for itself"),
        (
            "t.json",
            "{\"k\": {\"a\": \"1\"},\n \"l\": {\"a\": \"1\",}}".to_owned(),
            "line 2, column 17: this is not JSON",
        ),
        (
            "t.json",
            "{\"k\": {\"a\": \"1\"},\n \"l\": {\"a\": {}}}".to_owned(),
            "line 2, column 13: this value is an object",
        ),
        ("t.json", "{\"k\": {\"a\": [1]}}".to_owned(), "line 1, column 13: this value is an object or holds one"),
        ("t.json", "{\"k\": \"1\",\n\"k\": \"2\"}".to_owned(), "line 2, column 6: this key stands in an earlier row"),
        ("t.json", "[{\"a\": \"1\"}]".to_owned(), "nothing says which of their members is the key"),
        ("t.json", "7".to_owned(), "this is neither an object nor a list"),
        ("t.json", "{}".to_owned(), "the table has no column but the key's"),
    ] {
        let (_folder, path) = file(name, &content);
        assert_refused(&json!([{"enrich": {"lookup": {"file": path, "field": "id"}}}]), words);
    }
}

#[test]
fn bytes_that_are_no_text_and_files_that_are_too_large_are_refused() {
    let (_folder, path) = file("t.csv", b"id,a\nk,1\nl,\xff\n");
    assert_refused(&json!([{"enrich": {"lookup": {"file": path, "field": "id"}}}]), "line 3: this is not UTF-8 text");
    let (_folder, path) = file("t.csv", "");
    fs::File::options().write(true).open(&path).unwrap().set_len(16 * 1024 * 1024 + 1).unwrap();
    assert_refused(&json!([{"enrich": {"lookup": {"file": path, "field": "id"}}}]), "the file is larger than 16 MiB");
}

#[test]
fn rows_without_end_are_refused() {
    let rows: String = (0..=crate::defaults::TABLE_ROWS_MAX).map(|n| format!("{n},1\n")).collect();
    let (_folder, path) = file("t.csv", format!("id,a\n{rows}"));
    let words = "line 250002, column `id`: the table has more than 250000 rows";
    assert_refused(&json!([{"enrich": {"lookup": {"file": path, "field": "id"}}}]), words);
}

#[test]
fn what_is_no_geoip_database_is_refused() {
    let (_folder, path) = file("g.mmdb", "nothing");
    assert_refused(&json!([{"enrich": {"geoip": {"file": path}}}]), "this is no GeoIP database");
    let (_folder, path) = file("g.mmdb", database("Own-Things", &[("10.0.0.0/8", json!({}))]));
    assert_refused(
        &json!([{"enrich": {"geoip": {"file": path}}}]),
        "a database of type `Own-Things` is not known here",
    );
}

/// The key is a part of the event; a column of the same text would bring it past redaction.
#[test]
fn the_key_cannot_be_taken() {
    let (_folder, path) = file("t.csv", "id,a\nk,1\n");
    let words = "`id` is the key: a part of the event, which would go round redaction this way";
    assert_refused(&json!([{"enrich": {"lookup": {"file": path, "field": "id", "take": ["id", "a"]}}}]), words);
}

#[test]
fn a_name_is_had_once_wherever_it_comes_from() {
    let (_folder, path) = file("t.csv", "id,a\nk,1\n");
    let lookup = json!({"enrich": {"lookup": {"file": path, "field": "id"}}});
    let named = json!({"enrich": {"lookup": {"file": path, "field": "id", "name": "other"}}});
    assert_refused(&json!([lookup, {"enrich": {"fields": {"a": "x"}}}]), "`a` is added twice");
    assert_refused(&json!([lookup, named]), "`a` is added twice");
    assert_refused(&json!([lookup, lookup]), "two tables of this pipeline are called `t`");
    let taken = |sink: Value| load_with(&json!([lookup]), sink).expect_err("taken");
    assert!(taken(json!({"fields": {"a": "1"}})).contains("`fields` of the sink gives it a value"));
    assert!(taken(json!({"record_headers": {"fields": ["a"]}})).contains("a header of the record gives it a value"));
    let config = load_with(&json!([lookup]), json!({"tracking": ["topic", "partition", "offset"]})).expect("free");
    let SinkConfig::SplunkHec(hec) = &config.pipelines[0].sink else { panic!("the sink of the file") };
    assert!(hec.events.fields.is_empty());
}
