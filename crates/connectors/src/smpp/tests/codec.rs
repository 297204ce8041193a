//! Our octets against an independent codec, and garbage against ours.

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use rusmpp_core::{command::owned::Command, decode::owned::DecodeWithLength, pdus::owned::Pdu};

use super::{
    super::{
        encode::{Address, Envelope, Place, UserData, bind, submit},
        pdu::{
            BadLength, BindAnswer, Delivery, Frame, MAX_PDU, SubmitAnswer, Truncated, command, next_frame,
        },
        settings::{LongMessages, TonNpi},
    },
    settings,
};

fn envelope() -> Envelope {
    Envelope {
        source: Address { kind: TonNpi { ton: 5, npi: 0 }, text: "Shop".into() },
        destination: Address { kind: TonNpi { ton: 1, npi: 1 }, text: "491701234567".into() },
        data_coding: 0,
        priority: 1,
        validity_s: 93_784,
        optional: vec![(0x1400, b"PE\0".to_vec())],
    }
}

/// What an independent codec reads in a PDU of ours.
fn decode(pdu: &[u8]) -> Pdu {
    let (command, size) =
        Command::decode(&mut BytesMut::from(&pdu[4..]), pdu.len() - 4).expect("well-formed");
    assert_eq!(size, pdu.len() - 4);
    command.pdu().expect("a PDU with a body").clone()
}

#[test]
fn a_submit_is_exact_to_the_octet() {
    let place = Place { method: LongMessages::Udh8, reference: 0x1FF, total: 2, number: 1 };
    let request = submit(&settings(""), &envelope(), UserData::Part(place, b"Hi"));
    let mut out = BytesMut::new();
    request.write(7, &mut out);
    let mut expected = vec![0, 0, 0, 84, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 7];
    expected.extend(b"\0\x05\0Shop\0\x01\x01491701234567\0\x40\x00\x01\x00000001020304000R\0\x01\0\0\0");
    expected.extend(b"\x08\x05\x00\x03\xFF\x02\x01Hi");
    expected.extend(b"\x14\x00\x00\x03PE\0");
    expected[3] = expected.len() as u8;
    assert_eq!(out, expected);
}

#[test]
fn an_independent_codec_reads_our_submit() {
    let request =
        submit(&settings("intermediate_receipts = true"), &envelope(), UserData::Payload(&[b'a'; 300]));
    let mut out = BytesMut::new();
    request.write(1, &mut out);
    let Pdu::SubmitSm(read) = decode(&out) else { panic!("a submit_sm") };
    assert_eq!(read.source_addr.to_string(), "Shop");
    assert_eq!(read.destination_addr.to_string(), "491701234567");
    assert_eq!(read.validity_period.to_string(), "000001020304000R");
    assert_eq!(u8::from(read.registered_delivery), 0x11);
    assert_eq!(read.tlvs().len(), 2);
}

#[test]
fn an_independent_codec_reads_our_bind() {
    let mut out = BytesMut::new();
    bind(&settings("system_type = 'CMT'\ninterface_version = '5.0'"), command::BIND_TRANSCEIVER)
        .write(1, &mut out);
    let Pdu::BindTransceiver(read) = decode(&out) else { panic!("a bind_transceiver") };
    let texts = [read.system_id.to_string(), read.password.to_string(), read.system_type.to_string()];
    assert_eq!(
        (texts, u8::from(read.interface_version)),
        (["esme", "secret", "CMT"].map(String::from), 0x50)
    );
}

#[test]
fn optional_tlvs_and_validity_can_be_cut_out() {
    let request = submit(&settings(""), &envelope(), UserData::Whole(b"Hi"));
    let bare = request.without_validity().without_optional_tlvs();
    assert!(request.has_optional_tlvs() && request.has_validity());
    assert!(!bare.has_optional_tlvs() && !bare.has_validity());
    assert_eq!(bare, request.without_optional_tlvs().without_validity());
    let mut out = BytesMut::new();
    bare.write(1, &mut out);
    let Pdu::SubmitSm(read) = decode(&out) else { panic!("a submit_sm") };
    assert_eq!((read.validity_period.to_string(), read.tlvs().len()), (String::new(), 0));
    assert_eq!(read.short_message().clone().into_bytes(), &b"Hi"[..]);
}

fn frame(octets: &[u8]) -> Result<Option<Frame>, BadLength> {
    next_frame(&mut BytesMut::from(octets))
}

#[test]
fn frames_are_cut_where_their_length_says() {
    let pdu = [0, 0, 0, 17, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 9, 0xAA, 0xBB];
    let expected = Frame { id: 5, status: 1, sequence: 9, body: Bytes::from_static(&[0xAA]) };
    assert_eq!(frame(&pdu), Ok(Some(expected)));
    assert_eq!(frame(&pdu[..16]), Ok(None));
    assert_eq!(frame(&pdu[..3]), Ok(None));
}

#[test]
fn impossible_lengths_are_refused_before_anything_is_kept() {
    let of = |length: u32| frame(&[&length.to_be_bytes()[..], &[0; 8], &[0, 0, 0, 3]].concat());
    assert_eq!(of(15), Err(BadLength(3)));
    assert_eq!(of(0), Err(BadLength(3)));
    assert_eq!(of(MAX_PDU as u32 + 1), Err(BadLength(3)));
    assert_eq!(of(MAX_PDU as u32), Ok(None));
}

#[test]
fn sloppy_answers_are_read_as_far_as_they_make_sense() {
    let submit = |body: &'static [u8]| SubmitAnswer::read(&Bytes::from_static(body)).message_id;
    assert_eq!(submit(b"1A36\0"), "1A36");
    assert_eq!(submit(b"1A36"), "1A36");
    assert_eq!(submit(b""), "");
    let congested = SubmitAnswer::read(&Bytes::from_static(b"x\0\x04\x28\0\x01\x50"));
    assert_eq!(congested.congestion, Some(80));
    let bind = |body: &'static [u8]| BindAnswer::read(&Bytes::from_static(body)).version;
    assert_eq!(bind(b"smsc\0\x02\x10\0\x01\x34"), Some(0x34));
    assert_eq!(bind(b"smsc\0"), None);
    assert_eq!(bind(b""), None);
    assert_eq!(bind(b"a name that is much longer than any name may be\0\x02\x10\0\x01\x50"), Some(0x50));
}

#[test]
fn a_cut_off_tlv_ends_the_list_and_a_cut_off_body_is_truncated() {
    let body = Bytes::from_static(
        b"\0\x01\x01491\0\x01\x01492\0\x04\0\0\0\0\0\0\0\0\x02Hi\x00\x1E\0\x02a\0\x04\x27\0\x09\x02",
    );
    let delivery = Delivery::read_deliver(&body).expect("complete");
    assert_eq!(
        (&delivery.source[..], &delivery.destination[..], &delivery.message[..]),
        ("491", "492", &b"Hi"[..])
    );
    assert_eq!(delivery.tlvs.text(0x001E).as_deref(), Some("a"));
    assert_eq!(delivery.tlvs.octet(0x0427), None);
    assert_eq!(Delivery::read_deliver(&body.slice(..20)), Err(Truncated));
}

proptest! {
    #[test]
    fn no_octets_panic_the_decoder(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut stream = BytesMut::from(&octets[..]);
        while let Ok(Some(_)) = next_frame(&mut stream) {}
        let body = Bytes::from(octets);
        let _ = Delivery::read_deliver(&body);
        let _ = Delivery::read_data(&body);
        SubmitAnswer::read(&body);
        BindAnswer::read(&body);
    }

    #[test]
    fn cuts_anywhere_in_the_stream_give_the_same_frames(sizes in proptest::collection::vec(0usize..40, 1..6), step in 1usize..20) {
        let stream: Vec<u8> = sizes.iter().enumerate().flat_map(|(number, size)| {
            let header = [16 + *size as u32, 5, 0, number as u32].map(u32::to_be_bytes).concat();
            [header, vec![7; *size]].concat()
        }).collect();
        let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
        for chunk in stream.chunks(step) {
            buffer.extend_from_slice(chunk);
            while let Ok(Some(frame)) = next_frame(&mut buffer) {
                found.push(frame.body.len());
            }
        }
        prop_assert_eq!(found, sizes);
    }
}
