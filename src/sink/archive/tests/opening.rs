//! Whose archive it is, and what the store must be able to do.

use super::bench::{Bench, parcel, task};
use super::is_delivered;
use crate::archive::key::testing::key;
use crate::archive::verify::{Code, Depth, verify};
use crate::reason::Reason;
use crate::sink::Sink;

#[tokio::test]
async fn a_store_that_ignores_the_condition_is_refused() {
    let bench = Bench::without_conditions();
    assert_eq!(bench.take_over(&bench.archive()).await, Err(Reason::NoFencing));
}

#[tokio::test]
async fn an_archive_of_another_key_is_left_alone() {
    let bench = Bench::new();
    bench.take_over(&bench.archive()).await.unwrap();
    let stranger = bench.signed_by(key("acme", 2), None);
    assert_eq!(bench.take_over(&stranger).await, Err(Reason::ArchiveMismatch));
    let unrelated = bench.signed_by(key("acme", 2), Some(key("acme", 3)));
    assert_eq!(bench.take_over(&unrelated).await, Err(Reason::ArchiveMismatch));
}

#[tokio::test]
async fn a_new_key_is_announced_by_the_one_before_it_and_then_stands_by_itself() {
    let bench = Bench::new();
    let first = bench.archive();
    bench.take_over(&first).await.unwrap();
    assert!(is_delivered(&first.attempt(0, parcel(0..3)).await));
    let second = bench.signed_by(key("acme", 2), Some(key("acme", 1)));
    assert_eq!(bench.take_over(&second).await, Ok(Some(3)));
    assert!(is_delivered(&second.attempt(0, parcel(3..6)).await));
    let third = bench.signed_by(key("acme", 3), Some(key("acme", 2)));
    assert_eq!(bench.take_over(&third).await, Ok(Some(6)));
    let without_previous = bench.signed_by(key("acme", 2), None);
    assert_eq!(bench.take_over(&without_previous).await, Ok(Some(6)));
    assert_eq!(bench.verify(Depth::Records).await.findings, [], "the first key vouches for all");
    let only_second = task(vec![key("acme", 2).public().clone()], Depth::Chain);
    let report = verify(&bench.store, &only_second, &|_, _| {}).await.unwrap();
    assert!(report.findings.iter().all(|finding| finding.code == Code::UnknownKey) && !report.findings.is_empty());
}

#[tokio::test]
async fn a_head_that_somebody_else_has_signed_is_not_gone_on_with() {
    let (bench, other) = (Bench::new(), Bench::new());
    let archive = bench.archive();
    bench.take_over(&archive).await.unwrap();
    let stranger = other.signed_by(key("acme", 9), None);
    other.take_over(&stranger).await.unwrap();
    let forged = other.raw(&super::bench::log().link(0, 0)).await;
    bench.store.put(&super::bench::log().link(0, 1), forged, "text/plain").await.unwrap();
    assert_eq!(bench.take_over(&bench.archive()).await, Err(Reason::ArchiveMismatch));
}
