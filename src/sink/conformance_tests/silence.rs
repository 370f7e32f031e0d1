//! Nobody listens, nobody answers, or not in time: tried again, and delivered once somebody does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpSocket, TcpStream};

use super::{Bank, Fault, Subject, Target, send};
use crate::demo::receiver::{ReceiverStandIn, Reply};

const SHORT: Duration = Duration::from_millis(200);

pub(in crate::sink) async fn all(subject: Arc<dyn Subject>) {
    no_answer(&subject).await;
    lost_answer(&subject).await;
    nobody_listens(&subject).await;
    connections_hang(&subject).await;
    unknown_host(&subject).await;
}

async fn no_answer(subject: &Arc<dyn Subject>) {
    let bank = Bank::open(subject).await;
    let sink = subject.sink(&Target::new(&bank.url()).within(SHORT));
    bank.misbehave(Some(Fault { reply: Reply::Silence, takes: false, left: Some(1) }));
    let began = Instant::now();
    assert_eq!(send(&*sink, 0).await, "retry timeout");
    assert!(began.elapsed() < SHORT * 10, "an attempt ends within its limit");
    assert_eq!(send(&*sink, 0).await, "delivered");
}

/// The server has taken the event, and nobody knows.
async fn lost_answer(subject: &Arc<dyn Subject>) {
    let bank = Bank::open(subject).await;
    let sink = subject.sink(&Target::new(&bank.url()));
    bank.misbehave(Some(Fault { reply: Reply::Close, takes: true, left: Some(1) }));
    assert_eq!(send(&*sink, 0).await, "retry network");
    assert_eq!(bank.parcels(&**subject).len(), 1, "it is not sent again within the attempt");
}

async fn nobody_listens(subject: &Arc<dyn Subject>) {
    let bank = Bank::open(subject).await;
    let sink = subject.sink(&Target::new(&bank.url()));
    let (address, receiver) = (bank.server.address().to_string(), bank.server.receiver().clone());
    drop(bank);
    // The port closes when the runtime has dropped the task: until then a connection may be accepted and closed.
    while send(&*sink, 0).await != "retry connect" {
        tokio::task::yield_now().await;
    }
    let _server = ReceiverStandIn::start_on(&address, receiver).await.unwrap();
    assert_eq!(send(&*sink, 0).await, "delivered");
}

/// Method: a listener whose queue of connections is full drops the SYN of the next one, as a firewall does.
async fn connections_hang(subject: &Arc<dyn Subject>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(SHORT, TcpStream::connect(address)).await {
        waiting.push(stream.unwrap());
        assert!(waiting.len() < 64, "the queue is short");
    }
    let mut target = Target::new(&format!("http://{address}"));
    target.transport.connect = SHORT;
    assert_eq!(send(&*subject.sink(&target), 0).await, "retry connect");
}

async fn unknown_host(subject: &Arc<dyn Subject>) {
    let sink = subject.sink(&Target::new("https://receiver.invalid:8088"));
    assert_eq!(send(&*sink, 0).await, "retry connect");
}
