//! Which addresses are not part of the public internet, and which addresses hide in others.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Both addresses of this machine.
pub(super) const LOOPBACKS: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Why an address is not part of the public internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `0.0.0.0/8`, `::`.
    Unspecified,
    /// This machine.
    Loopback,
    /// A private network (RFC 1918).
    Private,
    /// Behind a carrier's address translation (RFC 6598).
    CarrierNat,
    /// The local link, where clouds keep their metadata services too.
    LinkLocal,
    /// A cloud's metadata or host service outside the other ranges.
    Metadata,
    /// More than one receiver.
    Multicast,
    /// Everyone on the link.
    Broadcast,
    /// Set aside for examples in documents.
    Documentation,
    /// Set aside for measuring devices.
    Benchmarking,
    /// Unique local or site-local IPv6.
    UniqueLocal,
    /// Set aside for protocols or for a future that has not come.
    Reserved,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "unspecified",
            Self::Loopback => "loopback",
            Self::Private => "private network",
            Self::CarrierNat => "carrier-grade NAT",
            Self::LinkLocal => "link-local",
            Self::Metadata => "cloud metadata",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Documentation => "documentation range",
            Self::Benchmarking => "benchmarking range",
            Self::UniqueLocal => "unique local",
            Self::Reserved => "reserved range",
        })
    }
}

/// Why the address itself is not public; `None` if it is. Says nothing about addresses that it
/// carries, see [`faces`].
pub(super) fn class(address: IpAddr) -> Option<Class> {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

fn class_v4(address: Ipv4Addr) -> Option<Class> {
    Some(match address.octets() {
        [0, ..] => Class::Unspecified,
        [127, ..] => Class::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private,
        [100, 64..=127, ..] => Class::CarrierNat,
        [169, 254, ..] => Class::LinkLocal,
        // Azure's host service has a public-looking address inside every virtual machine.
        [168, 63, 129, 16] => Class::Metadata,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Documentation,
        [198, 18..=19, ..] => Class::Benchmarking,
        // Protocol assignments, and the retired relay of 6to4.
        [192, 0, 0, _] | [192, 88, 99, _] => Class::Reserved,
        [224..=239, ..] => Class::Multicast,
        [255, 255, 255, 255] => Class::Broadcast,
        [240..=255, ..] => Class::Reserved,
        _ => return None,
    })
}

fn class_v6(address: Ipv6Addr) -> Option<Class> {
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Loopback,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Class::UniqueLocal,
        [0xfe80..=0xfebf, ..] => Class::LinkLocal,
        [0xff00..=0xffff, ..] => Class::Multicast,
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Class::Documentation,
        [0x2001, 0x0002, 0, ..] => Class::Benchmarking,
        // 2001::/23 is for protocols; what of it is reachable is no web server.
        [0x2001, 0..=0x01ff, ..] => Class::Reserved,
        [0x2000..=0x3fff, ..] => return None,
        // Only 2000::/3 is given out as global unicast.
        _ => Class::Reserved,
    })
}

/// The addresses by which an address is judged: the IPv4 addresses it carries, else itself.
pub(super) fn faces(address: IpAddr) -> Vec<IpAddr> {
    let IpAddr::V6(v6) = address else { return vec![address] };
    let [.., g, h] = v6.segments();
    let low = embedded(g, h);
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => vec![address],
        // Mapped, translated (SIIT), compatible, NAT64 with the well-known prefix.
        [0, 0, 0, 0, 0, 0xffff, ..]
        | [0, 0, 0, 0, 0xffff, 0, ..]
        | [0, 0, 0, 0, 0, 0, ..]
        | [0x64, 0xff9b, 0, 0, 0, 0, ..] => vec![low],
        // 6to4: the site's address follows the prefix.
        [0x2002, b, c, ..] => vec![embedded(b, c)],
        // Teredo: the server's address, and the client's with all bits turned.
        [0x2001, 0, c, d, ..] => vec![embedded(c, d), embedded(!g, !h)],
        // ISATAP: the interface id carries the address; the prefix counts too.
        [_, _, _, _, 0 | 0x0200, 0x5efe, ..] => vec![address, low],
        _ => vec![address],
    }
}

fn embedded(high: u16, low: u16) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
}
