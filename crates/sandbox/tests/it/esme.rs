//! A raw SMPP client: it writes and reads octets, and shares no code with the SMSC.

use std::{collections::VecDeque, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::bench::DEADLINE;

pub(crate) const TRANSCEIVER: u32 = 9;
pub(crate) const TRANSMITTER: u32 = 2;
pub(crate) const RECEIVER: u32 = 1;

pub(crate) struct Esme {
    stream: TcpStream,
    sequence: u32,
    /// Requests of the SMSC that came while something else was waited for.
    requests: VecDeque<Pdu>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pdu {
    pub(crate) command: u32,
    pub(crate) status: u32,
    pub(crate) sequence: u32,
    pub(crate) body: Vec<u8>,
}

/// A message to be submitted.
pub(crate) struct Submit<'a> {
    pub(crate) to: &'a str,
    pub(crate) esm_class: u8,
    pub(crate) registered: u8,
    pub(crate) coding: u8,
    pub(crate) octets: Vec<u8>,
    pub(crate) tlvs: Vec<(u16, Vec<u8>)>,
}

impl<'a> Submit<'a> {
    pub(crate) fn text(to: &'a str, text: &str) -> Self {
        Self { to, esm_class: 0, registered: 1, coding: 0, octets: text.into(), tlvs: Vec::new() }
    }

    fn body(&self) -> Vec<u8> {
        let mut body = vec![0, 5, 0];
        body.extend(b"Courant\0");
        body.extend([1, 1]);
        body.extend(self.to.as_bytes());
        body.extend([0, self.esm_class, 0, 0, 0, 0, self.registered, 0, self.coding, 0]);
        body.push(self.octets.len().try_into().unwrap());
        body.extend(&self.octets);
        for (tag, value) in &self.tlvs {
            body.extend(tag.to_be_bytes());
            body.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
            body.extend(value);
        }
        body
    }
}

/// A `deliver_sm`, read.
#[derive(Debug)]
pub(crate) struct Deliver {
    pub(crate) sequence: u32,
    pub(crate) source: String,
    pub(crate) destination: String,
    pub(crate) esm_class: u8,
    pub(crate) coding: u8,
    pub(crate) octets: Vec<u8>,
    pub(crate) tlvs: Vec<(u16, Vec<u8>)>,
}

impl Deliver {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.octets.clone()).unwrap()
    }

    pub(crate) fn tlv(&self, tag: u16) -> &[u8] {
        &self.tlvs.iter().find(|(one, _)| *one == tag).expect("the parameter is there").1
    }
}

impl Esme {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(to).await.unwrap(), sequence: 0, requests: VecDeque::new() }
    }

    pub(crate) async fn bound(to: SocketAddr, kind: u32) -> Self {
        let mut esme = Self::connect(to).await;
        let answer = esme.bind(kind, "sandbox", "sandbox", 0x34).await;
        assert_eq!(answer.status, 0);
        esme
    }

    pub(crate) async fn bind(&mut self, kind: u32, system_id: &str, password: &str, version: u8) -> Pdu {
        let mut body = format!("{system_id}\0{password}\0\0").into_bytes();
        body.extend([version, 0, 0, 0]);
        self.request(kind, body).await
    }

    pub(crate) async fn write(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).await.unwrap();
    }

    pub(crate) async fn send(&mut self, command: u32, status: u32, sequence: u32, body: &[u8]) {
        let mut pdu = Vec::new();
        for field in [16 + u32::try_from(body.len()).unwrap(), command, status, sequence] {
            pdu.extend(field.to_be_bytes());
        }
        pdu.extend(body);
        self.write(&pdu).await;
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn request(&mut self, command: u32, body: Vec<u8>) -> Pdu {
        self.sequence += 1;
        let sequence = self.sequence;
        self.send(command, 0, sequence, &body).await;
        loop {
            let pdu = self.read().await.expect("the session is open");
            if pdu.command & 0x8000_0000 != 0 && pdu.sequence == sequence {
                return pdu;
            }
            self.requests.push_back(pdu);
        }
    }

    pub(crate) async fn submit(&mut self, submit: &Submit<'_>) -> Pdu {
        self.request(4, submit.body()).await
    }

    /// Submits and gives the id of the message.
    pub(crate) async fn accepted(&mut self, submit: &Submit<'_>) -> String {
        let answer = self.submit(submit).await;
        assert_eq!(answer.status, 0);
        String::from_utf8(answer.body).unwrap().trim_end_matches('\0').to_owned()
    }

    /// The next PDU; `None` at the end of the session.
    pub(crate) async fn read(&mut self) -> Option<Pdu> {
        let mut header = [0; 16];
        let read = timeout(DEADLINE, self.stream.read_exact(&mut header)).await.expect("something in time");
        read.ok()?;
        let field = |at: usize| u32::from_be_bytes(header[at..at + 4].try_into().unwrap());
        let mut body = vec![0; field(0) as usize - 16];
        self.stream.read_exact(&mut body).await.unwrap();
        Some(Pdu { command: field(4), status: field(8), sequence: field(12), body })
    }

    /// The next `deliver_sm`, not acknowledged.
    pub(crate) async fn delivered(&mut self) -> Deliver {
        let pdu = match self.requests.pop_front() {
            Some(pdu) => pdu,
            None => self.read().await.expect("the session is open"),
        };
        assert_eq!(pdu.command, 5, "{pdu:?}");
        parse(&pdu)
    }

    pub(crate) async fn acknowledge(&mut self, deliver: &Deliver, status: u32) {
        self.send(0x8000_0005, status, deliver.sequence, &[0]).await;
    }

    /// The next `deliver_sm`, acknowledged.
    pub(crate) async fn received(&mut self) -> Deliver {
        let deliver = self.delivered().await;
        self.acknowledge(&deliver, 0).await;
        deliver
    }
}

fn parse(pdu: &Pdu) -> Deliver {
    let mut rest = pdu.body.as_slice();
    let mut octets = |count: usize| {
        let (taken, left) = rest.split_at(count);
        rest = left;
        taken.to_vec()
    };
    octets(1);
    let mut address = || {
        octets(2);
        let mut text = Vec::new();
        loop {
            match octets(1)[0] {
                0 => return String::from_utf8(text).unwrap(),
                other => text.push(other),
            }
        }
    };
    let (source, destination) = (address(), address());
    let fields = octets(9);
    let length = octets(1)[0];
    let content = octets(length.into());
    let mut tlvs = Vec::new();
    while !rest.is_empty() {
        let (tag, length) = (u16::from_be_bytes([rest[0], rest[1]]), u16::from_be_bytes([rest[2], rest[3]]));
        tlvs.push((tag, rest[4..4 + usize::from(length)].to_vec()));
        rest = &rest[4 + usize::from(length)..];
    }
    let (esm_class, coding) = (fields[0], fields[7]);
    Deliver { sequence: pdu.sequence, source, destination, esm_class, coding, octets: content, tlvs }
}
