//! The proof that one record is in the archive.

use super::bench::{Bench, log, parcel};
use super::is_delivered;
use crate::archive::key::testing::key;
use crate::archive::proof::{Proof, prove};
use crate::sink::Sink;

#[tokio::test]
async fn each_record_is_proven_to_who_has_the_first_public_key_and_nothing_else() {
    let bench = Bench::new();
    let first = bench.archive();
    bench.take_over(&first).await.unwrap();
    assert!(is_delivered(&first.attempt(0, parcel(3..10)).await));
    let second = bench.signed_by(key("acme", 2), Some(key("acme", 1)));
    bench.take_over(&second).await.unwrap();
    assert!(is_delivered(&second.attempt(0, parcel(12..17)).await));
    let trust = [key("acme", 1).public().clone()];
    for offset in (3..10).chain(12..17) {
        let proof = prove(&bench.store, &log(), 0, offset).await.unwrap();
        let read = Proof::parse(&serde_json::to_string(&proof).unwrap()).unwrap();
        let proven = read.check(&trust).unwrap();
        assert_eq!((proven.offset, proven.partition), (offset, 0));
        assert!(read.line.contains(&format!("{{\"n\":{offset}}}")), "{}", read.line);
    }
    for (offset, words) in [(2, "does not reach"), (10, "no_record"), (17, "does not reach")] {
        let refused = prove(&bench.store, &log(), 0, offset).await.unwrap_err();
        assert!(refused.contains(words), "{offset}: {refused}");
    }
}

#[tokio::test]
async fn a_changed_proof_proves_nothing() {
    let bench = Bench::new();
    let archive = bench.archive();
    bench.take_over(&archive).await.unwrap();
    assert!(is_delivered(&archive.attempt(0, parcel(0..9)).await));
    let proof = prove(&bench.store, &log(), 0, 4).await.unwrap();
    let trust = [key("acme", 1).public().clone()];
    assert!(proof.check(&trust).is_ok());
    let other = prove(&bench.store, &log(), 0, 5).await.unwrap();
    let changed = [
        Proof { line: proof.line.replace("{\"n\":4}", "{\"n\":44}"), ..proof.clone() },
        Proof { line: other.line.clone(), ..proof.clone() },
        Proof { path: other.path.clone(), ..proof.clone() },
        Proof { path: Vec::new(), ..proof.clone() },
        Proof { link: proof.takeover.clone(), ..proof.clone() },
        Proof { takeover: proof.link.clone(), ..proof.clone() },
        Proof { link: proof.link.replace("\"count\":9", "\"count\":10"), ..proof.clone() },
    ];
    for (number, proof) in changed.iter().enumerate() {
        assert!(proof.check(&trust).is_err(), "change {number}");
    }
    assert!(proof.check(&[key("acme", 9).public().clone()]).unwrap_err().contains("nobody vouches"));
}
