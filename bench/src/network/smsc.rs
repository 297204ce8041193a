//! An SMS centre: answers each `submit_sm` at once and sends the receipt a fixed time later.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::JoinSet,
};

use super::pdu::{self, Said, Submit};
use crate::ledger::{Ledger, Place, message_to};

/// Chunks that may wait to be written to a link; a slow reader makes the centre wait.
const WRITES: usize = 4096;
/// Receipts that may wait to become due.
const RECEIPTS: usize = 4_000_000;
/// How often due receipts are sent.
const TICK: Duration = Duration::from_millis(2);

/// What the centre does with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Takes them.
    Take,
    /// Refuses them: too many.
    Throttle,
    /// Leaves them unanswered.
    Hold,
}

impl Behaviour {
    const ALL: [Self; 3] = [Self::Take, Self::Throttle, Self::Hold];
}

/// A running centre; ends when dropped.
#[derive(Debug)]
pub(crate) struct Smsc {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Ended when dropped.
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    behaviour: AtomicU8,
    silent: AtomicBool,
    ledger: Arc<Ledger>,
    ids: AtomicU64,
    submits: AtomicU64,
    sequences: AtomicU32,
    receivers: Mutex<HashMap<Bytes, Vec<mpsc::Sender<Bytes>>>>,
    due: mpsc::Sender<Receipt>,
}

#[derive(Debug)]
struct Receipt {
    taken: Instant,
    system_id: Bytes,
    id: u64,
    submit: Submit,
}

impl Smsc {
    /// Starts a centre that sends receipts so long after the message.
    ///
    /// # Errors
    /// If it cannot listen.
    pub(crate) async fn start(ledger: Arc<Ledger>, receipt_after: Duration) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (due, waiting) = mpsc::channel(RECEIPTS);
        let shared = Arc::new(Shared {
            behaviour: AtomicU8::new(0),
            silent: AtomicBool::new(false),
            ledger,
            ids: AtomicU64::new(1),
            submits: AtomicU64::new(0),
            sequences: AtomicU32::new(1),
            receivers: Mutex::default(),
            due,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(send_receipts(Arc::clone(&shared), waiting, receipt_after));
        tasks.spawn(listen(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, _tasks: tasks })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes what it does from now on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        let index = Behaviour::ALL.iter().position(|&other| other == behaviour).expect("listed in ALL");
        self.shared.behaviour.store(index as u8, Relaxed);
    }

    /// Keeps due receipts back, or sends them.
    pub(crate) fn keep_silent(&self, silent: bool) {
        self.shared.silent.store(silent, Relaxed);
    }

    /// How many `submit_sm` it got, whatever became of them.
    pub(crate) fn submits(&self) -> u64 {
        self.shared.submits.load(Relaxed)
    }
    /// Whether an ESME that takes receipts is bound.
    pub(crate) fn is_bound(&self) -> bool {
        let receivers = self.shared.receivers.lock().unwrap_or_else(PoisonError::into_inner);
        receivers.values().flatten().any(|link| !link.is_closed())
    }
}

async fn listen(listener: TcpListener, shared: Arc<Shared>) {
    // Links end with their connection or, at the latest, with the runtime.
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(link(stream, Arc::clone(&shared)));
    }
}

async fn link(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let (out, chunks) = mpsc::channel(WRITES);
    let writing = tokio::spawn(write(writer, chunks));
    let mut link = Link { shared, out, system_id: Bytes::new(), answers: BytesMut::new(), ends: false };
    link.read(reader).await;
    drop(link);
    writing.abort();
}

async fn write(mut writer: OwnedWriteHalf, mut chunks: mpsc::Receiver<Bytes>) {
    while let Some(chunk) = chunks.recv().await {
        if writer.write_all(&chunk).await.is_err() {
            break;
        }
    }
}

struct Link {
    shared: Arc<Shared>,
    out: mpsc::Sender<Bytes>,
    system_id: Bytes,
    answers: BytesMut,
    ends: bool,
}

impl Link {
    async fn read(&mut self, mut reader: OwnedReadHalf) {
        let mut buffer = BytesMut::with_capacity(64 * 1024);
        while !self.ends && matches!(reader.read_buf(&mut buffer).await, Ok(1..)) {
            loop {
                match pdu::next(&mut buffer) {
                    Ok(Some((sequence, said))) => self.take(sequence, said),
                    Ok(None) => break,
                    Err(pdu::NotSmpp) => return,
                }
            }
            if !self.answers.is_empty() && self.out.send(self.answers.split().freeze()).await.is_err() {
                return;
            }
        }
    }

    fn take(&mut self, sequence: u32, said: Said) {
        match said {
            Said::Bind { answer, system_id, receives } => self.bind(sequence, answer, system_id, receives),
            Said::Submit(submit) => self.submit(sequence, submit),
            Said::EnquireLink => pdu::put_alive(&mut self.answers, sequence),
            Said::Unbind => {
                pdu::put_unbound(&mut self.answers, sequence);
                self.ends = true;
            }
            Said::Answer => {}
            Said::Unknown => pdu::put_nack(&mut self.answers, sequence),
        }
    }

    fn bind(&mut self, sequence: u32, answer: u32, system_id: Bytes, receives: bool) {
        self.system_id = system_id.clone();
        if receives {
            let mut receivers = self.shared.receivers.lock().unwrap_or_else(PoisonError::into_inner);
            receivers.entry(system_id).or_default().push(self.out.clone());
        }
        pdu::put_bound(&mut self.answers, answer, sequence);
    }

    fn submit(&mut self, sequence: u32, submit: Submit) {
        let shared = &self.shared;
        shared.submits.fetch_add(1, Relaxed);
        match Behaviour::ALL[usize::from(shared.behaviour.load(Relaxed))] {
            Behaviour::Take => self.accept(sequence, submit),
            Behaviour::Throttle => pdu::put_refused(&mut self.answers, sequence, pdu::THROTTLED),
            Behaviour::Hold => {}
        }
    }

    fn accept(&mut self, sequence: u32, submit: Submit) {
        let shared = &self.shared;
        let (taken, id) = (Instant::now(), shared.ids.fetch_add(1, Relaxed));
        if let Some(message) = message_to(&submit.destination) {
            shared.ledger.mark_at(Place::Sms, message, taken);
        }
        pdu::put_submitted(&mut self.answers, sequence, id);
        if submit.receipt {
            let receipt = Receipt { taken, system_id: self.system_id.clone(), id, submit };
            shared.due.try_send(receipt).expect("fewer receipts wait than a run has messages");
        }
    }
}

/// Sends receipts when they are due. All wait equally long, so they become due in order.
async fn send_receipts(shared: Arc<Shared>, mut waiting: mpsc::Receiver<Receipt>, after: Duration) {
    let mut held: VecDeque<Receipt> = VecDeque::new();
    let mut tick = tokio::time::interval(TICK);
    loop {
        tick.tick().await;
        while let Ok(receipt) = waiting.try_recv() {
            held.push_back(receipt);
        }
        if shared.silent.load(Relaxed) {
            continue;
        }
        let count = held.iter().take_while(|receipt| receipt.taken.elapsed() >= after).count();
        send(&shared, held.drain(..count)).await;
    }
}

/// Sends receipts to the receiving links of their ESME, spread evenly.
async fn send(shared: &Shared, receipts: impl Iterator<Item = Receipt>) {
    let stamp = jiff::Timestamp::now().strftime("%y%m%d%H%M").to_string();
    let mut chunks: HashMap<(Bytes, usize), BytesMut> = HashMap::new();
    for receipt in receipts {
        let sequence = shared.sequences.fetch_add(1, Relaxed) & 0x7FFF_FFFF;
        let links = links(shared, &receipt.system_id).len().max(1);
        let key = (receipt.system_id.clone(), sequence as usize % links);
        let chunk = chunks.entry(key).or_default();
        pdu::put_receipt(chunk, sequence.max(1), receipt.id, &receipt.submit, &stamp);
    }
    for ((system_id, turn), chunk) in chunks {
        if let Some(link) = links(shared, &system_id).get(turn) {
            let _ = link.send(chunk.freeze()).await;
        }
    }
}

fn links(shared: &Shared, system_id: &Bytes) -> Vec<mpsc::Sender<Bytes>> {
    let mut receivers = shared.receivers.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(links) = receivers.get_mut(system_id) else { return Vec::new() };
    links.retain(|link| !link.is_closed());
    links.clone()
}
