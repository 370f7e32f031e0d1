//! A receiver of webhooks with a runtime of its own, for tests that have none.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use auditferry::demo::hec::Answer;
use auditferry::demo::receiver::{Receiver, ReceiverStandIn, Reply, Request};
use tokio::runtime::Runtime;

use super::waiting::wait_until;

/// Joining a group takes seconds, and a machine of two cores has other work.
const LIMIT: Duration = Duration::from_secs(40);

/// What it does with requests.
#[derive(Clone, Debug)]
pub struct Manners {
    /// The bearer token that it takes; any other is answered with 401.
    pub token: String,
    /// So many requests are answered with 503 first.
    pub busy: usize,
    /// A body with this word is answered with 400.
    pub refuses: Option<String>,
}

#[derive(Debug)]
pub struct WebhookReceiver {
    manners: Arc<Mutex<Manners>>,
    taken: Arc<Mutex<Vec<Request>>>,
    stand_in: ReceiverStandIn,
    _runtime: Runtime,
}

impl WebhookReceiver {
    pub fn start(manners: Manners) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (manners, taken) = (Arc::new(Mutex::new(manners)), Arc::new(Mutex::new(Vec::new())));
        let (said, kept) = (Arc::clone(&manners), Arc::clone(&taken));
        let receiver = Receiver::new(move |request| {
            let status = answer(&mut said.lock().unwrap(), request);
            if status == 202 {
                kept.lock().unwrap().push(request.clone());
            }
            Reply::Answer(Answer::json(status, "{}"))
        });
        let stand_in = runtime.block_on(ReceiverStandIn::start(receiver)).expect("listen on a free port");
        Self { manners, taken, stand_in, _runtime: runtime }
    }

    pub fn url(&self) -> String {
        self.stand_in.url()
    }

    pub fn change(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.manners.lock().unwrap());
    }

    /// The requests that were answered with 202.
    pub fn taken(&self) -> Vec<Request> {
        self.taken.lock().unwrap().clone()
    }

    /// Every request, however it was answered.
    pub fn requests(&self) -> Vec<Request> {
        self.stand_in.receiver().requests()
    }

    #[track_caller]
    pub fn wait_for(&self, count: usize) {
        wait_until(LIMIT, &format!("{count} requests were taken"), || self.taken().len() >= count);
    }
}

fn answer(manners: &mut Manners, request: &Request) -> u16 {
    let token = request.head.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let refused = |word: &String| String::from_utf8_lossy(&request.body).contains(word.as_str());
    match () {
        () if token != Some(manners.token.as_str()) => 401,
        () if manners.busy > 0 => {
            manners.busy -= 1;
            503
        }
        () if manners.refuses.as_ref().is_some_and(refused) => 400,
        () => 202,
    }
}
