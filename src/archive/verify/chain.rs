//! Following a partition's chain from its first link to its last.

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt, TryStreamExt};

use super::super::chain::{self, ChainError, Read};
use super::super::key::PublicKey;
use super::super::layout::{Log, seq_of};
use super::super::link::{Body, Data, Why};
use super::super::store::{Store, StoreError};
use super::super::{Hash, hex};
use super::{Code, Finding, PartitionReport};

/// So many links are read at the same time; each is a few kilobytes.
const LINKS_AT_ONCE: usize = 16;

/// Which chain, and by whom it must be signed.
pub(super) struct Scope<'s> {
    pub(super) store: &'s Store,
    pub(super) log: &'s Log,
    pub(super) partition: i32,
    pub(super) keys: &'s [PublicKey],
    pub(super) archive: &'s str,
}

impl Scope<'_> {
    fn complain(&self, findings: &mut Vec<Finding>, code: Code, seq: u64, words: impl Into<String>) {
        let place = self.log.link(self.partition, seq);
        findings.push(Finding::of(code, (self.log.as_str(), self.partition), place, words));
    }
}

/// What the links of a chain say.
pub(super) struct Followed {
    pub(super) report: PartitionReport,
    /// The hash of every link.
    pub(super) hashes: HashMap<u64, Hash>,
    pub(super) last: Option<u64>,
    /// What the segments must hold.
    pub(super) segments: Vec<Data>,
}

/// Where the walk is.
#[derive(Default)]
struct At {
    seq: u64,
    hash: Option<Hash>,
    next: Option<i64>,
    epoch: u64,
    /// The link of the epoch's takeover, and its key.
    takeover: Option<(u64, PublicKey)>,
}

/// Follows a chain, and takes its segments out of those that are there.
pub(super) async fn follow(
    scope: &Scope<'_>,
    segments: &mut BTreeMap<String, u64>,
    findings: &mut Vec<Finding>,
) -> Result<Followed, StoreError> {
    let listed: Vec<_> = scope.store.list(&scope.log.chain(scope.partition), None).try_collect().await?;
    let mut seqs: Vec<u64> =
        listed.iter().filter_map(|object| seq_of(object.name.rsplit('/').next().unwrap_or_default())).collect();
    seqs.sort_unstable();
    let report = PartitionReport {
        log: scope.log.as_str().to_owned(),
        partition: scope.partition,
        ..PartitionReport::default()
    };
    let mut followed = Followed { report, hashes: HashMap::new(), last: seqs.last().copied(), segments: Vec::new() };
    let mut at = At::default();
    let read = |seq: u64| async move { (seq, chain::read(scope.store, scope.log, scope.partition, seq).await) };
    let mut links = futures_util::stream::iter(seqs.into_iter().map(read)).buffered(LINKS_AT_ONCE);
    while let Some((seq, read)) = links.next().await {
        missing(scope, at.seq, seq, findings);
        at.seq = seq + 1;
        match read {
            Ok(Some(read)) => step(scope, &mut at, &read, (&mut followed, segments), findings),
            Ok(None) => scope.complain(findings, Code::MissingLink, seq, "the link was there a moment ago"),
            Err(ChainError::Store(error)) => return Err(error),
            Err(ChainError::Malformed { problem, .. }) => {
                scope.complain(findings, Code::Malformed, seq, problem);
                at = At { seq: at.seq, ..At::default() };
            }
        }
    }
    Ok(followed)
}

fn missing(scope: &Scope<'_>, expected: u64, seq: u64, findings: &mut Vec<Finding>) {
    if seq > expected {
        let words = format!("{} link(s) before link {seq} are not there", seq - expected);
        scope.complain(findings, Code::MissingLink, expected, words);
    }
}

fn step(
    scope: &Scope<'_>,
    at: &mut At,
    read: &Read,
    (followed, segments): (&mut Followed, &mut BTreeMap<String, u64>),
    findings: &mut Vec<Finding>,
) {
    let (link, seq) = (&read.link, at.seq - 1);
    if (link.archive.as_str(), link.log.as_str(), link.p, link.seq)
        != (scope.archive, scope.log.as_str(), scope.partition, seq)
    {
        let words = format!("it is link {} of {}/{} of archive {}", link.seq, link.log, link.p, link.archive);
        scope.complain(findings, Code::Misplaced, seq, words);
    }
    check_prev(scope, at, link.prev, findings);
    check_epoch(scope, at, read, findings);
    check_signature(scope, at, read, findings);
    followed.report.links += 1;
    match &link.body {
        Body::Takeover { next, key } => {
            followed.report.takeovers += 1;
            at.takeover = Some((seq, key.clone()));
            if at.hash.is_some() && *next != at.next {
                let words = format!("it goes on at {next:?}, and the link before ends at {:?}", at.next);
                scope.complain(findings, Code::OffsetHole, seq, words);
            }
            at.next = *next;
        }
        Body::Data(data) => {
            check_offsets(scope, at, data, findings);
            take_segment(scope, seq, data, segments, findings);
            count(data, &mut followed.report);
            at.next = Some(data.next);
            followed.segments.push(data.clone());
        }
    }
    at.epoch = link.epoch;
    at.hash = Some(read.hash);
    followed.hashes.insert(seq, read.hash);
}

fn check_prev(scope: &Scope<'_>, at: &At, prev: Hash, findings: &mut Vec<Finding>) {
    let seq = at.seq - 1;
    // After a link that could not be read nothing is known.
    let expected = if seq == 0 { Some([0; 32]) } else { at.hash };
    if let Some(expected) = expected.filter(|expected| *expected != prev) {
        let words =
            format!("it follows a link with the hash {}, and that before it has {}", hex(&prev), hex(&expected));
        scope.complain(findings, Code::BrokenPrev, seq, words);
    }
}

fn check_epoch(scope: &Scope<'_>, at: &At, read: &Read, findings: &mut Vec<Finding>) {
    let expected = match &read.link.body {
        Body::Takeover { .. } => at.epoch + 1,
        Body::Data(_) => at.epoch,
    };
    if read.link.epoch != expected && (at.hash.is_some() || at.seq == 1) {
        let words = format!("its epoch is {}, and {expected} was to be expected", read.link.epoch);
        scope.complain(findings, Code::EpochRegression, at.seq - 1, words);
    }
}

fn check_signature(scope: &Scope<'_>, at: &At, read: &Read, findings: &mut Vec<Finding>) {
    let seq = at.seq - 1;
    let proven = match (&read.link.body, &at.takeover) {
        (Body::Takeover { .. }, _) => read.note.verify(scope.keys).map(drop),
        (Body::Data(data), Some((takeover, key))) if *takeover == data.takeover => read.note.verify([key]).map(drop),
        (Body::Data(data), _) => {
            let words = format!("it names link {} as the takeover of its epoch, which it is not", data.takeover);
            return scope.complain(findings, Code::UnknownKey, seq, words);
        }
    };
    if let Err(why) = proven {
        let signers: Vec<&str> = read.note.signers().collect();
        scope.complain(findings, Code::of(why), seq, format!("signed by {}", signers.join(", ")));
    }
}

/// Spans and gaps must tile the offsets, and begin where the chain stands.
fn check_offsets(scope: &Scope<'_>, at: &At, data: &Data, findings: &mut Vec<Finding>) {
    let seq = at.seq - 1;
    if let Some(next) = at.next.filter(|next| *next != data.first) {
        let (code, words) = if data.first < next {
            (Code::OffsetOverlap, format!("it begins at {}, and the chain stood at {next}", data.first))
        } else {
            (Code::OffsetHole, format!("offsets {next}..{} are missing", data.first))
        };
        scope.complain(findings, code, seq, words);
    }
    let mut pieces: Vec<(i64, i64)> = data.spans.iter().map(|span| (span.0, span.1)).collect();
    pieces.extend(data.gaps.iter().map(|gap| (gap.from, gap.to)));
    pieces.sort_unstable();
    let mut position = data.first;
    for (from, to) in pieces {
        if from != position || to <= from {
            let code = if from < position { Code::OffsetOverlap } else { Code::OffsetHole };
            scope.complain(findings, code, seq, format!("its spans and gaps do not join at offset {position}"));
            return;
        }
        position = to;
    }
    if position != data.next {
        scope.complain(
            findings,
            Code::OffsetHole,
            seq,
            format!("its spans and gaps end at {position}, not at {}", data.next),
        );
    }
    let stored: i64 = data.spans.iter().map(|span| span.1 - span.0).sum();
    if u64::try_from(stored) != Ok(data.count) {
        scope.complain(findings, Code::Count, seq, format!("it counts {} records, and its spans {stored}", data.count));
    }
    for gap in data.gaps.iter().filter(|gap| gap.why.is_loss()) {
        let words =
            format!("offsets {}..{} were gone before they could be archived ({})", gap.from, gap.to, gap.why.as_str());
        scope.complain(findings, Code::GapLoss, seq, words);
    }
}

fn take_segment(
    scope: &Scope<'_>,
    seq: u64,
    data: &Data,
    segments: &mut BTreeMap<String, u64>,
    findings: &mut Vec<Finding>,
) {
    let name = &data.seg.key;
    match segments.remove(name) {
        None => scope.complain(findings, Code::SegmentMissing, seq, format!("its segment {name} is not there")),
        Some(size) if size != data.seg.size => {
            let words = format!("its segment {name} has {size} bytes, {} were written", data.seg.size);
            scope.complain(findings, Code::SegmentAltered, seq, words);
        }
        Some(_) => {}
    }
}

fn count(data: &Data, report: &mut PartitionReport) {
    report.first = report.first.or(Some(data.first));
    report.next = Some(data.next);
    report.stored += data.count;
    report.segments += 1;
    report.bytes += data.seg.size;
    for gap in &data.gaps {
        let offsets = u64::try_from(gap.to - gap.from).unwrap_or(0);
        match gap.why {
            Why::NoRecord => report.no_record += offsets,
            Why::Retention => report.lost += offsets,
        }
    }
}
