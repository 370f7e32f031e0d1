//! Reading segments: their bytes, and their records.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};

use super::super::hash_of;
use super::super::line::Line;
use super::super::link::Data;
use super::super::store::{Store, StoreError};
use super::super::tree::Root;
use super::chain::Followed;
use super::{Code, Depth, Finding, Progress, Task};
use crate::defaults::SEGMENTS_AT_ONCE;

pub(super) type Chains = BTreeMap<(String, i32), Followed>;

/// Reads the segments of all chains.
pub(super) async fn read_all(
    store: &Store,
    task: &Task,
    chains: &mut Chains,
    findings: &mut Vec<Finding>,
    progress: Progress<'_>,
) -> Result<(), StoreError> {
    let wanted = |data: &&Data| concerns(data, task);
    let places: Vec<(&(String, i32), &Data)> = chains
        .iter()
        .flat_map(|(place, chain)| chain.segments.iter().filter(wanted).map(move |data| (place, data)))
        .collect();
    let all: u64 = places.iter().map(|(_, data)| data.seg.size).sum();
    let done = AtomicU64::new(0);
    progress(0, all);
    let read = |(place, data)| {
        let done = &done;
        async move {
            let found = read_one(store, data, task.depth).await?;
            let size = data.seg.size;
            let so_far = done.fetch_add(size, Ordering::Relaxed) + size;
            progress(so_far, all);
            Ok::<_, StoreError>((place, data, found))
        }
    };
    let mut results = futures_util::stream::iter(places.into_iter().map(read)).buffered(SEGMENTS_AT_ONCE);
    let mut counts: BTreeMap<(String, i32), u64> = BTreeMap::new();
    while let Some((place, data, found)) = results.try_next().await? {
        *counts.entry(place.clone()).or_default() += 1;
        if let Some((code, words)) = found {
            findings.push(Finding::of(code, (&place.0, place.1), data.seg.key.clone(), words));
        }
    }
    drop(results);
    for (place, count) in counts {
        if let Some(chain) = chains.get_mut(&place) {
            chain.report.segments_read = count;
        }
    }
    Ok(())
}

/// Whether a segment may hold records of the wanted time.
fn concerns(data: &Data, task: &Task) -> bool {
    let Some((oldest, newest)) = data.ts else { return true };
    task.since_ms.is_none_or(|since| newest >= since) && task.until_ms.is_none_or(|until| oldest < until)
}

type Problem = Option<(Code, String)>;

async fn read_one(store: &Store, data: &Data, depth: Depth) -> Result<Problem, StoreError> {
    // That it is missing has been said.
    let Some(mut stream) = store.stream(&data.seg.key).await? else { return Ok(None) };
    let mut context = Context::new(&SHA256);
    let mut kept = Vec::new();
    while let Some(part) = stream.try_next().await? {
        context.update(&part);
        if depth == Depth::Records {
            kept.push(part);
        }
    }
    if hash_of(&context.finish()) != data.seg.sha256 {
        return Ok(Some((Code::SegmentAltered, "its bytes are not those that were written".to_owned())));
    }
    if depth < Depth::Records {
        return Ok(None);
    }
    let data = data.clone();
    // A thread that was cut off has proven nothing.
    let stopped = |_| Some((Code::Malformed, "reading it was cut off".to_owned()));
    Ok(tokio::task::spawn_blocking(move || records(&data, kept)).await.unwrap_or_else(stopped))
}

/// Reads every record of a segment whose bytes are known to be right.
fn records(data: &Data, parts: Vec<Bytes>) -> Problem {
    match read_lines(data, parts) {
        Ok(problem) => problem,
        Err(error) => Some((Code::Malformed, format!("it cannot be decompressed: {error}"))),
    }
}

fn read_lines(data: &Data, parts: Vec<Bytes>) -> io::Result<Problem> {
    let mut lines = BufReader::with_capacity(1 << 20, zstd::Decoder::new(Parts::new(parts))?);
    let mut expected = data.spans.iter().flat_map(|span| span.0..span.1);
    let (mut root, mut line, mut raw, mut times) = (Root::default(), Vec::new(), 0u64, None::<(i64, i64)>);
    loop {
        line.clear();
        let read = lines.read_until(b'\n', &mut line)?;
        if read == 0 {
            break;
        }
        raw += read as u64;
        let Some(text) = line.strip_suffix(b"\n") else {
            return Ok(Some((Code::Malformed, "its last line is not complete".to_owned())));
        };
        let parsed = match Line::parse(text) {
            Ok(parsed) => parsed,
            Err(error) => return Ok(Some((Code::Malformed, format!("line {}: {error}", root.count() + 1)))),
        };
        let due = expected.next();
        if due != Some(parsed.offset) {
            let words = match due {
                Some(due) => format!("offset {} stands where {due} should", parsed.offset),
                None => format!("offset {} is more than its link speaks of", parsed.offset),
            };
            return Ok(Some((Code::Reordered, words)));
        }
        if let Some(time) = parsed.timestamp_ms {
            times = Some(times.map_or((time, time), |(low, high)| (low.min(time), high.max(time))));
        }
        root.push(parsed.leaf());
    }
    let count = root.count();
    Ok(if count != data.count {
        Some((Code::Count, format!("it holds {count} records, its link says {}", data.count)))
    } else if root.finish() != data.root {
        Some((Code::Root, "its records are not those that its link proves".to_owned()))
    } else if (raw, times) != (data.seg.raw_size, data.ts) {
        Some((Code::Malformed, "its size or times are not what its link says".to_owned()))
    } else {
        None
    })
}

/// Pieces of memory, read one after the other and given back as they are used up.
pub(crate) struct Parts {
    parts: std::vec::IntoIter<Bytes>,
    current: Bytes,
}

impl Parts {
    pub(crate) fn new(parts: Vec<Bytes>) -> Self {
        Self { parts: parts.into_iter(), current: Bytes::new() }
    }
}

impl io::Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.parts.next() {
                Some(part) => self.current = part,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.current.len());
        buffer[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}
