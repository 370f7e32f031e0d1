//! Credentials that are replaced in their file and at the receiver, in either order.

use std::path::Path;
use std::sync::Arc;

use super::{Bank, Subject, TOKEN, Target, failure_of, send};
use crate::reason::Reason;
use crate::secret::{Secret, SecretSource};
use crate::sink::{Refreshed, Sink};

const NEW: &str = "00000000-0000-4000-8000-00c0ffee0002";

pub(in crate::sink) async fn all(subject: Arc<dyn Subject>) {
    what_is_refused_is_read_again_at_once(&subject).await;
    without_credentials_that_are_taken_delivery_holds(&subject).await;
    what_cannot_be_used_changes_nothing(&subject).await;
    a_receiver_that_mends_its_ways_is_delivered_to(&subject).await;
}

fn sink_with(subject: &Arc<dyn Subject>, bank: &Bank, file: &Path) -> Arc<dyn Sink> {
    std::fs::write(file, TOKEN).unwrap();
    let token = SecretSource::in_file(file.to_owned(), Secret::new(TOKEN.into()));
    subject.sink(&Target { token, ..Target::new(&bank.url()) })
}

async fn what_is_refused_is_read_again_at_once(subject: &Arc<dyn Subject>) {
    let (bank, file) = (Bank::open(subject).await, tempfile::NamedTempFile::new().unwrap());
    let sink = sink_with(subject, &bank, file.path());
    assert_eq!(send(&*sink, 0).await, "delivered");
    std::fs::write(file.path(), format!("{NEW}\n")).unwrap();
    bank.knows(&[NEW]);
    assert_eq!(send(&*sink, 1).await, "delivered", "nobody has looked at the file in between");
    assert!(matches!(sink.refresh().as_slice(), [Refreshed::InUse { .. }]), "it is told");
    assert_eq!(sink.refresh(), [], "once");
    assert!(bank.taken().values().all(|times| *times == 1));
}

async fn without_credentials_that_are_taken_delivery_holds(subject: &Arc<dyn Subject>) {
    let (bank, file) = (Bank::open(subject).await, tempfile::NamedTempFile::new().unwrap());
    let sink = sink_with(subject, &bank, file.path());
    bank.knows(&["another"]);
    std::fs::write(file.path(), NEW).unwrap();
    let failure = failure_of(&*sink, 0).await;
    assert_eq!(failure.reason, Reason::Unauthorized);
    assert!(!failure.detail.contains(NEW) && !failure.detail.contains(TOKEN), "{failure}");
    assert!(bank.taken().is_empty());
}

async fn what_cannot_be_used_changes_nothing(subject: &Arc<dyn Subject>) {
    let (bank, file) = (Bank::open(subject).await, tempfile::NamedTempFile::new().unwrap());
    let sink = sink_with(subject, &bank, file.path());
    for content in ["", "two\nlines", "bell\u{7}"] {
        std::fs::write(file.path(), content).unwrap();
        assert_eq!(sink.refresh(), [], "it may still be being written");
        let news = sink.refresh();
        assert!(matches!(news.as_slice(), [Refreshed::Unusable { .. }]), "{content:?}: {news:?}");
        assert_eq!(send(&*sink, 0).await, "delivered", "{content:?}");
    }
}

async fn a_receiver_that_mends_its_ways_is_delivered_to(subject: &Arc<dyn Subject>) {
    let bank = Bank::open(subject).await;
    let sink = subject.sink(&Target::new(&bank.url()));
    bank.knows(&["other"]);
    assert_eq!(send(&*sink, 0).await, "hold unauthorized");
    bank.knows(&["other", TOKEN]);
    assert_eq!(send(&*sink, 0).await, "delivered");
}
