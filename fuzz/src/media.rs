//! Files and addresses.

use std::{cell::Cell, io, net::IpAddr};

use media::{
    guard::{Blocked, Guard, Policy},
    probe::Facts,
};
use url::{Host, Url};

/// Most bytes that a probe reads of a file, whatever is in it. A file has hundreds of megabytes,
/// so what matters is that this does not grow with the file.
const MOST_READ: u64 = 16 * 1024 * 1024;

/// A file that counts what is read of it.
struct Counting<'a, 'b> {
    file: io::Cursor<&'a [u8]>,
    read: &'b Cell<u64>,
}

impl io::Read for Counting<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

impl io::Seek for Counting<'_, '_> {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Looks into a file: the same both times, in bounded reading.
pub fn probe(data: &[u8]) {
    let read = Cell::new(0);
    let look = || Facts::of(Counting { file: io::Cursor::new(data), read: &read }, Some("image/jpeg"));
    let facts = look().expect("reading from memory does not fail");
    assert!(read.get() <= MOST_READ, "{} bytes read of a file of {}", read.get(), data.len());
    assert_eq!(look().expect("reading from memory does not fail"), facts, "the same again");
}

/// Judges an address as text. What passes is a URL of the web whose host, if it is an address, is
/// public; written out and judged again it passes again.
pub fn guard(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let guard = Guard::new(Policy::default());
    match guard.check(text) {
        Ok(url) => assert_public(&guard, &url),
        Err(blocked) => assert!(blocked.to_string().len() < 200, "{blocked}"),
    }
}

fn assert_public(guard: &Guard, url: &Url) {
    assert!(matches!(url.scheme(), "http" | "https"), "{url}");
    assert!(url.username().is_empty() && url.password().is_none(), "{url}");
    assert_eq!(guard.check(url.as_str()).as_ref(), Ok(url), "the same again");
    let address = match url.host().expect("a host") {
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
        Host::Domain(name) => {
            // A name made of digits alone is an address to some resolvers.
            assert!(name.parse::<IpAddr>().is_err(), "{url}");
            let last = name.strip_suffix('.').unwrap_or(name).rsplit('.').next().unwrap_or_default();
            assert!(last.is_empty() || !last.bytes().all(|byte| byte.is_ascii_digit()), "{url}");
            return;
        }
    };
    let faces = match address {
        IpAddr::V6(v6) => vec![address, v6.to_ipv4_mapped().map_or(address, IpAddr::V4)],
        IpAddr::V4(_) => vec![address],
    };
    for face in faces {
        let inside = match face {
            IpAddr::V4(v4) => {
                v4.is_private()
                    || v4.is_loopback()
                    || v4.is_link_local()
                    || v4.is_unspecified()
                    || v4.is_broadcast()
            }
            IpAddr::V6(v6) => v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local(),
        };
        assert!(!inside && !face.is_multicast(), "{url}");
        assert_eq!(guard.check_address(face), Ok::<(), Blocked>(()), "{url}");
    }
}
