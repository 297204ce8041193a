//! One SMPP session, from bind to unbind.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use tokio::{
    net::{TcpStream, tcp::OwnedWriteHalf},
    sync::{Semaphore, mpsc, oneshot},
    time::timeout,
};
use tokio_util::codec::{FramedRead, FramedWrite};

use crate::{
    network::Network,
    world::record::{Record, Sms},
};

use super::{
    Smsc, pdu,
    pdu::{Framing, FramingError, Malformed, Pdu, Reader},
    receipt::{self, DELETED, ENROUTE},
    script,
    submit::Submission,
};

/// Time to bind after connecting.
const BIND_WITHIN: Duration = Duration::from_secs(5);
/// Silence after which the SMSC asks whether the client is there.
const ENQUIRE_AFTER: Duration = Duration::from_secs(60);
/// Unanswered questions after which the session is closed.
const MAX_SILENCES: u32 = 2;
/// How long the client may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Most requests of the SMSC that wait for an answer.
const WINDOW: usize = 50;
/// Most requests of the client that wait for an answer; more are throttled.
const CLIENT_WINDOW: usize = 1_000;
/// Most PDUs waiting to be written.
const WRITE_QUEUE: usize = 2_000;

/// A bound session.
#[derive(Debug)]
pub(crate) struct Bound {
    system_id: String,
    command: u32,
    interface_version: u8,
    outgoing: mpsc::Sender<Pdu>,
    window: Semaphore,
    waiting: Mutex<HashMap<u32, oneshot::Sender<u32>>>,
    sequence: AtomicU32,
    unanswered: AtomicUsize,
}

impl Bound {
    /// Whether it takes `deliver_sm`.
    pub(crate) fn receives(&self) -> bool {
        self.command != pdu::BIND_TRANSMITTER && !self.outgoing.is_closed()
    }

    fn transmits(&self) -> bool {
        self.command != pdu::BIND_RECEIVER
    }

    /// Whether it knows optional parameters: clients of SMPP 3.3 do not.
    pub(crate) fn tlvs(&self) -> bool {
        self.interface_version >= 0x34
    }

    /// Sends a request and waits for the status of its answer.
    pub(crate) async fn request(&self, command: u32, body: Bytes) -> Option<u32> {
        let _permit = self.window.acquire().await.ok()?;
        let sequence = self.next_sequence();
        let (answered, answer) = oneshot::channel();
        self.waiting().insert(sequence, answered);
        let sent = self.outgoing.send(Pdu::new(command, sequence, body)).await.is_ok();
        let status = if sent { timeout(ANSWER_WITHIN, answer).await.ok().and_then(Result::ok) } else { None };
        self.waiting().remove(&sequence);
        status
    }

    fn next_sequence(&self) -> u32 {
        let step = |last: u32| Some(if last >= 0x7FFF_FFFF { 1 } else { last + 1 });
        let last = self.sequence.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).unwrap_or(0);
        step(last).unwrap_or(1)
    }

    fn answered(&self, pdu: &Pdu) {
        if let Some(waiting) = self.waiting().remove(&pdu.sequence) {
            let _ = waiting.send(pdu.status);
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<u32, oneshot::Sender<u32>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all waiting, because the connection is gone.
    fn close(&self) {
        self.window.close();
        self.waiting().clear();
    }
}

/// Serves one connection.
pub(crate) async fn serve(smsc: Arc<Smsc>, stream: TcpStream) {
    let (read, write) = stream.into_split();
    let mut incoming = FramedRead::new(read, Framing);
    let (outgoing, queue) = mpsc::channel(WRITE_QUEUE);
    let writer = tokio::spawn(write_all(FramedWrite::new(write, Framing), queue));
    if let Some(session) = bind(&smsc, &mut incoming, &outgoing).await {
        let guard = Registered { smsc: &smsc, session: &session };
        converse(&smsc, &session, &mut incoming).await;
        drop(guard);
    }
    drop(outgoing);
    // The writer ends once every answer that is still under way was written.
    let _ = timeout(ANSWER_WITHIN, writer).await;
}

/// Takes the session off the list however its task ends.
struct Registered<'a> {
    smsc: &'a Smsc,
    session: &'a Arc<Bound>,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.smsc.remove(&self.session.system_id, self.session);
        self.session.close();
    }
}

async fn write_all(mut to: FramedWrite<OwnedWriteHalf, Framing>, mut queue: mpsc::Receiver<Pdu>) {
    let mut batch = Vec::new();
    while queue.recv_many(&mut batch, 64).await > 0 {
        for pdu in batch.drain(..) {
            if to.feed(pdu).await.is_err() {
                return;
            }
        }
        if to.flush().await.is_err() {
            return;
        }
    }
}

type Incoming = FramedRead<tokio::net::tcp::OwnedReadHalf, Framing>;

/// Waits for a good bind. Bad ones are answered before the connection is closed.
async fn bind(smsc: &Smsc, incoming: &mut Incoming, outgoing: &mpsc::Sender<Pdu>) -> Option<Arc<Bound>> {
    loop {
        let pdu = match timeout(BIND_WITHIN, incoming.next()).await.ok()?? {
            Ok(pdu) => pdu,
            Err(error) => return nack(outgoing, &error).await,
        };
        match pdu.command {
            pdu::BIND_RECEIVER | pdu::BIND_TRANSMITTER | pdu::BIND_TRANSCEIVER => {
                let bound = admit(smsc, &pdu, outgoing);
                let status = bound.as_ref().err().copied().unwrap_or(pdu::ROK);
                outgoing.send(bind_answer(&pdu, status)).await.ok()?;
                let session = bound.ok()?;
                if !smsc.add(&session.system_id, Arc::clone(&session)) {
                    return None;
                }
                return Some(session);
            }
            pdu::ENQUIRE_LINK => outgoing.send(pdu.answer(pdu::ROK)).await.ok()?,
            pdu::UNBIND => {
                let _ = outgoing.send(pdu.answer(pdu::ROK)).await;
                return None;
            }
            _ => outgoing.send(pdu.answer(pdu::RINVBNDSTS)).await.ok()?,
        }
    }
}

async fn nack<T>(outgoing: &mpsc::Sender<Pdu>, error: &FramingError) -> Option<T> {
    if matches!(error, FramingError::Length(_)) {
        let nack =
            Pdu { command: pdu::GENERIC_NACK, status: pdu::RINVCMDLEN, sequence: 0, body: Bytes::new() };
        let _ = outgoing.send(nack).await;
    }
    None
}

fn bind_answer(request: &Pdu, status: u32) -> Pdu {
    if status != pdu::ROK {
        return request.answer(status);
    }
    let mut body = BytesMut::new();
    pdu::put_text(&mut body, "courant");
    if interface_version(request).is_ok_and(|version| version >= 0x34) {
        pdu::put_tlv(&mut body, pdu::TLV_INTERFACE_VERSION, &[0x34]);
    }
    Pdu { body: body.freeze(), ..request.answer(status) }
}

fn interface_version(request: &Pdu) -> Result<u8, Malformed> {
    let mut body = Reader::new(&request.body);
    body.text(64)?;
    body.text(64)?;
    body.text(64)?;
    body.byte()
}

/// Checks the credentials of a bind.
fn admit(smsc: &Smsc, request: &Pdu, outgoing: &mpsc::Sender<Pdu>) -> Result<Arc<Bound>, u32> {
    let mut body = Reader::new(&request.body);
    let system_id = body.text(64).map_err(|Malformed| pdu::RBINDFAIL)?;
    let password = body.text(64).map_err(|Malformed| pdu::RBINDFAIL)?;
    let interface_version = interface_version(request).map_err(|Malformed| pdu::RBINDFAIL)?;
    let account =
        smsc.accounts.iter().find(|account| account.system_id == system_id).ok_or(pdu::RINVSYSID)?;
    if account.password != password {
        return Err(pdu::RINVPASWD);
    }
    Ok(Arc::new(Bound {
        system_id,
        command: request.command,
        interface_version,
        outgoing: outgoing.clone(),
        window: Semaphore::new(WINDOW),
        waiting: Mutex::default(),
        sequence: AtomicU32::new(0),
        unanswered: AtomicUsize::new(0),
    }))
}

/// Answers what the client asks, until one of the two ends the session.
async fn converse(smsc: &Arc<Smsc>, session: &Arc<Bound>, incoming: &mut Incoming) {
    let mut silences = 0;
    loop {
        let next = tokio::select! {
            next = timeout(ENQUIRE_AFTER, incoming.next()) => next,
            () = smsc.running.stop.cancelled() => return unbind(session, incoming).await,
        };
        let pdu = match next {
            Ok(Some(Ok(pdu))) => pdu,
            Ok(Some(Err(error))) => return nack(&session.outgoing, &error).await.unwrap_or(()),
            Ok(None) => return,
            Err(_) if silences < MAX_SILENCES => {
                silences += 1;
                let question = Pdu::new(pdu::ENQUIRE_LINK, session.next_sequence(), Bytes::new());
                let _ = session.outgoing.send(question).await;
                continue;
            }
            Err(_) => return,
        };
        silences = 0;
        let over = pdu.command == pdu::UNBIND;
        if let Some(answer) = respond(smsc, session, &pdu)
            && session.outgoing.send(answer).await.is_err()
        {
            return;
        }
        if over {
            return;
        }
    }
}

/// Tells the client that the session ends, and waits a moment for its answer.
async fn unbind(session: &Bound, incoming: &mut Incoming) {
    let request = Pdu::new(pdu::UNBIND, session.next_sequence(), Bytes::new());
    let _ = session.outgoing.send(request).await;
    let answered = async {
        while let Some(Ok(pdu)) = incoming.next().await {
            if pdu.command == pdu::UNBIND | pdu::RESPONSE {
                break;
            }
        }
    };
    let _ = timeout(Duration::from_secs(1), answered).await;
}

/// The answer to a PDU, unless it is given later or never.
fn respond(smsc: &Arc<Smsc>, session: &Arc<Bound>, pdu: &Pdu) -> Option<Pdu> {
    match pdu.command {
        pdu::SUBMIT_SM | pdu::DATA_SM if !session.transmits() => Some(pdu.answer(pdu::RINVBNDSTS)),
        pdu::SUBMIT_SM | pdu::DATA_SM => submit(smsc, session, pdu),
        pdu::QUERY_SM => Some(query(smsc, session, pdu)),
        pdu::CANCEL_SM => Some(cancel(smsc, session, pdu)),
        pdu::ENQUIRE_LINK | pdu::UNBIND => Some(pdu.answer(pdu::ROK)),
        pdu::BIND_RECEIVER | pdu::BIND_TRANSMITTER | pdu::BIND_TRANSCEIVER => Some(pdu.answer(pdu::RALYBND)),
        answer if answer & pdu::RESPONSE != 0 => {
            session.answered(pdu);
            None
        }
        _ => Some(Pdu {
            command: pdu::GENERIC_NACK,
            status: pdu::RINVCMDID,
            sequence: pdu.sequence,
            body: Bytes::new(),
        }),
    }
}

/// Takes a message. An answer that takes its time is sent by a task of its own.
fn submit(smsc: &Arc<Smsc>, session: &Arc<Bound>, pdu: &Pdu) -> Option<Pdu> {
    if session.unanswered.load(Ordering::Relaxed) >= CLIENT_WINDOW || !smsc.switches.admit() {
        return Some(pdu.answer(pdu::RTHROTTLED));
    }
    let (answer, pause) = match accept(smsc, &session.system_id, pdu) {
        Ok((id, pause)) => (pdu.answer_with(pdu::ROK, &receipt::message_id(id)), pause),
        Err(status) => (pdu.answer(status), Duration::ZERO),
    };
    let pause = pause + smsc.switches.latency();
    if pause.is_zero() {
        return Some(answer);
    }
    session.unanswered.fetch_add(1, Ordering::Relaxed);
    let session = Arc::clone(session);
    smsc.running.spawn(async move {
        tokio::time::sleep(pause).await;
        session.unanswered.fetch_sub(1, Ordering::Relaxed);
        let _ = session.outgoing.send(answer).await;
    });
    None
}

/// Records a message and what will become of it, or refuses it.
fn accept(smsc: &Smsc, system_id: &str, pdu: &Pdu) -> Result<(u64, Duration), u32> {
    let submission = Submission::read(pdu)?;
    let world = &smsc.world;
    let number = submission.number.clone();
    world.change(|state| {
        let behaviour = state.behaviour(&number);
        let tries = state.handset(&number).map_or(0, |handset| handset.tries(Network::Sms));
        let mut records = vec![Record::Tried { number: number.clone(), network: Network::Sms }];
        if let Some(status) = script::refusal(behaviour, tries) {
            return (records, Err(status));
        }
        let id = world.fresh_id();
        let answer_ms = script::answer_ms(behaviour);
        let answered_at = world.clock.now() + world.clock.span(answer_ms);
        records.extend(script::plan(world, system_id, id, &submission, behaviour, answered_at));
        (records, Ok((id, world.clock.delay(answer_ms))))
    })
}

fn query(smsc: &Smsc, session: &Bound, pdu: &Pdu) -> Pdu {
    let Some((id, sms)) = known_sms(smsc, session, pdu) else { return pdu.answer(pdu::RINVMSGID) };
    let mut body = BytesMut::new();
    pdu::put_text(&mut body, &receipt::message_id(id));
    let date = sms.final_at.map(|at| format!("{}00000+", crate::clock::receipt_date(at)));
    pdu::put_text(&mut body, &date.unwrap_or_default());
    body.put_slice(&[sms.state, 0]);
    Pdu { body: body.freeze(), ..pdu.answer(pdu::ROK) }
}

fn cancel(smsc: &Smsc, session: &Bound, pdu: &Pdu) -> Pdu {
    let mut body = Reader::new(&pdu.body);
    let named = body.text(5).and_then(|_| body.text(65));
    let Ok(named) = named else { return pdu.answer(pdu::RINVMSGLEN) };
    let Some(id) = receipt::parse_message_id(&named) else { return pdu.answer(pdu::RCANCELFAIL) };
    let cancelled = smsc.world.change(|state| {
        let waiting =
            state.sms.get(&id).filter(|sms| sms.state == ENROUTE && sms.system_id == session.system_id);
        let Some(sms) = waiting else { return (Vec::new(), false) };
        let mut records: Vec<Record> = state
            .jobs
            .range(id..)
            .filter(|(_, job)| job.message == id)
            .map(|(job, _)| Record::Dropped { job: *job })
            .collect();
        let sms = Sms { state: DELETED, final_at: Some(smsc.world.clock.now()), ..sms.clone() };
        records.push(Record::Sms { id, sms });
        (records, true)
    });
    pdu.answer(if cancelled { pdu::ROK } else { pdu::RCANCELFAIL })
}

fn known_sms(smsc: &Smsc, session: &Bound, pdu: &Pdu) -> Option<(u64, Sms)> {
    let id = Reader::new(&pdu.body).text(65).ok().as_deref().and_then(receipt::parse_message_id)?;
    let sms = smsc.world.read(|state| state.sms.get(&id).cloned())?;
    (sms.system_id == session.system_id).then_some((id, sms))
}
