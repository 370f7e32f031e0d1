//! The directory store on real file systems.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::*;
use crate::position::{Offset, PartitionId, TopicName};

fn letter(topic: &str, offset: i64) -> Letter {
    Letter {
        topic: TopicName::new(topic),
        partition: PartitionId::new(3),
        offset: Offset::new(offset),
        timestamp_ms: Some(1_700_000_000_000),
        key: Some(b"key".to_vec()),
        headers: vec![("content-type".into(), Some(b"application/json".to_vec()))],
        value: Some(br#"{"id":"1"}"#.to_vec()),
        content: Content::AsRead,
        failure: Failure::new(Reason::EventRefused, "event field is blank"),
    }
}

fn opened(root: &Path) -> Directory {
    let directory = Directory::new(root, "splunk");
    directory.prepare().unwrap();
    directory
}

fn stored(directory: &Directory) -> Vec<Letter> {
    let mut files = directory.files(Selection::All).unwrap();
    std::iter::from_fn(|| files.next()).map(|found| found.letter.unwrap().letter).collect()
}

fn names(directory: &Directory) -> Vec<String> {
    let entries = fs::read_dir(directory.path()).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_letter_lies_in_a_file_named_after_its_record_that_only_the_owner_reads() {
    let root = tempfile::tempdir().unwrap();
    let directory = opened(&root.path().join("made/on/the/way"));
    directory.put(&[letter("audit", 42)]).unwrap();
    assert_eq!(names(&directory), ["audit-3-42.json"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory.path().join("audit-3-42.json")), 0o600);
    assert_eq!(mode(directory.path()), 0o700);
    assert_eq!(stored(&directory), [letter("audit", 42)]);
}

#[test]
fn the_same_record_put_again_replaces_its_own_letter() {
    let root = tempfile::tempdir().unwrap();
    let directory = opened(root.path());
    directory.put(&[letter("audit", 42), letter("audit", 43)]).unwrap();
    let refused_otherwise = Letter { failure: Failure::new(Reason::TooLarge, "413"), ..letter("audit", 42) };
    directory.put(std::slice::from_ref(&refused_otherwise)).unwrap();
    assert_eq!(stored(&directory), [refused_otherwise, letter("audit", 43)]);
}

#[test]
fn another_record_of_the_same_position_gets_a_name_of_its_own() {
    let root = tempfile::tempdir().unwrap();
    let directory = opened(root.path());
    let after_recreation = Letter { value: Some(b"{}".to_vec()), ..letter("audit", 42) };
    for _ in 0..2 {
        directory.put(&[letter("audit", 42), after_recreation.clone()]).unwrap();
    }
    assert_eq!(names(&directory), ["audit-3-42.1.json", "audit-3-42.json"]);
    fs::write(directory.path().join("audit-3-42.json"), "torn").unwrap();
    directory.put(&[letter("audit", 42)]).unwrap();
    assert_eq!(names(&directory).len(), 3, "what cannot be read is not replaced");
}

#[test]
fn pipelines_that_share_a_directory_do_not_touch_each_other() {
    let root = tempfile::tempdir().unwrap();
    let (splunk, other) = (opened(root.path()), Directory::new(root.path(), "../other"));
    other.prepare().unwrap();
    splunk.put(&[letter("audit", 42)]).unwrap();
    other.put(&[letter("audit", 42)]).unwrap();
    let mut files = other.files(Selection::All).unwrap();
    let found = files.next().unwrap();
    files.remove(&found.id).unwrap();
    assert_eq!((stored(&splunk).len(), stored(&other).len()), (1, 0));
    assert!(other.path().starts_with(root.path()), "a name never leads out of the directory");
}

#[test]
fn what_a_crash_left_is_no_letter_and_goes_when_it_is_old() {
    let root = tempfile::tempdir().unwrap();
    let directory = opened(root.path());
    directory.put(&[letter("audit", 42)]).unwrap();
    let leave = |name: &str, age| {
        let file = File::create(directory.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    };
    leave(".tmp-0000000000000001", defaults::TEMPORARY_FILE_AGE * 2);
    leave(".tmp-0000000000000002", defaults::TEMPORARY_FILE_AGE / 2);
    assert_eq!(stored(&directory).len(), 1);
    directory.prepare().unwrap();
    assert_eq!(names(&directory), [".tmp-0000000000000002", "audit-3-42.json"]);
}

#[test]
fn letters_are_listed_in_the_order_of_their_offsets() {
    let root = tempfile::tempdir().unwrap();
    let directory = opened(root.path());
    directory.put(&[letter("b", 1), letter("a-1", 100), letter("a-1", 20), letter("a-1", 3)]).unwrap();
    let order: Vec<(String, i64)> = stored(&directory).iter().map(|l| (l.topic.to_string(), l.offset.get())).collect();
    assert_eq!(order, [("a-1".into(), 3), ("a-1".into(), 20), ("a-1".into(), 100), ("b".into(), 1)]);
}

#[test]
fn names_that_no_file_may_have_are_made_safe_and_stay_apart() {
    let root = tempfile::tempdir().unwrap();
    let directory = opened(root.path());
    let long = "t".repeat(248);
    let topics = [format!("{long}1"), format!("{long}2"), ".hidden".into(), "..".into(), "a/b".into(), "a_b".into()];
    let letters: Vec<Letter> = topics.iter().map(|topic| letter(topic, i64::MAX)).collect();
    directory.put(&letters).unwrap();
    let mut found: Vec<String> = stored(&directory).iter().map(|letter| letter.topic.to_string()).collect();
    found.sort();
    let mut expected = topics.to_vec();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn an_identifier_never_leads_out_of_the_directory() {
    let root = tempfile::tempdir().unwrap();
    let directory = opened(root.path());
    for id in ["../secret", "", ".tmp-1", "a/b", "/etc/passwd"] {
        let found = directory.files(Selection::Ids(vec![id.into()])).unwrap().next().unwrap();
        assert!(found.letter.unwrap_err().detail.contains("not a letter's identifier"), "{id}");
    }
    let found = directory.files(Selection::Ids(vec!["audit-0-1".into()])).unwrap().next().unwrap();
    assert!(found.letter.unwrap_err().detail.contains("there is no letter audit-0-1"));
}

#[test]
fn a_place_that_cannot_be_used_is_named_with_the_remedy() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    File::create(&file).unwrap();
    let failure = Directory::new(&file, "splunk").prepare().unwrap_err();
    assert_eq!(failure.reason, Reason::DeadLetterStore);
    assert!(failure.detail.contains("a file is in the way") && failure.detail.contains("/file/splunk"), "{failure}");
    // A file system that takes no new files, whoever asks.
    let failure = Directory::new(Path::new("/proc"), "splunk").prepare().unwrap_err();
    assert_eq!(failure.reason, Reason::DeadLetterStore);
}

#[test]
fn a_directory_without_permission_is_named_with_the_remedy() {
    let root = tempfile::tempdir().unwrap();
    let directory = opened(root.path());
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o500)).unwrap();
    if File::create(directory.path().join("probe")).is_ok() {
        // The superuser may write everywhere: be somebody else.
        return run_as_nobody("a_directory_without_permission_is_named_with_the_remedy");
    }
    let failure = directory.put(&[letter("audit", 1)]).unwrap_err();
    assert!(failure.detail.contains("allow this user"), "{failure}");
}

fn run_as_nobody(test: &str) {
    let nobody = 65_534;
    let mut this = Command::new(std::env::current_exe().unwrap());
    this.args(["--exact", &format!("{}::{test}", module_path!().trim_start_matches("auditferry::"))]);
    let output = this.uid(nobody).gid(nobody).current_dir("/").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// A real file system of 64 KiB; `None` where this user may not mount.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let root = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(root.path());
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then_some(Self(root))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.0.path()).output());
    }
}

#[test]
fn a_full_disk_is_an_error_with_a_remedy_and_leaves_nothing_half_written() {
    let Some(disk) = SmallDisk::mount() else { return };
    let directory = opened(disk.0.path());
    let large = Letter { value: Some(vec![b'x'; 100_000]), ..letter("audit", 1) };
    let failure = directory.put(&[letter("audit", 0), large]).unwrap_err();
    assert_eq!(failure.reason, Reason::DeadLetterStore);
    assert!(failure.detail.contains("the disk is full"), "{failure}");
    assert_eq!(names(&directory), ["audit-3-0.json"], "no torn letter, and no leftover that keeps the disk full");
    directory.put(&[letter("audit", 2)]).unwrap();
}
