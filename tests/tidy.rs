//! Keeps the architecture visible: what no compiler, no lint and no other tool watches.
//!
//! - [`PARTS`] is the table of what may use what. It reads from top to bottom: nothing uses a part below itself, except
//!   where the table says so.
//! - [`PLACES`] names the one place of each thing that has only one.
//! - Names of modules say something, every module opens with `//!`, names of tests are sentences.
//!
//! The source is read as text, line by line, without comments. Test code (`tests.rs`, `x_tests.rs`, `testing.rs`, folders
//! `tests/`, and from `#[cfg(test)]` before a module to the end of a file) may use anything: it plays the other parts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the report")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

struct Part {
    /// The module's path in the crate. The longest match counts, so a component is apart from the trait it implements.
    name: &'static str,
    may_use: &'static [&'static str],
    why: &'static str,
}

/// Words that every part may use. They use only each other.
const VOCABULARY: &[&str] = &["position", "reason", "secret", "units", "defaults"];

const PARTS: &[Part] = &[
    Part { name: "event", may_use: &[], why: "a record knows nothing of where it came from or goes to" },
    Part {
        name: "transform",
        may_use: &["event", "delivery::attempt", "reload"],
        why: "the chain is pure: records in, cleared records out, and a word for what it cannot clear; \
              its tables are made anew when their files change",
    },
    Part {
        name: "delivery::attempt",
        may_use: &[],
        why: "what one attempt came to, in words that sinks and stores share",
    },
    Part { name: "delivery::ledger", may_use: &[], why: "the ledger is bookkeeping about positions only" },
    Part {
        name: "sink",
        may_use: &["event", "delivery::attempt", "reload"],
        why: "a sink reports what the receiver proved; it sees no ledger and no retry policy",
    },
    Part {
        name: "source",
        may_use: &["event", "delivery::attempt", "delivery::ledger"],
        why: "a source is told what to commit in the ledger's words and decides nothing itself",
    },
    Part {
        name: "delivery",
        may_use: &["event", "transform", "delivery::attempt", "delivery::ledger", "sink", "source"],
        why: "the guarantee depends on the two traits, never on a concrete source or sink",
    },
    Part {
        name: "status",
        may_use: &["delivery::attempt", "sink", "source"],
        why: "the board is written by the pipeline and read by the admin server, and knows neither",
    },
    Part {
        name: "metrics",
        may_use: &["status"],
        why: "what is counted once is on the board; the exporter reads it there, and nothing else",
    },
    Part {
        name: "log",
        may_use: &["metrics"],
        why: "the log shows what others say; it counts what it did not show, and knows nothing else",
    },
    Part { name: "reload", may_use: &[], why: "it makes things anew from files, whatever they are" },
    Part { name: "tls", may_use: &["reload"], why: "the one way to build an HTTPS client serves all sinks alike" },
    Part {
        name: "sink::http",
        may_use: &["delivery::attempt", "sink", "tls"],
        why: "what sinks over HTTP share knows no protocol: an answer as it came, and a request that brought none",
    },
    Part {
        name: "sink::webhook",
        may_use: &["event", "delivery::attempt", "sink", "sink::http", "tls", "reload"],
        why: "adapters never use each other, and a sink sees no ledger",
    },
    Part {
        name: "archive",
        may_use: &["event", "delivery::attempt", "tls"],
        why: "the format and where it lies; it is written by a sink and read by commands, and knows neither",
    },
    Part {
        name: "sink::archive",
        may_use: &["event", "delivery::attempt", "sink", "tls", "reload", "archive"],
        why: "adapters never use each other, and a sink sees no ledger",
    },
    Part {
        name: "sink::splunk_hec",
        may_use: &["event", "delivery::attempt", "sink", "sink::http", "tls", "reload"],
        why: "adapters never use each other, and a sink sees no ledger",
    },
    Part {
        name: "source::kafka",
        may_use: &["event", "delivery", "delivery::attempt", "delivery::ledger", "source", "tls"],
        why: "adapters never use each other; whom to trust is said in the same way for Kafka as for HTTPS",
    },
    Part {
        name: "dead_letter",
        may_use: &["event", "delivery", "delivery::attempt", "source::kafka"],
        why: "a store takes letters; a topic as store goes through the one folder that names the Kafka client",
    },
    Part {
        name: "config",
        may_use: &[
            "event",
            "transform",
            "delivery::attempt",
            "sink",
            "sink::splunk_hec",
            "sink::webhook",
            "sink::archive",
            "archive",
            "source",
            "source::kafka",
            "dead_letter",
            "tls",
        ],
        why: "the configuration of a component lies beside it; this part only composes them",
    },
    Part {
        name: "import",
        may_use: &[],
        why: "it turns text into text: what it writes is checked as a person's own file is, by the configuration",
    },
    Part {
        name: "admin",
        may_use: &[
            "delivery",
            "delivery::attempt",
            "delivery::ledger",
            "sink",
            "source",
            "status",
            "metrics",
            "config",
        ],
        why: "the status page shows what others hold and changes nothing",
    },
    Part {
        name: "pipeline",
        may_use: &[
            "event",
            "transform",
            "delivery",
            "delivery::attempt",
            "delivery::ledger",
            "sink",
            "sink::splunk_hec",
            "sink::webhook",
            "sink::archive",
            "archive",
            "source",
            "source::kafka",
            "dead_letter",
            "tls",
            "reload",
            "config",
            "status",
            "metrics",
            "log",
            "admin",
        ],
        why: "the composition root knows every part and is known by the command line only",
    },
    Part {
        name: "demo",
        may_use: &[
            "event",
            "transform",
            "delivery",
            "delivery::attempt",
            "sink",
            "sink::splunk_hec",
            "sink::webhook",
            "sink::archive",
            "archive",
            "source",
            "source::kafka",
            "dead_letter",
            "tls",
            "config",
            "status",
            "metrics",
            "log",
            "admin",
            "pipeline",
        ],
        why: "the demonstration drives the program as a user does; nothing that runs in earnest may need it",
    },
    Part {
        name: "cli",
        may_use: &[
            "event",
            "transform",
            "delivery",
            "delivery::attempt",
            "sink",
            "sink::splunk_hec",
            "sink::webhook",
            "sink::archive",
            "archive",
            "source",
            "source::kafka",
            "dead_letter",
            "tls",
            "config",
            "status",
            "metrics",
            "log",
            "admin",
            "pipeline",
            "demo",
            "import",
        ],
        why: "the command line is the outermost part, so nothing else may use it",
    },
    Part { name: "main", may_use: &["cli"], why: "main turns a result into an exit code, nothing else" },
    Part { name: "lib", may_use: &[], why: "the crate's root only declares its modules" },
];

struct Place {
    /// Any of these in a line of code means the thing is used.
    signs: &'static [&'static str],
    allowed: &'static [&'static str],
    why: &'static str,
}

const PLACES: &[Place] = &[
    Place {
        signs: &["rdkafka::", "rdkafka_sys::"],
        allowed: &["src/source/kafka/", "src/demo/"],
        why: "the Kafka client has traps that one folder knows (the demo needs its mock cluster)",
    },
    Place {
        signs: &["reqwest::"],
        allowed: &["src/tls/", "src/sink/", "src/archive/store/", "src/demo/"],
        why: "HTTP clients are built in tls, where roots and time limits are set, and used by sinks and stores",
    },
    Place {
        signs: &["tokio::spawn(", "task::spawn(", "JoinSet"],
        allowed: &["src/pipeline.rs", "src/pipeline/", "src/demo/"],
        why: "a task outside the pipeline's set can die unnoticed",
    },
    Place {
        signs: &["Cleared::from_"],
        allowed: &["src/transform/"],
        why: "only the chain knows that nothing is left in an event that may not leave",
    },
    Place { signs: &["env::var"], allowed: &["src/config/"], why: "only the configuration reads the environment" },
    Place {
        signs: &["ResumeAt::from_broker"],
        allowed: &["src/source/kafka/", "src/delivery/ledger.rs", "src/delivery/ledger/", "src/sink/archive/"],
        why: "a position to commit comes from the ledger or from the broker, one to read on from also from an archive's last link; \
              anything else would be made up",
    },
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc", "core", "manager"];

#[test]
fn parts_use_only_what_the_table_allows() {
    let mut offences = Vec::new();
    for file in sources("src") {
        let Some(part) = part_of_file(&file) else {
            offences.push(format!("{}: not in the table: say in PARTS what it may use, and why", file.display()));
            continue;
        };
        for (line, module) in uses(&production_code(&file)) {
            match part_of_module(&module) {
                None => offences.push(format!("{}:{line}: `{module}` is not in the table", file.display())),
                Some(used) if may_use(part, used) => {}
                Some(used) => {
                    let why =
                        PARTS.iter().find(|known| known.name == part).map_or("words are leaves", |known| known.why);
                    offences.push(format!("{}:{line}: `{part}` may not use `{used}`: {why}", file.display()));
                }
            }
        }
    }
    report(&offences);
}

#[test]
fn what_has_one_place_is_used_there_only() {
    let mut offences = Vec::new();
    for file in sources("src") {
        let path = file.display().to_string();
        for (number, line) in numbered(&production_code(&file)) {
            for place in PLACES.iter().filter(|place| !place.allowed.iter().any(|allowed| path.starts_with(allowed))) {
                if let Some(sign) = place.signs.iter().find(|sign| line.contains(**sign)) {
                    let allowed = place.allowed.join(", ");
                    offences.push(format!("{path}:{number}: `{sign}` belongs in {allowed}: {}", place.why));
                }
            }
        }
    }
    report(&offences);
}

#[test]
fn every_module_opens_with_its_purpose() {
    let silent = |file: &PathBuf| !fs::read_to_string(file).unwrap().starts_with("//! ");
    let offences = everything().into_iter().filter(silent);
    let say =
        |file: PathBuf| format!("{}:1: say in a `//!` line what it is for and what it does not do", file.display());
    report(&offences.map(say).collect::<Vec<_>>());
}

#[test]
fn module_names_say_something() {
    let mut offences = BTreeSet::new();
    for file in everything() {
        let named = file.with_extension("");
        for name in named.components().filter_map(|part| part.as_os_str().to_str()) {
            if EMPTY_NAMES.contains(&name) {
                offences.insert(format!("{}: `{name}` says nothing: name the noun it holds", file.display()));
            }
        }
    }
    report(&offences.into_iter().collect::<Vec<_>>());
}

#[test]
fn names_of_tests_are_sentences() {
    let mut offences = Vec::new();
    for file in everything() {
        for (number, line) in numbered(&fs::read_to_string(&file).unwrap()) {
            if line.trim_start().trim_start_matches("async ").starts_with("fn test_") {
                offences.push(format!("{}:{number}: name what holds, not that it is a test", file.display()));
            }
        }
    }
    report(&offences);
}

#[test]
fn uses_are_found_in_groups_paths_and_bodies() {
    let code = "use crate::units::ByteSize;\nuse crate::{event::Record, sink::{Sink, splunk_hec::Hec}};\nlet x = crate::tls::new();\n";
    let found: Vec<(usize, String)> = uses(code);
    let expected = [
        (1, "units::ByteSize"),
        (2, "event::Record"),
        (2, "sink::Sink"),
        (2, "sink::splunk_hec::Hec"),
        (3, "tls::new"),
    ];
    assert_eq!(found, expected.map(|(line, module)| (line, module.to_owned())));
    assert_eq!(part_of_module("sink::splunk_hec::Hec"), Some("sink::splunk_hec"));
    assert_eq!(part_of_module("sink::Sink"), Some("sink"));
}

fn may_use(part: &str, used: &str) -> bool {
    if part == used || VOCABULARY.contains(&used) {
        return true;
    }
    PARTS.iter().any(|known| known.name == part && known.may_use.contains(&used))
}

/// `src/sink/splunk_hec/acks.rs` belongs to `sink::splunk_hec`, `src/sink/mod.rs` to `sink`.
fn part_of_file(file: &Path) -> Option<&'static str> {
    let path = file.strip_prefix("src").unwrap().with_extension("");
    let names: Vec<&str> = path.components().filter_map(|part| part.as_os_str().to_str()).collect();
    part_of_module(&names.join("::"))
}

fn part_of_module(module: &str) -> Option<&'static str> {
    let holds = |name: &str| module.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    let names = PARTS.iter().map(|part| part.name).chain(VOCABULARY.iter().copied());
    names.filter(|name| holds(name)).max_by_key(|name| name.len())
}

/// Every path into this crate in `code`, with its line; groups are written out.
fn uses(code: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for root in ["crate::", "auditferry::"] {
        for (at, _) in code.match_indices(root) {
            // `$crate` in a macro counts, `my_crate` does not.
            if code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_') {
                continue;
            }
            let line = code[..at].matches('\n').count() + 1;
            found.extend(written_out("", &code[at + root.len()..]).into_iter().map(|module| (line, module)));
        }
    }
    found
}

/// The paths that the tree at the beginning of `text` names: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn written_out(prefix: &str, text: &str) -> Vec<String> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).unwrap_or(text.len());
    let (path, rest) = text.split_at(end);
    let whole = format!("{prefix}{path}");
    if !(rest.starts_with('{') && (path.is_empty() || path.ends_with("::"))) {
        return vec![whole.trim_end_matches("::").to_owned()];
    }
    let (mut depth, mut start, mut found) = (0, 1, Vec::new());
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        let ends_member = (c == ',' && depth == 1) || depth == 0;
        if ends_member {
            let member = rest[start..at].trim();
            if !member.is_empty() {
                found.extend(written_out(&whole, member));
            }
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// The file without comments and test code, line for line.
fn production_code(file: &Path) -> String {
    let is_test = |name: &str| ["tests", "testing"].contains(&name) || name.ends_with("_tests");
    if file.with_extension("").components().any(|part| part.as_os_str().to_str().is_some_and(is_test)) {
        return String::new();
    }
    let text = fs::read_to_string(file).unwrap();
    let mut code = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let opens_tests =
            line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'));
        if opens_tests {
            break;
        }
        if !line.trim_start().starts_with("//") {
            code.push_str(line);
        }
        code.push('\n');
    }
    code
}

fn numbered(code: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(code.lines())
}

fn everything() -> Vec<PathBuf> {
    [sources("src"), sources("tests")].concat()
}

/// All Rust files below `folder`, sorted, relative to the package.
fn sources(folder: &str) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![PathBuf::from(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("read {}: {error}", folder.display())) {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[track_caller]
fn report(offences: &[String]) {
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}
