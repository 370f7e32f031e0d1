//! Tokens that are replaced in their file and in Splunk, in either order, as far as that is HEC's own: the former token is used on.

use std::path::Path;

use super::*;
use crate::sink::Refreshed;

/// A sink whose token lies in a file.
fn sink_with_token(server: &HecStandIn, file: &Path, level: DeliveryLevel) -> SplunkHec {
    std::fs::write(file, TOKEN).unwrap();
    let token = SecretSource::in_file(file.to_owned(), Secret::new(TOKEN.into()));
    SplunkHec::new(&HecConfig { token, delivery: level, ..config(&[&server.url()]) }).unwrap()
}

async fn server_with(tokens: &[&str]) -> HecStandIn {
    let tokens = tokens.iter().map(|token| Token::new(token).with_acknowledgement()).collect();
    HecStandIn::start(HecOptions { tokens, ..HecOptions::default() }).await.unwrap()
}

fn knows(server: &HecStandIn, tokens: &[&str]) {
    server.hec().set_tokens(tokens.iter().map(|token| Token::new(token).with_acknowledgement()).collect());
}

/// Requests that asked with this token.
fn asked_with(server: &HecStandIn, token: &str) -> usize {
    let expected = format!("Splunk {token}");
    server.hec().requests().iter().filter(|head| head.header("authorization") == Some(&expected)).count()
}

#[tokio::test]
async fn the_former_token_is_taken_where_the_new_one_is_not_known() {
    let (server, file) = (server_with(&[TOKEN]).await, tempfile::NamedTempFile::new().unwrap());
    let sink = sink_with_token(&server, file.path(), DeliveryLevel::Accepted);
    assert_eq!(send(&sink, 0, &["x"]).await, "delivered");
    std::fs::write(file.path(), "new").unwrap();
    assert_eq!(sink.refresh(), [Refreshed::InUse { what: "token" }]);
    for offset in 1..4 {
        assert_eq!(send(&sink, offset, &["x"]).await, "delivered");
    }
    assert_eq!(asked_with(&server, "new"), 1, "not every request is refused once");
    assert_eq!(sink.refresh(), [Refreshed::FormerTokenTaken { endpoint: 0 }]);
    assert_eq!(sink.refresh(), []);

    // Splunk forgets the former one: the new one is asked for again, at once.
    knows(&server, &["new"]);
    assert_eq!(send(&sink, 4, &["x"]).await, "delivered");
    assert_eq!(sink.refresh(), [Refreshed::NewTokenTaken { endpoint: 0 }]);
    assert_eq!(server.hec().count().events, 5);
}

#[tokio::test]
async fn a_balancer_whose_indexers_know_different_tokens_is_served_with_both() {
    let (server, file) = (server_with(&[TOKEN]).await, tempfile::NamedTempFile::new().unwrap());
    let sink = sink_with_token(&server, file.path(), DeliveryLevel::Accepted);
    assert_eq!(send(&sink, 0, &["x"]).await, "delivered");
    std::fs::write(file.path(), "new").unwrap();
    for (offset, known) in (1..).zip(["new", TOKEN, "new", TOKEN, TOKEN, "new"]) {
        knows(&server, &[known]);
        assert_eq!(send(&sink, offset, &["x"]).await, "delivered", "{known}");
    }
}

#[tokio::test]
async fn a_new_token_that_no_header_can_carry_is_told_and_the_old_one_stays() {
    let (server, file) = (server_with(&[TOKEN]).await, tempfile::NamedTempFile::new().unwrap());
    let sink = sink_with_token(&server, file.path(), DeliveryLevel::Accepted);
    for (content, words) in [("Splunk new", "a space"), ("", "one line of text")] {
        std::fs::write(file.path(), content).unwrap();
        assert_eq!(sink.refresh(), [], "it may still be being written");
        let news = sink.refresh();
        let [Refreshed::Unusable { what: "token", problem }] = news.as_slice() else { panic!("{news:?}") };
        assert!(problem.contains(words), "{problem}");
        assert_eq!(send(&sink, 0, &["x"]).await, "delivered");
    }
}

#[tokio::test]
async fn an_acknowledgement_is_asked_for_with_the_token_that_is_known() {
    let (server, file) = (server_with(&[TOKEN]).await, tempfile::NamedTempFile::new().unwrap());
    let sink = sink_with_token(&server, file.path(), DeliveryLevel::Indexed);
    server.hec().withhold_acks(true);
    let Attempt::Pending(proof) = sink.attempt(0, parcel(&sink, 0, &["x"])).await else { panic!("not taken") };
    std::fs::write(file.path(), "new").unwrap();
    knows(&server, &["new"]);
    server.hec().withhold_acks(false);
    assert_eq!(short(proof.await).await, "delivered");
    assert_eq!(server.hec().count().duplicates, 0);
}
