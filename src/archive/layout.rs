//! The names of all objects of an archive, below its prefix.
//!
//! ```text
//! v1/archive.note                                                       which archive this is, and its first key
//! v1/keys/<key id>.note                                                 a later key, signed by one before it
//! v1/log=<cluster>.<topic>/chain/p=00003/000000000412.note              a link; creating it is what commits
//! v1/log=<cluster>.<topic>/seg/dt=2026-11-20/h=17/p=00003/<first>-<next>-<hash>.jsonl.zst
//! v1/digest/2026/11/20/17.note                                          where all chains stood after that hour
//! ```
//!
//! Nothing is ever written twice under one name. The hour of a segment is that of its newest record, so it follows from the data.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Hash, hex};

pub const ARCHIVE: &str = "v1/archive.note";
pub const KEYS: &str = "v1/keys";
pub const DIGESTS: &str = "v1/digest";
const ROOT: &str = "v1";
const LOG: &str = "log=";

/// What is archived as one sequence per partition: a topic of a cluster. Its name is part of every object's name, so it holds only
/// letters, digits, `.`, `_` and `-`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Log(String);

impl Log {
    /// Both are names that brokers give out; what a name may not hold becomes `-`.
    pub fn new(cluster: &str, topic: &str) -> Self {
        let clean = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        Self(format!("{cluster}.{topic}").chars().map(clean).collect())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From the name of a folder directly below `v1/`.
    pub fn of_folder(name: &str) -> Option<Self> {
        name.strip_prefix(LOG).filter(|name| !name.is_empty()).map(|name| Self(name.to_owned()))
    }

    fn folder(&self) -> String {
        format!("{ROOT}/{LOG}{}", self.0)
    }

    /// The folder of all chains.
    pub fn chains(&self) -> String {
        format!("{}/chain", self.folder())
    }

    /// The folder of all segments.
    pub fn segments(&self) -> String {
        format!("{}/seg", self.folder())
    }

    pub fn chain(&self, partition: i32) -> String {
        format!("{}/{}", self.chains(), partition_folder(partition))
    }

    pub fn link(&self, partition: i32, seq: u64) -> String {
        format!("{}/{seq:012}.note", self.chain(partition))
    }

    pub fn segment(&self, partition: i32, newest_ms: Option<i64>, (first, next): (i64, i64), sha256: &Hash) -> String {
        let hour = Timestamp::from_millisecond(newest_ms.unwrap_or(0)).unwrap_or_default().to_zoned(TimeZone::UTC);
        let (day, short) = (hour.strftime("dt=%Y-%m-%d/h=%H"), hex(&sha256[..8]));
        format!("{}/{day}/{}/{first:020}-{next:020}-{short}.jsonl.zst", self.segments(), partition_folder(partition))
    }
}

fn partition_folder(partition: i32) -> String {
    format!("p={partition:05}")
}

/// The partition of a folder's name, `p=00003`.
pub fn partition_of(folder: &str) -> Option<i32> {
    folder.strip_prefix("p=")?.parse().ok().filter(|partition| *partition >= 0)
}

/// The number of a link from its object's name, `000000000412.note`.
pub fn seq_of(name: &str) -> Option<u64> {
    name.strip_suffix(".note").filter(|digits| digits.len() == 12)?.parse().ok()
}

/// The digest about the hour that begins here.
pub fn digest(hour: Timestamp) -> String {
    format!("{DIGESTS}/{}.note", hour.to_zoned(TimeZone::UTC).strftime("%Y/%m/%d/%H"))
}

/// The hour that a digest is about, from its name below the prefix.
pub fn hour_of_digest(name: &str) -> Option<Timestamp> {
    let stem = name.strip_prefix(DIGESTS)?.strip_prefix('/')?.strip_suffix(".note")?;
    let mut parts = stem.splitn(4, '/');
    let mut part = || parts.next();
    let (year, month, day, hour) = (part()?, part()?, part()?, part()?);
    format!("{year}-{month}-{day}T{hour}:00:00Z").parse().ok()
}

pub fn key_statement(key_id: [u8; 4]) -> String {
    format!("{KEYS}/{}.note", hex(&key_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_documentation() {
        let log = Log::new("lkc-1", "confluent-audit-log-events");
        assert_eq!(log.link(3, 412), "v1/log=lkc-1.confluent-audit-log-events/chain/p=00003/000000000412.note");
        let name = log.segment(3, Some(1_763_659_200_000 - 1), (7, 12), &[0xab; 32]);
        assert_eq!(
            name,
            "v1/log=lkc-1.confluent-audit-log-events/seg/dt=2025-11-20/h=17/p=00003/\
             00000000000000000007-00000000000000000012-abababababababab.jsonl.zst"
        );
        let hour: Timestamp = "2026-11-20T17:00:00Z".parse().unwrap();
        assert_eq!(digest(hour), "v1/digest/2026/11/20/17.note");
        assert_eq!(hour_of_digest(&digest(hour)), Some(hour));
        assert_eq!(key_statement([1, 2, 3, 255]), "v1/keys/010203ff.note");
    }

    #[test]
    fn names_are_read_back_and_others_are_not_ours() {
        assert_eq!(Log::of_folder("log=a.b"), Some(Log::new("a", "b")));
        assert_eq!((Log::of_folder("log="), Log::of_folder("digest")), (None, None));
        assert_eq!((partition_of("p=00003"), partition_of("p=-1"), partition_of("q=1")), (Some(3), None, None));
        assert_eq!(
            (seq_of("000000000412.note"), seq_of("412.note"), seq_of("000000000412.txt")),
            (Some(412), None, None)
        );
        assert_eq!(hour_of_digest("v1/digest/2026/13/20/17.note"), None);
    }

    #[test]
    fn a_name_cannot_leave_its_folder() {
        assert_eq!(Log::new("../x/y", "a b").as_str(), "..-x-y.a-b");
    }
}
