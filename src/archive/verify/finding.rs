//! What can be wrong with an archive: one closed list of codes.

use std::collections::BTreeMap;
use std::fmt;

use super::super::layout::Log;
use super::super::note::Unproven;

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// Nothing is wrong: somebody may want to know.
    Remark,
    /// Something is missing.
    Incomplete,
    /// Something is not what was written.
    Tampered,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident => $text:literal, $severity:ident;)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum Code { $($(#[$doc])* $variant,)* }

        impl Code {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }
        }
    };
}

codes! {
    /// A note's signature is not of its text.
    BadSignature => "BAD_SIG", Tampered;
    /// A note is signed by a key that nobody vouches for.
    UnknownKey => "UNKNOWN_KEY", Tampered;
    /// An object is not what its name says.
    Malformed => "MALFORMED", Tampered;
    /// A link is not there although later ones are.
    MissingLink => "MISSING_LINK", Tampered;
    /// A link or digest does not name the one before it.
    BrokenPrev => "BROKEN_PREV", Tampered;
    /// A note belongs to another archive, log, partition or place.
    Misplaced => "MISPLACED", Tampered;
    /// An epoch falls, or changes without a takeover.
    EpochRegression => "EPOCH_REGRESSION", Tampered;
    /// An offset is archived twice.
    OffsetOverlap => "OFFSET_OVERLAP", Tampered;
    /// Offsets are neither stored nor explained.
    OffsetHole => "OFFSET_HOLE", Tampered;
    /// A segment that a link names is not there.
    SegmentMissing => "SEG_MISSING", Tampered;
    /// A segment has other bytes than were written.
    SegmentAltered => "SEG_ALTERED", Tampered;
    /// A segment has another number of records than its link says.
    Count => "COUNT", Tampered;
    /// Records of a segment are not in the order of their offsets, or are others than the link says.
    Reordered => "REORDERED", Tampered;
    /// Records of a segment do not lead to the root that its link names.
    Root => "ROOT", Tampered;
    /// A digest says something else of a chain than the chain does.
    Fork => "FORK", Tampered;
    /// Links that a digest has seen are gone from the end of a chain.
    HeadRollback => "HEAD_ROLLBACK", Incomplete;
    /// There is no digest of an hour, although there is of a later one.
    DigestMissing => "DIGEST_MISSING", Incomplete;
    /// Records were gone before they could be archived.
    GapLoss => "GAP_LOSS", Incomplete;
    /// Offsets without a record: transaction markers, aborted transactions or compaction.
    NoRecord => "NO_RECORD", Remark;
    /// A segment that no link names: what a crash leaves, or a link that was taken away.
    OrphanSegment => "ORPHAN_SEG", Remark;
    /// An hour's digest was written later than it should have been: nobody was there.
    DigestLate => "DIGEST_LATE", Remark;
}

impl Code {
    pub(super) const fn of(why: Unproven) -> Self {
        match why {
            Unproven::UnknownKey => Self::UnknownKey,
            Unproven::BadSignature => Self::BadSignature,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    pub code: Code,
    /// Empty when it is about the archive.
    pub log: String,
    pub partition: Option<i32>,
    /// The object, or offsets.
    pub place: String,
    pub words: String,
}

impl Finding {
    pub(super) fn of_archive(code: Code, place: impl Into<String>, words: impl Into<String>) -> Self {
        Self { code, log: String::new(), partition: None, place: place.into(), words: words.into() }
    }

    pub(super) fn of(
        code: Code,
        (log, partition): (&str, i32),
        place: impl Into<String>,
        words: impl Into<String>,
    ) -> Self {
        Self { code, log: log.to_owned(), partition: Some(partition), place: place.into(), words: words.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.code.as_str(), self.place, self.words)
    }
}

/// As many segments without a link are named one by one.
const ORPHANS_SHOWN: usize = 20;

/// Segments that are left when every link has taken its own.
pub(super) fn orphans(log: &Log, left: &BTreeMap<String, u64>, findings: &mut Vec<Finding>) {
    for name in left.keys().take(ORPHANS_SHOWN) {
        let words = "no link names this segment: a crash has left it, or its link was taken away";
        findings.push(Finding::of_archive(Code::OrphanSegment, name.clone(), words));
    }
    if left.len() > ORPHANS_SHOWN {
        let words = format!("and {} more segments that no link names", left.len() - ORPHANS_SHOWN);
        findings.push(Finding::of_archive(Code::OrphanSegment, log.segments(), words));
    }
}
