//! The broker's `server.properties`.

use std::path::Path;

use super::{CLIENT, FORWARDER, STRANGER};
use crate::support::certificates::Certificates;
use crate::support::ports::free_port;

#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub plaintext: u16,
    pub sasl_ssl: u16,
    pub sasl_plaintext: u16,
    pub ssl: u16,
    controller: u16,
}

impl Ports {
    pub fn free() -> Self {
        Self {
            plaintext: free_port(),
            sasl_ssl: free_port(),
            sasl_plaintext: free_port(),
            ssl: free_port(),
            controller: free_port(),
        }
    }
}

pub fn text(ports: Ports, home: &Path, certificates: &Certificates) -> String {
    [node(ports, home), security(certificates), pace()].concat()
}

fn node(ports: Ports, home: &Path) -> String {
    let Ports { plaintext, sasl_ssl, sasl_plaintext, ssl, controller } = ports;
    let data = home.join("data").display().to_string();
    format!(
        "\
node.id=1
process.roles=broker,controller
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listeners=PLAINTEXT://127.0.0.1:{plaintext},SASL_SSL://127.0.0.1:{sasl_ssl},\
SASL_PLAINTEXT://127.0.0.1:{sasl_plaintext},SSL://127.0.0.1:{ssl},CONTROLLER://127.0.0.1:{controller}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,\
CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
"
    )
}

fn security(certificates: &Certificates) -> String {
    let key_store = certificates.server_key_and_certificate.display();
    let trust_store = certificates.ca.display();
    let plain = [FORWARDER, STRANGER].map(|login| format!("user_{}=\"{}\"", login.user, login.password)).join(" ");
    let mut text = format!(
        "\
ssl.keystore.type=PEM
ssl.keystore.location={key_store}
ssl.truststore.type=PEM
ssl.truststore.location={trust_store}
listener.name.ssl.ssl.client.auth=required
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:{};User:CN={CLIENT}
",
        FORWARDER.user
    );
    let modules = "org.apache.kafka.common.security";
    for listener in ["sasl_ssl", "sasl_plaintext"] {
        let prefix = format!("listener.name.{listener}");
        text += &format!("{prefix}.plain.sasl.jaas.config={modules}.plain.PlainLoginModule required {plain};\n");
        for mechanism in ["scram-sha-256", "scram-sha-512"] {
            text += &format!("{prefix}.{mechanism}.sasl.jaas.config={modules}.scram.ScramLoginModule required;\n");
        }
    }
    text
}

/// What makes a single node quick to start, quick to notice dead members, and able to take the 5 MB events of the tests.
/// A killed broker may only come back when its last session has timed out.
/// Nothing expires unless the topic says so: records with timestamps of long ago must stay.
fn pace() -> String {
    "\
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
group.consumer.min.session.timeout.ms=1000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=100
group.consumer.heartbeat.interval.ms=500
message.max.bytes=16777216
log.cleaner.dedupe.buffer.size=8388608
log.cleaner.backoff.ms=500
log.retention.ms=-1
log.retention.check.interval.ms=500
log.initial.task.delay.ms=500
"
    .to_owned()
}
