//! Tables that change while events pass.

use super::super::testing::database;
use super::*;

fn table(rig: &Rig) -> Table {
    rig.config.pipelines[0].chain.enrichment.tables().next().expect("there is a table").clone()
}

fn owners(path: &str) -> Rig {
    Rig::new(json!([{"enrich": {"lookup": {"file": path, "field": "id", "take": ["a", "b"]}}}]))
}

#[test]
fn a_new_version_counts_from_the_next_event_on() {
    let (_folder, path) = file("t.csv", "id,a,b\nk,1,1\n");
    let mut rig = owners(&path);
    rig.assert_fields(r#"{"id":"k"}"#, json!({"a": "1", "b": "1"}));
    // Columns in another order, and one more.
    fs::write(&path, "b,c,id,a\n2,9,k,2\n3,9,l,3\n").unwrap();
    rig.assert_fields(r#"{"id":"k"}"#, json!({"a": "1", "b": "1"}));
    // The first column is the key's, and it is another one now: so the table says which column it is.
    fs::write(&path, "id,b,c,a\nk,2,9,2\nl,3,9,3\n").unwrap();
    assert_eq!(table(&rig).look(), Some(News::InUse));
    rig.assert_fields(r#"{"id":"k"}"#, json!({"a": "2", "b": "2"}));
    rig.assert_fields(r#"{"id":"l"}"#, json!({"a": "3", "b": "3"}));
    assert_eq!(table(&rig).size().0, Some(2));
}

#[test]
fn a_broken_version_is_told_once_with_its_place_and_the_old_one_stays() {
    let (_folder, path) = file("t.csv", "id,a,b\nk,1,1\n");
    let mut rig = owners(&path);
    for (content, words) in [
        ("id,a\nk,2\n", "there is no column `b`; its columns are `id`, `a`"),
        ("id,a,b\nk,2\n", "line 2: there are 2 values for 3 columns"),
        ("id,a,b\nk,2,2\nk,3,3\n", "line 3, column `id`: this key stands in an earlier row already"),
        ("id,a,b\n", "the table has no rows"),
        ("", "the file is empty"),
    ] {
        fs::write(&path, content).unwrap();
        assert_eq!(table(&rig).look(), None, "it may still be being written");
        let Some(News::Unusable(why)) = table(&rig).look() else { panic!("{content} is not usable") };
        assert!(why.contains(words), "{why}");
        assert_eq!(table(&rig).look(), None);
        rig.assert_fields(r#"{"id":"k"}"#, json!({"a": "1", "b": "1"}));
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(table(&rig).look(), None);
    let Some(News::Unusable(why)) = table(&rig).look() else { panic!("it is gone") };
    assert!(why.contains("cannot read the file"), "{why}");
    rig.assert_fields(r#"{"id":"k"}"#, json!({"a": "1", "b": "1"}));
}

#[test]
fn the_link_that_kubernetes_swaps_is_a_change() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for version in ["1", "2"] {
        fs::create_dir(at(version)).unwrap();
        fs::write(at(version).join("t.csv"), format!("id,a,b\nk,{version},{version}\n")).unwrap();
        fs::write(
            at(version).join("g.mmdb"),
            database(
                "GeoLite2-ASN",
                &[("10.0.0.0/8", json!({"autonomous_system_number": version.parse::<u32>().unwrap()}))],
            ),
        )
        .unwrap();
    }
    std::os::unix::fs::symlink("1", at("..data")).unwrap();
    let path = |name: &str| at("..data").join(name).display().to_string();
    let mut rig = Rig::new(json!([
        {"enrich": {"lookup": {"file": path("t.csv"), "field": "id", "take": ["a", "b"]}}},
        {"enrich": {"geoip": {"file": path("g.mmdb"), "field": "id"}}},
    ]));
    rig.assert_fields(r#"{"id":"10.0.0.1"}"#, json!({"client_asn": "1"}));
    std::os::unix::fs::symlink("2", at("next")).unwrap();
    fs::rename(at("next"), at("..data")).unwrap();
    for table in rig.config.pipelines[0].chain.enrichment.tables() {
        assert_eq!(table.look(), Some(News::InUse), "{}", table.name);
    }
    rig.assert_fields(r#"{"id":"k"}"#, json!({"a": "2", "b": "2"}));
    rig.assert_fields(r#"{"id":"10.0.0.1"}"#, json!({"client_asn": "2"}));
}

/// Goal: events never see half of a version, and in the end the last one. Method: one thread replaces and reads the table
/// as often as it can, another clears events all the while; the two columns of a version are equal.
#[test]
fn under_load_every_event_sees_one_version() {
    const VERSIONS: u32 = 200;
    let (folder, path) = file("t.csv", "id,a,b\nk,0,0\n");
    let mut rig = owners(&path);
    let table = table(&rig);
    let done = AtomicBool::new(false);
    let mut seen = BTreeSet::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for version in 1..=VERSIONS {
                let next = folder.path().join("next");
                // Every other version in place, which may be read half written: then it is refused, and read again.
                let target = if version % 2 == 0 { Path::new(&path) } else { &next };
                fs::write(target, format!("id,a,b\nk,{version},{version}\n")).unwrap();
                if version % 2 == 1 {
                    fs::rename(&next, &path).unwrap();
                }
                assert_eq!(table.look(), Some(News::InUse));
            }
            done.store(true, Ordering::Release);
        });
        loop {
            let last = done.load(Ordering::Acquire);
            let (_, fields) = rig.clear(r#"{"id":"k"}"#);
            assert_eq!(fields["a"], fields["b"], "half of a version");
            seen.insert(fields["a"].as_str().unwrap().parse::<u32>().unwrap());
            if last {
                break;
            }
        }
    });
    assert_eq!(seen.last(), Some(&VERSIONS), "{seen:?}");
}
