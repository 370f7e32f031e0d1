//! A link of a partition's chain: the text of its note, one line of JSON.
//!
//! Creating link `seq` is the one step that extends the history of a partition. Of a chain this holds:
//!
//! - `seq` counts from 0; `prev` is the hash of the text before it (64 zeros in the first).
//! - `first` is the `next` of the link before, as soon as there is one; `spans` and `gaps` together are exactly `first..next`.
//! - `epoch` grows by one with every takeover, and only there. Who has taken over signs with a key of that epoch, which the takeover
//!   names and which is never written down: what is signed cannot be signed anew by somebody who comes later.
//! - No link holds the time of its writing, so that writing it again gives the same bytes. Times come from the digests.

use serde::{Deserialize, Serialize};

use super::key::PublicKey;
use super::{Hash, hex_hash};

/// A half-open range of offsets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Span(pub i64, pub i64);

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Link {
    /// The version of this format: 1.
    pub v: u32,
    /// The archive's own id.
    pub archive: String,
    pub log: String,
    pub p: i32,
    pub seq: u64,
    #[serde(with = "hex_hash")]
    pub prev: Hash,
    pub epoch: u64,
    /// Who wrote it: another one for every process.
    pub writer: String,
    #[serde(flatten)]
    pub body: Body,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Body {
    /// Somebody goes on with the chain, and nobody else may from now on.
    Takeover {
        /// Where the chain stands; `None` while nothing has been archived.
        next: Option<i64>,
        /// Signs the links of this epoch.
        key: PublicKey,
    },
    Data(Data),
}

/// Records, and offsets without a record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Data {
    /// The link with the takeover of this epoch, which names the key that signs this one.
    pub takeover: u64,
    pub first: i64,
    pub next: i64,
    pub count: u64,
    /// Lowest and highest timestamp, milliseconds since 1970; `None` when no record has one.
    pub ts: Option<(i64, i64)>,
    pub seg: Segment,
    /// Over the leaves of all records, see [`tree`](super::tree).
    #[serde(with = "hex_hash")]
    pub root: Hash,
    /// Offsets that are stored.
    pub spans: Vec<Span>,
    pub gaps: Vec<Gap>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Segment {
    /// The object's name below the prefix.
    pub key: String,
    /// Bytes as stored.
    pub size: u64,
    /// Of the bytes as stored.
    #[serde(with = "hex_hash")]
    pub sha256: Hash,
    /// Bytes of the lines.
    pub raw_size: u64,
}

/// Offsets that are not stored.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Gap {
    pub from: i64,
    pub to: i64,
    pub why: Why,
}

/// Why offsets are not stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The brokers handed out no record with this offset: a transaction marker, an aborted transaction or compaction. The client does
    /// not say which.
    NoRecord,
    /// Retention removed the records before they were read: they are lost.
    Retention,
}

impl Why {
    /// Whether events may be missing that once were there.
    pub const fn is_loss(self) -> bool {
        match self {
            Self::NoRecord => false,
            Self::Retention => true,
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoRecord => "no_record",
            Self::Retention => "retention",
        }
    }
}

pub const VERSION: u32 = 1;

impl Link {
    /// One line, without its line break.
    pub fn to_text(&self) -> String {
        serde_json::to_string(self).expect("a link has no map whose keys are not texts")
    }

    /// Reads the text of a link's note.
    ///
    /// # Errors
    /// The text is no link of a version that is known, or not written as [`Link::to_text`] writes it: then it may say something that
    /// nobody reads.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let link: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if link.v != VERSION {
            return Err(format!("version {} of the format is not known", link.v));
        }
        if link.to_text() == text { Ok(link) } else { Err("it holds something else than a link does".to_owned()) }
    }

    /// Where the chain stands after this link; `None` while nothing has been archived.
    pub fn next(&self) -> Option<i64> {
        match &self.body {
            Body::Takeover { next, .. } => *next,
            Body::Data(data) => Some(data.next),
        }
    }
}

/// What a run of offsets becomes in a link: spans of records, and gaps where there is none.
///
/// `known` are gaps whose reason is known, in order; what else is missing is [`Why::NoRecord`].
pub fn cover(first: i64, offsets: impl IntoIterator<Item = i64>, known: &[Gap]) -> (Vec<Span>, Vec<Gap>) {
    let (mut spans, mut gaps): (Vec<Span>, Vec<Gap>) = (Vec::new(), Vec::new());
    let mut next = first;
    for offset in offsets {
        if offset > next {
            explain(next, offset, known, &mut gaps);
        }
        match spans.last_mut() {
            Some(span) if span.1 == offset => span.1 = offset + 1,
            Some(_) | None => spans.push(Span(offset, offset + 1)),
        }
        next = offset + 1;
    }
    (spans, gaps)
}

fn explain(from: i64, to: i64, known: &[Gap], gaps: &mut Vec<Gap>) {
    let mut at = from;
    for gap in known {
        let (start, end) = (gap.from.clamp(at, to), gap.to.clamp(at, to));
        if start >= end {
            continue;
        }
        if start > at {
            gaps.push(Gap { from: at, to: start, why: Why::NoRecord });
        }
        gaps.push(Gap { from: start, to: end, why: gap.why });
        at = end;
    }
    if at < to {
        gaps.push(Gap { from: at, to, why: Why::NoRecord });
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::testing::key;
    use super::super::sha256;
    use super::*;
    use proptest::prelude::*;

    fn data() -> Link {
        Link {
            v: VERSION,
            archive: "a".into(),
            log: "lkc.t".into(),
            p: 3,
            seq: 412,
            prev: sha256(b"before"),
            epoch: 17,
            writer: "w".into(),
            body: Body::Data(Data {
                takeover: 400,
                first: 5,
                next: 9,
                count: 3,
                ts: Some((1, 2)),
                seg: Segment { key: "seg/x".into(), size: 10, sha256: sha256(b"x"), raw_size: 100 },
                root: sha256(b"root"),
                spans: vec![Span(5, 6), Span(7, 9)],
                gaps: vec![Gap { from: 6, to: 7, why: Why::NoRecord }],
            }),
        }
    }

    #[test]
    fn a_link_is_one_line_of_json_that_is_read_back() {
        let link = data();
        let text = link.to_text();
        assert!(text.starts_with(r#"{"v":1,"archive":"a","log":"lkc.t","p":3,"seq":412,"prev":""#), "{text}");
        assert!(
            text.contains(
                r#""type":"data","takeover":400,"first":5,"next":9,"count":3,"ts":[1,2],"seg":{"key":"seg/x""#
            ),
            "{text}"
        );
        assert!(text.contains(r#""spans":[[5,6],[7,9]],"gaps":[{"from":6,"to":7,"why":"no_record"}]"#), "{text}");
        assert!(!text.contains('\n'));
        assert_eq!(Link::parse(&text), Ok(link));
        let takeover = Link { body: Body::Takeover { next: None, key: key("k", 1).public().clone() }, ..data() };
        assert_eq!(Link::parse(&takeover.to_text()), Ok(takeover));
    }

    #[test]
    fn another_version_and_unknown_members_are_refused() {
        let text = data().to_text();
        assert!(Link::parse(&text.replacen("\"v\":1", "\"v\":2", 1)).unwrap_err().contains("version 2"));
        assert!(Link::parse(&text.replacen("\"p\":3", "\"p\":3,\"q\":1", 1)).is_err());
        assert!(Link::parse("{}").is_err());
    }

    #[test]
    fn what_is_missing_is_explained_where_the_reason_is_known() {
        let lost = [Gap { from: 0, to: 4, why: Why::Retention }];
        let (spans, gaps) = cover(2, [5, 6, 9], &lost);
        assert_eq!(spans, [Span(5, 7), Span(9, 10)]);
        let gap = |from, to, why| Gap { from, to, why };
        assert_eq!(gaps, [gap(2, 4, Why::Retention), gap(4, 5, Why::NoRecord), gap(7, 9, Why::NoRecord)]);
    }

    proptest! {
        #[test]
        fn spans_and_gaps_tile_the_offsets_exactly(
            offsets in proptest::collection::btree_set(10..60i64, 1..20),
            first in 0..10i64,
            lost in proptest::option::of((0..60i64, 1..30i64)),
        ) {
            let known: Vec<Gap> = lost.map(|(from, len)| Gap { from, to: from + len, why: Why::Retention }).into_iter().collect();
            let (spans, gaps) = cover(first, offsets.iter().copied(), &known);
            let mut pieces: Vec<(i64, i64)> = spans.iter().map(|s| (s.0, s.1)).chain(gaps.iter().map(|g| (g.from, g.to))).collect();
            pieces.sort_unstable();
            let mut at = first;
            for (from, to) in pieces {
                prop_assert_eq!(from, at);
                prop_assert!(to > from);
                at = to;
            }
            prop_assert_eq!(at, offsets.last().unwrap() + 1);
            let stored: Vec<i64> = spans.iter().flat_map(|s| s.0..s.1).collect();
            prop_assert_eq!(stored, offsets.into_iter().collect::<Vec<_>>());
        }
    }
}
