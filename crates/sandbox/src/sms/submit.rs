//! What `submit_sm` and `data_sm` ask for.

use bytes::Bytes;

use crate::number;

use super::{
    alphabet::Alphabet,
    pdu::{
        DATA_SM, Malformed, Pdu, RINVDSTADR, RINVESMCLASS, RINVMSGLEN, Reader, TLV_MESSAGE_PAYLOAD,
        TLV_SAR_NUMBER, TLV_SAR_REF, TLV_SAR_TOTAL, TLV_USER_MESSAGE_REFERENCE,
    },
};

/// Longest `short_message`.
const MAX_SHORT_MESSAGE: u8 = 254;
/// The user data begins with a header.
const UDHI: u8 = 0x40;

/// A submitted message or part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Submission {
    pub(crate) source: String,
    pub(crate) destination: Address,
    /// The digits of the destination.
    pub(crate) number: String,
    pub(crate) registered_delivery: u8,
    pub(crate) data_coding: u8,
    pub(crate) place: Place,
    pub(crate) octets: Bytes,
    pub(crate) user_reference: Option<Bytes>,
}

/// An address as it was written, to be given back in receipts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Address {
    pub(crate) ton: u8,
    pub(crate) npi: u8,
    pub(crate) digits: String,
}

/// Which part of a message this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) reference: u16,
    pub(crate) total: u8,
    pub(crate) number: u8,
}

impl Place {
    const WHOLE: Self = Self { reference: 0, total: 1, number: 1 };
}

impl Submission {
    /// Reads a PDU.
    ///
    /// # Errors
    /// The command status to answer with.
    pub(crate) fn read(pdu: &Pdu) -> Result<Self, u32> {
        let fields = Fields::read(pdu).map_err(|Malformed| RINVMSGLEN)?;
        let number = number::digits(&fields.destination.digits).ok_or(RINVDSTADR)?;
        let (place, octets) = fields.user_data()?;
        Ok(Self {
            source: fields.source.digits.clone(),
            number,
            registered_delivery: fields.registered_delivery,
            data_coding: fields.data_coding,
            place,
            octets,
            user_reference: fields.tlv(TLV_USER_MESSAGE_REFERENCE).cloned(),
            destination: fields.destination,
        })
    }

    /// How its octets are to be read.
    pub(crate) fn alphabet(&self) -> Alphabet {
        Alphabet::of(self.data_coding)
    }
}

struct Fields {
    source: Address,
    destination: Address,
    esm_class: u8,
    registered_delivery: u8,
    data_coding: u8,
    short_message: Bytes,
    tlvs: Vec<(u16, Bytes)>,
}

impl Fields {
    fn read(pdu: &Pdu) -> Result<Self, Malformed> {
        let data_sm = pdu.command == DATA_SM;
        let longest_address = if data_sm { 64 } else { 20 };
        let mut body = Reader::new(&pdu.body);
        body.text(5)?; // service_type
        let source = address(&mut body, longest_address)?;
        let destination = address(&mut body, longest_address)?;
        let esm_class = body.byte()?;
        if data_sm {
            let registered_delivery = body.byte()?;
            let data_coding = body.byte()?;
            let (short_message, tlvs) = (Bytes::new(), body.tlvs()?);
            return Ok(Self {
                source,
                destination,
                esm_class,
                registered_delivery,
                data_coding,
                short_message,
                tlvs,
            });
        }
        body.octets(2)?; // protocol_id, priority_flag
        body.text(16)?; // schedule_delivery_time
        body.text(16)?; // validity_period
        let registered_delivery = body.byte()?;
        body.byte()?; // replace_if_present_flag
        let data_coding = body.byte()?;
        body.byte()?; // sm_default_msg_id
        let length = body.byte()?;
        if length > MAX_SHORT_MESSAGE {
            return Err(Malformed);
        }
        let short_message = body.octets(length.into())?;
        let tlvs = body.tlvs()?;
        Ok(Self { source, destination, esm_class, registered_delivery, data_coding, short_message, tlvs })
    }

    fn tlv(&self, tag: u16) -> Option<&Bytes> {
        self.tlvs.iter().find(|(one, _)| *one == tag).map(|(_, value)| value)
    }

    /// The content without its header, and the place that header or SAR parameters give it.
    fn user_data(&self) -> Result<(Place, Bytes), u32> {
        let whole = match self.tlv(TLV_MESSAGE_PAYLOAD) {
            Some(_) if !self.short_message.is_empty() => return Err(RINVMSGLEN),
            Some(payload) => payload.clone(),
            None => self.short_message.clone(),
        };
        if self.esm_class & UDHI == 0 {
            return Ok((self.sar().unwrap_or(Place::WHOLE), whole));
        }
        let length = usize::from(*whole.first().ok_or(RINVESMCLASS)?) + 1;
        if whole.len() < length {
            return Err(RINVESMCLASS);
        }
        let place = concatenation(&whole[1..length]).or_else(|| self.sar()).unwrap_or(Place::WHOLE);
        Ok((place, whole.slice(length..)))
    }

    fn sar(&self) -> Option<Place> {
        let reference = self.tlv(TLV_SAR_REF)?.first_chunk::<2>().map(|two| u16::from_be_bytes(*two))?;
        let total = *self.tlv(TLV_SAR_TOTAL)?.first()?;
        let number = *self.tlv(TLV_SAR_NUMBER)?.first()?;
        valid(Place { reference, total, number })
    }
}

fn address(body: &mut Reader, longest: usize) -> Result<Address, Malformed> {
    Ok(Address { ton: body.byte()?, npi: body.byte()?, digits: body.text(longest)? })
}

/// The concatenation element of a user data header, with an 8-bit or a 16-bit reference.
fn concatenation(mut header: &[u8]) -> Option<Place> {
    while let [element, length, rest @ ..] = header {
        let value = rest.get(..usize::from(*length))?;
        match (*element, value) {
            (0x00, &[reference, total, number]) => {
                return valid(Place { reference: reference.into(), total, number });
            }
            (0x08, &[high, low, total, number]) => {
                return valid(Place { reference: u16::from_be_bytes([high, low]), total, number });
            }
            _ => header = &rest[usize::from(*length)..],
        }
    }
    None
}

fn valid(place: Place) -> Option<Place> {
    (place.total > 0 && (1..=place.total).contains(&place.number)).then_some(place)
}
