//! The connector against a scripted SMSC that writes and reads raw octets on real sockets.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use model::{
    AttemptId, Cause, Content, Fault, MessageId, NetworkEvent, Phone, ReceiptStatus, Recipient, RouteName,
    Span, Time,
    content::Text,
    message::{Extras, Priority},
    network::InboundContent,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::{super::Smpp, settings};
use crate::{BoxFuture, Connector, NotStored, Parcel, Sessions, Sink, Submitted};

/// Longest that any step of a test may take.
const PATIENCE: Duration = Duration::from_secs(10);
const VERSION: &[u8] = b"smsc\0\x02\x10\0\x01\x34";

/// Passes events on, failing as often as told.
struct Desk {
    events: mpsc::UnboundedSender<NetworkEvent>,
    failures: Mutex<u32>,
}

impl Sink for Desk {
    fn deliver<'a>(
        &'a self,
        _route: &'a RouteName,
        events: Vec<NetworkEvent>,
    ) -> BoxFuture<'a, Result<(), NotStored>> {
        let mut failures = self.failures.lock().expect("no test panics with it");
        if *failures > 0 {
            *failures -= 1;
            return Box::pin(async { Err(NotStored) });
        }
        for event in events {
            self.events.send(event).expect("the test listens");
        }
        Box::pin(async { Ok(()) })
    }
}

/// The connector under test and the SMSC's door.
struct Stage {
    smpp: Arc<Smpp>,
    listener: TcpListener,
    events: mpsc::UnboundedReceiver<NetworkEvent>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Stage {
    async fn new(more: &str) -> Self {
        Self::failing(more, 0).await
    }

    /// With a desk that cannot store this many times.
    async fn failing(more: &str, failures: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has ports");
        let mut settings = settings(more);
        settings.port = listener.local_addr().expect("bound").port();
        let smpp = Arc::new(Smpp::new(settings, RouteName::from("sms")).expect("valid settings"));
        let (sender, events) = mpsc::unbounded_channel();
        let desk = Arc::new(Desk { events: sender, failures: Mutex::new(failures) });
        let stop = CancellationToken::new();
        let running = tokio::spawn(Arc::clone(&smpp).run(desk, stop.clone()));
        Self { smpp, listener, events, stop, running }
    }

    async fn accept(&self) -> Peer<TcpStream> {
        Peer { stream: soon(self.listener.accept()).await.expect("a connection").0 }
    }

    /// A peer that bound the connector as a 3.4 transceiver.
    async fn bound(&self) -> Peer<TcpStream> {
        let mut peer = self.accept().await;
        peer.bind(0x09, VERSION).await;
        self.wait_for(|smpp| smpp.health().up).await;
        peer
    }

    async fn wait_for(&self, met: impl Fn(&Smpp) -> bool) {
        soon(async {
            while !met(&self.smpp) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    fn send(&self, text: &str) -> JoinHandle<Result<Submitted, Fault>> {
        let (smpp, parcel) = (Arc::clone(&self.smpp), parcel(text));
        tokio::spawn(async move { smpp.send(&parcel).await })
    }

    async fn event(&mut self) -> NetworkEvent {
        soon(self.events.recv()).await.expect("the connector runs")
    }

    async fn receipt(&mut self) -> (Option<String>, ReceiptStatus) {
        match self.event().await {
            NetworkEvent::Receipt { subject, receipt } => (subject.upstream, receipt.status),
            other => panic!("a receipt, not {other:?}"),
        }
    }
}

async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

async fn answer(sent: JoinHandle<Result<Submitted, Fault>>) -> Result<Vec<String>, Cause> {
    let answer = soon(sent).await.expect("no panic");
    answer.map(|submitted| submitted.upstream).map_err(|fault| fault.cause)
}

fn ids(ids: &[&str]) -> Result<Vec<String>, Cause> {
    Ok(ids.iter().copied().map(String::from).collect())
}

fn parcel(text: &str) -> Parcel {
    let now = Time::from_secs(1_800_000_000);
    Parcel {
        attempt: AttemptId { message: MessageId(1), step: 0, attempt: 0 },
        recipient: Recipient::phone(Phone::parse("+491701234567").expect("digits")),
        sender: Some("Shop".into()),
        content: Content::Text(Text::new(text)),
        extras: Extras::default(),
        priority: Priority::Notice,
        now,
        give_up_at: now + Span::from_secs(90),
    }
}

/// The SMSC's end of a connection.
struct Peer<S> {
    stream: S,
}

/// A PDU: id, status, sequence and body.
type Pdu = (u32, u32, u32, Vec<u8>);

fn octets(id: u32, status: u32, sequence: u32, body: &[u8]) -> Vec<u8> {
    let header = [16 + body.len() as u32, id, status, sequence].map(u32::to_be_bytes).concat();
    [&header[..], body].concat()
}

fn deliver(sequence: u32, esm_class: u8, text: &[u8]) -> Vec<u8> {
    let body = [
        &b"\0\x01\x01491701234567\0\x05\0Shop\0"[..],
        &[esm_class, 0, 0, 0, 0, 0, 0, 0, 0, text.len() as u8],
        text,
    ];
    octets(0x05, 0, sequence, &body.concat())
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    async fn read(&mut self) -> Pdu {
        soon(async {
            let length = self.stream.read_u32().await.expect("a PDU");
            let id = self.stream.read_u32().await.expect("an id");
            let status = self.stream.read_u32().await.expect("a status");
            let sequence = self.stream.read_u32().await.expect("a sequence number");
            let mut body = vec![0; length as usize - 16];
            self.stream.read_exact(&mut body).await.expect("a body");
            (id, status, sequence, body)
        })
        .await
    }

    async fn write(&mut self, octets: &[u8]) {
        soon(self.stream.write_all(octets)).await.expect("the connector reads");
        soon(self.stream.flush()).await.expect("the connector reads");
    }

    async fn bind(&mut self, command: u32, body: &[u8]) {
        let (id, _, sequence, _) = self.read().await;
        assert_eq!(id, command);
        self.write(&octets(id | 0x8000_0000, 0, sequence, body)).await;
    }

    /// Reads a `submit_sm`; gives its sequence number and body.
    async fn submit(&mut self) -> (u32, Vec<u8>) {
        let (id, _, sequence, body) = self.read().await;
        assert_eq!(id, 0x04);
        (sequence, body)
    }

    async fn take(&mut self, sequence: u32, id: &str) {
        self.write(&octets(0x8000_0004, 0, sequence, &[id.as_bytes(), b"\0"].concat())).await;
    }
}

#[tokio::test]
async fn bind_and_submit_are_exact_on_the_wire() {
    let stage = Stage::new("").await;
    let mut peer = stage.accept().await;
    let bind = peer.read().await;
    assert_eq!(bind, (0x09, 0, 1, b"esme\0secret\0\0\x34\0\0\0".to_vec()));
    peer.write(&octets(0x8000_0009, 0, 1, VERSION)).await;
    stage.wait_for(|smpp| smpp.health().text == "bound, 1 of 1 sessions").await;
    let sent = stage.send("Hi @");
    let (sequence, body) = peer.submit().await;
    let expected = b"\0\x05\0Shop\0\x01\x01491701234567\0\0\0\x01\x00000000000130000R\0\x01\0\0\0\x04Hi \0";
    assert_eq!(body, expected);
    peer.take(sequence, "1A36").await;
    assert_eq!(answer(sent).await, ids(&["1A36"]));
}

#[tokio::test]
async fn nothing_is_sent_without_a_session() {
    let stage = Stage::new("").await;
    assert_eq!(answer(stage.send("Hi")).await, Err(Cause::ProviderDown));
    assert!(!stage.smpp.health().up);
}

#[tokio::test]
async fn other_content_than_text_is_refused_unasked() {
    let stage = Stage::new("max_parts = 2").await;
    let check = |content: Content| stage.smpp.check(&content).map_err(|fault| fault.cause);
    assert_eq!(check(Content::Other(serde_json::Value::Null)), Err(Cause::UnsupportedContent));
    assert_eq!(check(Content::Text(Text::new("a".repeat(307)))), Err(Cause::TextTooLong));
    assert_eq!(check(Content::Text(Text::new("a"))), Ok(()));
}

#[tokio::test]
async fn a_receipt_before_the_answer_reaches_the_desk_and_is_answered_after_it() {
    let mut stage = Stage::new("receipt_ids = 'hex_to_dec'").await;
    let mut peer = stage.bound().await;
    let sent = stage.send("Hi");
    let (sequence, _) = peer.submit().await;
    peer.write(&deliver(40, 0x04, b"id:6710 stat:DELIVRD err:000")).await;
    assert_eq!(stage.receipt().await, (Some("6710".into()), ReceiptStatus::Delivered));
    assert_eq!(peer.read().await, (0x8000_0005, 0, 40, vec![0]));
    peer.take(sequence, "1A36").await;
    assert_eq!(answer(sent).await, ids(&["6710"]));
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_for_now() {
    let mut stage = Stage::failing("", 1).await;
    let mut peer = stage.bound().await;
    let told = deliver(5, 0x04, b"id:1 stat:UNDELIV");
    peer.write(&told).await;
    assert_eq!(peer.read().await, (0x8000_0005, 0x64, 5, vec![0]));
    peer.write(&told).await;
    assert_eq!(peer.read().await, (0x8000_0005, 0, 5, vec![0]));
    assert_eq!(stage.receipt().await, (Some("1".into()), ReceiptStatus::Failed(Cause::Undeliverable)));
}

#[tokio::test]
async fn a_throttled_submit_is_reported_or_repeated_as_configured() {
    let stage = Stage::new("on_throttle = 'retry'").await;
    let mut peer = stage.bound().await;
    let sent = stage.send("Hi");
    let (sequence, first) = peer.submit().await;
    peer.write(&octets(0x8000_0004, 0x58, sequence, b"")).await;
    let (sequence, again) = peer.submit().await;
    assert_eq!(first, again);
    peer.take(sequence, "7").await;
    assert_eq!(answer(sent).await, ids(&["7"]));
    let reporting = Stage::new("").await;
    let mut peer = reporting.bound().await;
    let sent = reporting.send("Hi");
    let (sequence, _) = peer.submit().await;
    peer.write(&octets(0x8000_0004, 0x58, sequence, b"")).await;
    let fault = soon(sent).await.expect("no panic").expect_err("throttled");
    assert_eq!((fault.cause, fault.retry_after), (Cause::Throttled, Some(Span::from_secs(1))));
}

#[tokio::test]
async fn a_killed_connection_leaves_written_submits_unknown_and_others_unsent() {
    let stage = Stage::new("window = 2").await;
    let mut peer = stage.bound().await;
    let sent: Vec<_> = (0..4).map(|_| stage.send("Hi")).collect();
    peer.submit().await;
    peer.submit().await;
    drop(peer);
    let mut causes = Vec::new();
    for sent in sent {
        causes.push(answer(sent).await.expect_err("lost"));
    }
    causes.sort();
    use Cause::{OutcomeUnknown, ProviderDown};
    assert_eq!(causes, [ProviderDown, ProviderDown, OutcomeUnknown, OutcomeUnknown]);
    stage.bound().await;
}

#[tokio::test]
async fn octets_one_by_one_and_pdus_in_one_piece_are_understood() {
    let mut stage = Stage::new("").await;
    let mut peer = stage.bound().await;
    peer.stream.set_nodelay(true).expect("a socket");
    for octet in deliver(1, 0x04, b"id:1 stat:DELIVRD") {
        peer.write(&[octet]).await;
    }
    assert_eq!(stage.receipt().await.0.as_deref(), Some("1"));
    assert_eq!(peer.read().await.2, 1);
    let several = [
        deliver(2, 0x04, b"id:2 stat:DELIVRD"),
        octets(0x15, 0, 3, b""),
        deliver(4, 0x04, b"id:4 stat:EXPIRED"),
    ];
    peer.write(&several.concat()).await;
    assert_eq!(stage.receipt().await.0.as_deref(), Some("2"));
    assert_eq!(stage.receipt().await.0.as_deref(), Some("4"));
    let mut answered = [peer.read().await.2, peer.read().await.2, peer.read().await.2];
    answered.sort_unstable();
    assert_eq!(answered, [2, 3, 4]);
}

#[tokio::test]
async fn a_peer_of_version_3_3_gets_no_tlvs() {
    let stage = Stage::new("long_messages = 'sar'").await;
    let mut peer = stage.accept().await;
    peer.bind(0x09, b"smsc\0").await;
    stage.wait_for(|smpp| smpp.health().up).await;
    let sent = stage.send(&"a".repeat(161));
    let (first, body) = peer.submit().await;
    let (second, last) = peer.submit().await;
    assert!(body.ends_with(&[b'a'; 153]));
    assert!(last.ends_with(&[&[5, 0, 3, 1, 2, 2][..], &[b'a'; 8]].concat()));
    peer.take(second, "two").await;
    peer.take(first, "one").await;
    assert_eq!(answer(sent).await, ids(&["one", "two"]));
}

#[tokio::test]
async fn a_pair_submits_on_one_link_and_hears_on_the_other() {
    let mut stage = Stage::new("bind = 'transmitter_receiver'").await;
    let (mut one, mut other) = (stage.accept().await, stage.accept().await);
    let (first, second) = (one.read().await, other.read().await);
    one.write(&octets(first.0 | 0x8000_0000, 0, first.2, VERSION)).await;
    other.write(&octets(second.0 | 0x8000_0000, 0, second.2, VERSION)).await;
    let (mut transmitter, mut receiver) = if first.0 == 0x02 { (one, other) } else { (other, one) };
    stage.wait_for(|smpp| smpp.health().text == "bound, 2 of 2 sessions").await;
    let sent = stage.send("Hi");
    let (sequence, _) = transmitter.submit().await;
    transmitter.take(sequence, "9").await;
    assert_eq!(answer(sent).await, ids(&["9"]));
    receiver.write(&deliver(1, 0x04, b"id:9 stat:DELIVRD")).await;
    assert_eq!(stage.receipt().await, (Some("9".into()), ReceiptStatus::Delivered));
}

#[tokio::test]
async fn several_sessions_share_the_work() {
    let stage = Stage::new("sessions = 2").await;
    let (mut one, mut other) = (stage.accept().await, stage.accept().await);
    one.bind(0x09, VERSION).await;
    other.bind(0x09, VERSION).await;
    stage.wait_for(|smpp| smpp.health().text == "bound, 2 of 2 sessions").await;
    assert_eq!(stage.smpp.sessions(), Some(Sessions { wanted: 2, bound: 2, binds: 2 }));
    let sent = [stage.send("a"), stage.send("b")];
    let (sequence, _) = one.submit().await;
    one.take(sequence, "x").await;
    let (sequence, _) = other.submit().await;
    other.take(sequence, "x").await;
    for sent in sent {
        assert_eq!(answer(sent).await, ids(&["x"]));
    }
}

#[tokio::test]
async fn a_peer_that_unbinds_is_answered_and_connected_to_again() {
    let stage = Stage::new("window = 1").await;
    let mut peer = stage.bound().await;
    let sent = stage.send("Hi");
    let (sequence, _) = peer.submit().await;
    peer.write(&octets(0x06, 0, 77, b"")).await;
    assert_eq!(peer.read().await, (0x8000_0006, 0, 77, vec![]));
    peer.take(sequence, "late").await;
    assert_eq!(answer(sent).await, ids(&["late"]));
    stage.bound().await;
}

#[tokio::test]
async fn a_peer_that_answers_no_probe_is_connected_to_again() {
    let stage = Stage::new("enquire_link_s = 1\nenquire_timeout_ms = 50").await;
    let mut peer = stage.bound().await;
    let sent = stage.send("Hi");
    peer.submit().await;
    assert_eq!((peer.read().await.0, peer.read().await.0), (0x15, 0x15));
    assert_eq!(answer(sent).await, Err(Cause::OutcomeUnknown));
    stage.bound().await;
    let error = stage.smpp.health().last_error;
    assert_eq!(error.as_deref(), Some("session ended: no answer to enquire_link"));
}

#[tokio::test]
async fn stopping_drains_unbinds_and_ends() {
    let stage = Stage::new("").await;
    let mut peer = stage.bound().await;
    let sent = stage.send("Hi");
    let (sequence, _) = peer.submit().await;
    stage.stop.cancel();
    peer.take(sequence, "last").await;
    assert_eq!(answer(sent).await, ids(&["last"]));
    let (id, _, sequence, _) = peer.read().await;
    assert_eq!(id, 0x06);
    peer.write(&octets(0x8000_0006, 0, sequence, b"")).await;
    soon(stage.running).await.expect("no panic");
}

#[tokio::test]
async fn a_recall_is_true_only_if_every_part_was_cancelled() {
    let stage = Stage::new("").await;
    let mut peer = stage.bound().await;
    for (statuses, expected) in [([0, 0], true), ([0, 0x11], false)] {
        let smpp = Arc::clone(&stage.smpp);
        let recall = tokio::spawn(async move {
            let parcel = parcel("Hi");
            smpp.recall(parcel.attempt, &["A".into(), "B".into()], &parcel).await
        });
        for (status, id) in statuses.into_iter().zip(["A", "B"]) {
            let (command, _, sequence, body) = peer.read().await;
            assert_eq!(command, 0x08);
            assert_eq!(body, format!("\0{id}\0\x05\0Shop\0\x01\x01491701234567\0").into_bytes());
            peer.write(&octets(0x8000_0008, status, sequence, b"")).await;
        }
        assert_eq!(soon(recall).await.expect("no panic"), expected);
    }
}

#[tokio::test]
async fn a_refused_bind_is_told_in_the_health() {
    let stage = Stage::new("").await;
    let mut peer = stage.accept().await;
    let (_, _, sequence, _) = peer.read().await;
    peer.write(&octets(0x8000_0009, 0x0E, sequence, b"")).await;
    stage.wait_for(|smpp| smpp.health().last_error.is_some()).await;
    let health = stage.smpp.health();
    assert_eq!(health.text, "not bound, 0 of 1 sessions");
    assert_eq!(health.last_error.as_deref(), Some("bind refused: 0x0000000E ESME_RINVPASWD"));
}

#[tokio::test]
async fn a_message_from_a_person_reaches_the_desk_whole() {
    let mut stage = Stage::new("").await;
    let mut peer = stage.bound().await;
    peer.write(&deliver(1, 0x40, b"\x05\x00\x03\x07\x02\x02world")).await;
    assert_eq!(peer.read().await, (0x8000_0005, 0, 1, vec![0]));
    peer.write(&deliver(2, 0x40, b"\x05\x00\x03\x07\x02\x01hello ")).await;
    let NetworkEvent::Inbound(inbound) = stage.event().await else { panic!("a message") };
    assert_eq!((&inbound.from[..], &inbound.to[..]), ("491701234567", "Shop"));
    assert_eq!(inbound.content, InboundContent::Text("hello world".into()));
    assert_eq!(peer.read().await, (0x8000_0005, 0, 2, vec![0]));
}

#[tokio::test]
async fn the_link_may_be_encrypted() {
    let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/src/smpp/tests/tls/ca.pem");
    let stage = Stage::new(&format!("tls = true\nca_file = '{ca}'")).await;
    let (stream, _) = soon(stage.listener.accept()).await.expect("a connection");
    let stream = soon(acceptor().accept(stream)).await.expect("a handshake");
    let mut peer = Peer { stream };
    peer.bind(0x09, VERSION).await;
    stage.wait_for(|smpp| smpp.health().up).await;
    let sent = stage.send("Hi");
    let (sequence, _) = peer.submit().await;
    peer.take(sequence, "secret").await;
    assert_eq!(answer(sent).await, ids(&["secret"]));
}

fn acceptor() -> tokio_rustls::TlsAcceptor {
    use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/smsc.pem")).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/smsc.key")).expect("PEM");
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring has them")
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .expect("they fit");
    tokio_rustls::TlsAcceptor::from(Arc::new(config))
}
