//! Steps that add something and cannot: tables, names, places.

use std::fs;
use std::path::Path;

use super::Cases;

/// In the configuration's own folder, and each with one mistake.
const FILES: [(&str, &str); 9] = [
    ("owners.csv", "principal,owner,team\nsa-1,alice,pay\n"),
    ("short.csv", "principal,owner,team\nsa-1,alice,pay\nsa-2,bob\n"),
    ("twice.csv", "principal;owner\nsa-1;alice\nsa-1;bob\n"),
    ("blank.csv", "principal,owner,team\n"),
    ("spaced.csv", "principal,Service Owner\nsa-1,alice\n"),
    ("comma.json", "{\n  \"sa-1\": {\"owner\": \"alice\"},\n  \"sa-2\": {\"owner\": \"bob\",}\n}\n"),
    ("nested.json", "{\n  \"sa-1\": {\"owner\": {\"name\": \"alice\"}}\n}\n"),
    ("list.json", "[{\"id\": \"sa-1\", \"owner\": \"alice\"}]\n"),
    ("not.mmdb", "This is not a database.\n"),
];

pub(super) fn enrichment(cases: &mut Cases, folder: &Path) {
    for (name, content) in FILES {
        fs::write(folder.join(name), content).expect("writable");
    }
    tables(cases, folder);
    networks_and_databases(cases, folder);
    names_and_places(cases, folder);
}

impl Cases {
    /// The good file with one step.
    fn enrich(&mut self, name: &'static str, step: &str) {
        self.pipeline(name, &format!("    transforms:\n      - enrich: {{{step}}}\n"));
    }
}

fn tables(cases: &mut Cases, folder: &Path) {
    let mut table = |name, file: &str, more: &str| {
        let file = folder.join(file).display().to_string();
        cases.enrich(name, &format!("lookup: {{file: {file}, field: principal{more}}}"));
    };
    table("a table that is not there", "none.csv", "");
    table("a row with too few values", "short.csv", "");
    table("a key that two rows have", "twice.csv", "");
    table("a table without rows", "blank.csv", "");
    table("a column whose name no field can have", "spaced.csv", "");
    table("a comma too many in a JSON table", "comma.json", "");
    table("an object as a value in a JSON table", "nested.json", "");
    table("a list of rows without the name of its key", "list.json", "");
    table("columns that the table does not have", "owners.csv", ", take: [ownr, teams]");
    table("the key as something to take", "owners.csv", ", take: [principal, owner]");
    table("a single value instead of columns", "owners.csv", ", take: owner");
    table("a default for what is not taken", "owners.csv", ", take: [owner], default: {team: none}");
}

fn networks_and_databases(cases: &mut Cases, folder: &Path) {
    let at = |file: &str| folder.join(file).display().to_string();
    let inline = |networks: &str| format!("networks: {{inline: {{{networks}}}}}");
    cases.enrich("a network with bits behind its prefix", &inline("10.0.0.0/8: internal, 10.1.2.3/16: office"));
    cases.enrich("a network that is a name", &inline("office: internal"));
    cases.enrich("networks from nowhere", "networks: {into: net}");
    let both = format!("networks: {{inline: {{10.0.0.0/8: a}}, file: {}}}", at("owners.csv"));
    cases.enrich("networks from two places", &both);
    let into = format!("networks: {{file: {}, into: net}}", at("owners.csv"));
    cases.enrich("one name for several columns", &into);
    cases.enrich("a database that is none", &format!("geoip: {{file: {}}}", at("not.mmdb")));
    let part = format!("geoip: {{file: {}, take: [county]}}", at("not.mmdb"));
    cases.enrich("a part that no database has", &part);
}

fn names_and_places(cases: &mut Cases, folder: &Path) {
    let owners = folder.join("owners.csv").display().to_string();
    cases.enrich("a step that adds nothing", "place: fields");
    cases.enrich("a field that tracking writes", "fields: {kafka_offset: '7'}");
    cases.enrich("a field that Splunk has itself", "fields: {source: audit}");
    cases.enrich("a field that cannot be named so", "fields: {'my team': soc}");
    cases.enrich(
        "a field that two parts add",
        &format!("fields: {{owner: soc}}, lookup: {{file: {owners}, field: principal}}"),
    );
    cases.enrich("a field of the event that does not exist", &format!("lookup: {{file: {owners}, field: principle}}"));
    cases.enrich("a field of the event that is a yes or no", &format!("lookup: {{file: {owners}, field: denied}}"));
    cases.enrich("a place that does not exist", "place: events, fields: {team: soc}");
    let step = "    transforms:\n      - enrich: {fields: {team: soc}}\n";
    for (name, mode) in [("fields for the raw endpoint", "raw"), ("enrichment of envelopes", "preformatted")] {
        cases.pipeline(name, &format!("        mode: {mode}\n{step}"));
    }
    let taken = format!("        fields: {{team: audit}}\n{step}");
    cases.pipeline("a field that the sink gives a value", &taken);
    cases
        .pipeline(
            "a part of a resource name with a typing error",
            "    transforms:\n      - enrich: {crn: {take: [topik]}}\n",
        )
        .only_warns = true;
}
