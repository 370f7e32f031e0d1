//! Every way of tampering with an archive, each on one of its own: found, under the right name. One that nobody touched never alarms.

use std::future::Future;

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::bench::{Bench, log, parcel};
use super::is_delivered;
use crate::archive::key::SigningKey;
use crate::archive::key::testing::key;
use crate::archive::layout;
use crate::archive::link::{Body, Link};
use crate::archive::note::{self, Note};
use crate::archive::store::Listed;
use crate::archive::verify::{Code, Depth, Severity};
use crate::archive::{chain, sha256};
use crate::sink::Sink;
use crate::sink::archive::keeper::{hour_of, write_due};

/// An archive of links 0 to 4: a takeover and four segments, of offsets 0..10, 10..20, 20..30, 30..40; and three digests.
async fn archive() -> Bench {
    let bench = Bench::new();
    let archive = bench.archive();
    bench.take_over(&archive).await.unwrap();
    for begin in [0, 10, 20, 30] {
        assert!(is_delivered(&archive.attempt(0, parcel(begin..begin + 10)).await));
    }
    let begun = archive.shared.open().await.unwrap().begun;
    for hours in 1..4 {
        let now = jiff::Timestamp::from_second(hour_of(begun).as_second() + hours * 3600 + 120).unwrap();
        write_due(&archive.shared, now).await.unwrap();
    }
    bench
}

async fn put(bench: &Bench, name: &str, bytes: impl Into<Bytes>) {
    bench.inner.put(&Path::from(name), bytes.into().into()).await.unwrap();
}

async fn delete(bench: &Bench, name: &str) {
    bench.inner.delete(&Path::from(name)).await.unwrap();
}

async fn segment_of(bench: &Bench, seq: u64) -> String {
    match bench.link(seq).await.body {
        Body::Data(data) => data.seg.key,
        Body::Takeover { .. } => panic!("link {seq} has no segment"),
    }
}

async fn digests(bench: &Bench) -> Vec<String> {
    let listed: Vec<Listed> = bench.store.list(layout::DIGESTS, None).try_collect().await.unwrap();
    let mut names: Vec<String> = listed.into_iter().map(|listed| listed.name).collect();
    names.sort();
    names
}

/// What somebody who has a key could write in place of a link.
async fn replace_link(bench: &Bench, seq: u64, signer: &SigningKey, change: impl FnOnce(&mut Link)) {
    let mut link = bench.link(seq).await;
    change(&mut link);
    put(bench, &log().link(0, seq), note::sign(&link.to_text(), signer)).await;
}

/// The bytes of link `seq` with a change in its text, and the signature of the text before.
async fn edit_link(bench: &Bench, seq: u64, from: &str, to: &str) {
    let name = log().link(0, seq);
    let text = String::from_utf8(bench.raw(&name).await.to_vec()).unwrap();
    assert!(text.contains(from), "{text}");
    put(bench, &name, text.replacen(from, to, 1)).await;
}

async fn lines_of(bench: &Bench, seq: u64) -> Vec<String> {
    let plain = zstd::decode_all(&bench.raw(&segment_of(bench, seq).await).await[..]).unwrap();
    String::from_utf8(plain).unwrap().lines().map(ToOwned::to_owned).collect()
}

/// Other lines under a segment's name, and in its link the hash and size that fit, signed by a stranger: only so the records are reached.
async fn rewrite(bench: &Bench, seq: u64, change: impl FnOnce(&mut Vec<String>)) {
    let mut lines = lines_of(bench, seq).await;
    change(&mut lines);
    let plain = lines.iter().fold(String::new(), |text, line| text + line + "\n");
    let bytes = zstd::encode_all(plain.as_bytes(), 3).unwrap();
    put(bench, &segment_of(bench, seq).await, bytes.clone()).await;
    replace_link(bench, seq, &key("stranger", 9), |link| {
        let Body::Data(data) = &mut link.body else { panic!("data") };
        (data.seg.size, data.seg.sha256) = (bytes.len() as u64, sha256(&bytes));
        data.seg.raw_size = plain.len() as u64;
    })
    .await;
}

/// Tampers with an archive; the finding of this code must be there, and the verdict at least as grave as it.
async fn found<F: Future<Output = ()>>(depth: Depth, code: Code, tamper: impl FnOnce(std::sync::Arc<Bench>) -> F) {
    let bench = std::sync::Arc::new(archive().await);
    assert_eq!(bench.verify(Depth::Records).await.findings, [], "before anything was done");
    tamper(std::sync::Arc::clone(&bench)).await;
    let findings = bench.verify(depth).await.findings;
    assert!(findings.iter().any(|finding| finding.code == code), "{} is missing in {findings:#?}", code.as_str());
    let worst = findings.iter().map(|finding| finding.code.severity()).max();
    assert!(worst >= Some(code.severity()), "{worst:?}");
    assert_ne!(worst, Some(Severity::Remark));
}

#[tokio::test]
async fn a_flipped_byte_of_a_segment_is_found() {
    found(Depth::Bytes, Code::SegmentAltered, |bench| async move {
        let name = segment_of(&bench, 2).await;
        let mut bytes = bench.raw(&name).await.to_vec();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        put(&bench, &name, bytes).await;
    })
    .await;
}

#[tokio::test]
async fn a_segment_that_was_taken_away_is_found_without_reading_any() {
    found(Depth::Chain, Code::SegmentMissing, |bench| async move {
        delete(&bench, &segment_of(&bench, 3).await).await;
    })
    .await;
}

#[tokio::test]
async fn a_segment_with_something_behind_its_end_is_found_by_its_size() {
    found(Depth::Chain, Code::SegmentAltered, |bench| async move {
        let name = segment_of(&bench, 1).await;
        let more = zstd::encode_all(&b"{\"o\":99}\n"[..], 3).unwrap();
        put(&bench, &name, [&bench.raw(&name).await[..], &more].concat()).await;
    })
    .await;
}

#[tokio::test]
async fn two_swapped_segments_are_found() {
    found(Depth::Bytes, Code::SegmentAltered, |bench| async move {
        let (one, other) = (segment_of(&bench, 1).await, segment_of(&bench, 2).await);
        let bytes = bench.raw(&one).await;
        put(&bench, &one, bench.raw(&other).await).await;
        put(&bench, &other, bytes).await;
    })
    .await;
}

#[tokio::test]
async fn a_link_that_was_taken_away_is_found() {
    found(Depth::Chain, Code::MissingLink, |bench| async move {
        delete(&bench, &log().link(0, 2)).await;
    })
    .await;
}

#[tokio::test]
async fn links_that_were_taken_away_from_the_end_are_found_by_the_digests() {
    found(Depth::Chain, Code::HeadRollback, |bench| async move {
        delete(&bench, &log().link(0, 3)).await;
        delete(&bench, &log().link(0, 4)).await;
    })
    .await;
}

#[tokio::test]
async fn a_whole_chain_that_was_taken_away_is_found_by_the_digests() {
    found(Depth::Chain, Code::HeadRollback, |bench| async move {
        for seq in 0..5 {
            delete(&bench, &log().link(0, seq)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_edited_count_is_found() {
    found(Depth::Chain, Code::BadSignature, |bench| async move {
        edit_link(&bench, 2, "\"count\":10", "\"count\":11").await;
    })
    .await;
}

#[tokio::test]
async fn a_link_that_a_stranger_has_signed_is_found() {
    found(Depth::Chain, Code::UnknownKey, |bench| async move {
        replace_link(&bench, 2, &key("stranger", 9), |_| {}).await;
    })
    .await;
}

#[tokio::test]
async fn a_link_that_was_signed_anew_with_the_archives_own_key_is_found() {
    // The key that lies on the disk signs takeovers; the key of an epoch is gone with the process that had it.
    found(Depth::Chain, Code::UnknownKey, |bench| async move {
        replace_link(&bench, 2, &key("acme", 1), |link| {
            let Body::Data(data) = &mut link.body else { panic!("data") };
            data.ts = None;
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn an_older_link_in_the_place_of_another_is_found() {
    found(Depth::Chain, Code::Misplaced, |bench| async move {
        let older = bench.raw(&log().link(0, 1)).await;
        put(&bench, &log().link(0, 3), older).await;
    })
    .await;
}

#[tokio::test]
async fn a_chain_of_another_partition_is_found() {
    found(Depth::Chain, Code::Misplaced, |bench| async move {
        for seq in 0..5 {
            let bytes = bench.raw(&log().link(0, seq)).await;
            put(&bench, &log().link(1, seq), bytes).await;
        }
    })
    .await;
}

#[tokio::test]
async fn links_of_another_archive_are_found() {
    found(Depth::Chain, Code::Misplaced, |bench| async move {
        let other = archive().await;
        for seq in 0..5 {
            put(&bench, &log().link(0, seq), other.raw(&log().link(0, seq)).await).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_digest_that_was_taken_away_is_found() {
    found(Depth::Chain, Code::DigestMissing, |bench| async move {
        delete(&bench, &digests(&bench).await[1]).await;
    })
    .await;
}

#[tokio::test]
async fn the_first_digest_is_missed_too() {
    found(Depth::Chain, Code::DigestMissing, |bench| async move {
        delete(&bench, &digests(&bench).await[0]).await;
    })
    .await;
}

#[tokio::test]
async fn an_edited_digest_is_found() {
    found(Depth::Chain, Code::BadSignature, |bench| async move {
        let name = &digests(&bench).await[2];
        let text = String::from_utf8(bench.raw(name).await.to_vec()).unwrap();
        put(&bench, name, text.replacen("\"late\":false", "\"late\":true", 1)).await;
    })
    .await;
}

#[tokio::test]
async fn an_object_that_is_no_note_is_found() {
    found(Depth::Chain, Code::Malformed, |bench| async move {
        put(&bench, &log().link(0, 2), Bytes::from_static(b"nothing")).await;
    })
    .await;
}

#[tokio::test]
async fn a_dropped_record_is_found() {
    found(Depth::Records, Code::Reordered, |bench| async move {
        rewrite(&bench, 2, |lines| drop(lines.remove(4))).await;
    })
    .await;
}

#[tokio::test]
async fn a_record_that_is_there_twice_is_found() {
    found(Depth::Records, Code::Reordered, |bench| async move {
        rewrite(&bench, 2, |lines| lines.insert(4, lines[4].clone())).await;
    })
    .await;
}

#[tokio::test]
async fn reordered_records_are_found() {
    found(Depth::Records, Code::Reordered, |bench| async move {
        rewrite(&bench, 2, |lines| lines.swap(4, 5)).await;
    })
    .await;
}

#[tokio::test]
async fn a_record_that_is_missing_at_the_end_is_found() {
    found(Depth::Records, Code::Count, |bench| async move {
        rewrite(&bench, 2, |lines| drop(lines.pop())).await;
    })
    .await;
}

#[tokio::test]
async fn a_changed_record_is_found_by_the_tree() {
    found(Depth::Records, Code::Root, |bench| async move {
        rewrite(&bench, 2, |lines| lines[3] = lines[3].replace("{\"n\":13}", "{\"n\":93}")).await;
    })
    .await;
}

#[tokio::test]
async fn a_forged_continuation_is_found() {
    found(Depth::Chain, Code::UnknownKey, |bench| async move {
        let head = chain::parse("it", &bench.raw(&log().link(0, 4)).await).unwrap();
        let mut link = head.link.clone();
        (link.seq, link.prev) = (5, head.hash);
        put(&bench, &log().link(0, 5), note::sign(&link.to_text(), &key("stranger", 9))).await;
    })
    .await;
}

#[tokio::test]
async fn an_archive_that_nobody_touched_never_alarms() {
    let bench = archive().await;
    for depth in [Depth::Chain, Depth::Bytes, Depth::Records] {
        let report = bench.verify(depth).await;
        assert_eq!(report.findings, []);
        assert_eq!((report.digests, report.partitions[0].stored), (3, 40));
        let sentence = report.partitions[0].sentence(depth);
        assert!(sentence.contains("offsets 0..40 (40): stored 40, without a record 0, lost 0"), "{sentence}");
    }
    let note = Note::parse(&bench.raw(layout::ARCHIVE).await).unwrap();
    assert!(note.verify([key("acme", 1).public()]).is_ok());
}
