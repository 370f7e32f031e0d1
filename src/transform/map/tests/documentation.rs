//! `docs/mappings.md` holds the tables of the code. `UPDATE_GOLDEN=1 cargo test --lib map::` rewrites them there.

use std::fs;
use std::path::Path;

use super::super::doc;

#[test]
fn the_documentation_holds_the_tables_of_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mappings.md");
    let written = fs::read_to_string(&file).expect("the documentation");
    let mut made = written.clone();
    for (name, table) in doc::tables() {
        let (begin, end) = (format!("<!-- table: {name} -->\n"), "<!-- end -->");
        let (before, rest) = made.split_once(&begin).unwrap_or_else(|| panic!("no place for the table {name}"));
        let (_, after) = rest.split_once(end).expect("the end of the table");
        made = format!("{before}{begin}\n{table}\n{end}{after}");
    }
    #[allow(clippy::disallowed_methods, reason = "a switch of the test itself")]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    if update {
        fs::write(&file, &made).expect("writable");
        return;
    }
    assert!(
        written == made,
        "the tables have changed: UPDATE_GOLDEN=1 rewrites docs/mappings.md, and git shows what changed"
    );
}
