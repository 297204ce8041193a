use std::{
    error::Error,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use proptest::prelude::*;
use reqwest::dns::Resolve;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

fn guard() -> Guard {
    Guard::new(Policy::default())
}

fn allowing(networks: &[&str]) -> Guard {
    let allow = networks.iter().map(|network| network.parse().expect("a network")).collect();
    Guard::new(Policy { allow, ports: Vec::new() })
}

fn refused(guard: &Guard, url: &str) -> Blocked {
    match guard.check(url) {
        Ok(passed) => panic!("{url} passed as {passed}"),
        Err(reason) => reason,
    }
}

#[test]
fn public_urls_pass_and_come_back_normalised() {
    let cases = [
        ("http://example.com", "http://example.com/"),
        ("HTTPS://EXAMPLE.com:443/A b?x=1", "https://example.com/A%20b?x=1"),
        ("https://example.com:8443/x", "https://example.com:8443/x"),
        ("http://93.184.216.34/x.png", "http://93.184.216.34/x.png"),
        ("http://0x5db8d822/", "http://93.184.216.34/"),
        ("http://[2606:2800:220:1::1]/", "http://[2606:2800:220:1::1]/"),
        ("http://[::ffff:93.184.216.34]/", "http://[::ffff:5db8:d822]/"),
        ("http://[64:ff9b::93.184.216.34]/", "http://[64:ff9b::5db8:d822]/"),
        ("http://[2002:5db8:d822::1]/", "http://[2002:5db8:d822::1]/"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://172.15.255.255/", "http://172.15.255.255/"),
        ("http://172.32.0.0/", "http://172.32.0.0/"),
        ("http://100.63.255.255/", "http://100.63.255.255/"),
        ("http://100.128.0.0/", "http://100.128.0.0/"),
        ("http://198.17.255.255/", "http://198.17.255.255/"),
        ("http://198.20.0.0/", "http://198.20.0.0/"),
        ("http://223.255.255.255/", "http://223.255.255.255/"),
        ("http://localhost.example.com/", "http://localhost.example.com/"),
    ];
    for (url, expected) in cases {
        assert_eq!(guard().check(url).as_ref().map(Url::as_str), Ok(expected), "{url}");
    }
}

#[test]
fn every_spelling_of_a_forbidden_address_is_refused_by_its_class() {
    let cases = [
        (Class::Loopback, "http://127.0.0.1/"),
        (Class::Loopback, "http://127.255.255.254/"),
        (Class::Loopback, "http://127.1/"),
        (Class::Loopback, "http://127.0.0.1./"),
        (Class::Loopback, "http://2130706433/"),
        (Class::Loopback, "http://0x7f000001/"),
        (Class::Loopback, "http://0x7f.0.0.1/"),
        (Class::Loopback, "http://0177.0.0.01/"),
        (Class::Loopback, "http://017700000001/"),
        (Class::Loopback, "http://%31%32%37.0.0.1/"),
        (Class::Loopback, "http://１２７.0.0.1/"),
        (Class::Loopback, "http://127。0。0。1/"),
        (Class::Loopback, "http:\\\\127.0.0.1\\x"),
        (Class::Loopback, "http:/127.0.0.1/"),
        (Class::Loopback, "ht\ntp://127.0.\t0.1/"),
        (Class::Loopback, "  http://127.0.0.1/"),
        (Class::Loopback, "http://[::1]/"),
        (Class::Loopback, "http://[0:0:0:0:0:0:0:1]/"),
        (Class::Loopback, "http://[::ffff:127.0.0.1]/"),
        (Class::Loopback, "http://[::ffff:7f00:1]/"),
        (Class::Loopback, "http://[::127.0.0.1]/"),
        (Class::Loopback, "http://[::ffff:0:127.0.0.1]/"),
        (Class::Loopback, "http://[64:ff9b::127.0.0.1]/"),
        (Class::Loopback, "http://[2002:7f00:1::]/"),
        (Class::Loopback, "http://localhost/"),
        (Class::Loopback, "http://LOCALHOST./"),
        (Class::Loopback, "http://a.localhost/"),
        (Class::Private, "http://10.0.0.1/"),
        (Class::Private, "http://10.255.255.255/"),
        (Class::Private, "http://172.16.0.0/"),
        (Class::Private, "http://172.31.255.255/"),
        (Class::Private, "http://192.168.1.1/"),
        (Class::Private, "http://[::ffff:192.168.1.1]/"),
        (Class::Private, "http://[64:ff9b::a00:1]/"),
        (Class::Private, "http://[2002:a00:1::1]/"),
        // Teredo: private server, then private client behind a public server.
        (Class::Private, "http://[2001:0:a00:1::1]/"),
        (Class::Private, "http://[2001:0:5db8:d822:0:0:f5ff:fffe]/"),
        (Class::Private, "http://[2606:2800::5efe:10.0.0.1]/"),
        (Class::Private, "http://[2606:2800::200:5efe:10.0.0.1]/"),
        (Class::CarrierNat, "http://100.64.0.0/"),
        (Class::CarrierNat, "http://100.100.100.200/latest/meta-data"),
        (Class::CarrierNat, "http://100.127.255.255/"),
        (Class::LinkLocal, "http://169.254.169.254/latest/meta-data"),
        (Class::LinkLocal, "http://0xa9fea9fe/"),
        (Class::LinkLocal, "http://[::ffff:169.254.169.254]/"),
        (Class::LinkLocal, "http://[fe80::1]/"),
        (Class::LinkLocal, "http://[febf::1]/"),
        (Class::Metadata, "http://168.63.129.16/"),
        (Class::UniqueLocal, "http://[fd00:ec2::254]/"),
        (Class::UniqueLocal, "http://[fc00::1]/"),
        (Class::UniqueLocal, "http://[fec0::1]/"),
        (Class::Unspecified, "http://0.0.0.0/"),
        (Class::Unspecified, "http://0/"),
        (Class::Unspecified, "http://0.1.2.3/"),
        (Class::Unspecified, "http://[::]/"),
        (Class::Unspecified, "http://[::ffff:0.0.0.0]/"),
        (Class::Multicast, "http://224.0.0.1/"),
        (Class::Multicast, "http://239.255.255.255/"),
        (Class::Multicast, "http://[ff02::1]/"),
        (Class::Broadcast, "http://255.255.255.255/"),
        (Class::Reserved, "http://240.0.0.1/"),
        (Class::Reserved, "http://192.0.0.192/"),
        (Class::Reserved, "http://192.88.99.1/"),
        (Class::Documentation, "http://192.0.2.1/"),
        (Class::Documentation, "http://198.51.100.1/"),
        (Class::Documentation, "http://203.0.113.255/"),
        (Class::Documentation, "http://[2001:db8::1]/"),
        (Class::Documentation, "http://[3fff::1]/"),
        (Class::Benchmarking, "http://198.18.0.0/"),
        (Class::Benchmarking, "http://198.19.255.255/"),
        (Class::Benchmarking, "http://[2001:2::1]/"),
        (Class::Reserved, "http://[64:ff9b:1::a00:1]/"),
        (Class::Reserved, "http://[100::1]/"),
        (Class::Reserved, "http://[5f00::1]/"),
        (Class::Reserved, "http://[2001:20::1]/"),
    ];
    for (class, url) in cases {
        assert_eq!(refused(&guard(), url), Blocked::Address(class), "{url}");
    }
}

#[test]
fn what_is_no_web_address_is_refused_with_its_reason() {
    let cases = [
        ("", Blocked::Malformed),
        ("example.com/x.png", Blocked::Malformed),
        ("/x.png", Blocked::Malformed),
        ("http://", Blocked::Malformed),
        ("http://[::1", Blocked::Malformed),
        ("http://[fe80::1%25eth0]/", Blocked::Malformed),
        ("http://1.2.3.4.5/", Blocked::Malformed),
        ("http://256.1.1.1/", Blocked::Malformed),
        ("http://a:99999/", Blocked::Malformed),
        ("ftp://example.com/", Blocked::Scheme("ftp".into())),
        ("file:///etc/passwd", Blocked::Scheme("file".into())),
        ("data:text/plain,x", Blocked::Scheme("data".into())),
        ("gopher://example.com/", Blocked::Scheme("gopher".into())),
        ("javascript:alert(1)", Blocked::Scheme("javascript".into())),
        ("http://user@example.com/", Blocked::Userinfo),
        ("http://user:secret@example.com/", Blocked::Userinfo),
        ("http://:secret@example.com/", Blocked::Userinfo),
        ("http://example.com@127.0.0.1/", Blocked::Userinfo),
    ];
    for (url, expected) in cases {
        assert_eq!(refused(&guard(), url), expected, "{url}");
    }
    let long = format!("http://example.com/{}", "a".repeat(MAX_URL_BYTES));
    assert_eq!(refused(&guard(), &long), Blocked::TooLong);
}

#[test]
fn only_ports_where_web_servers_live_are_reached() {
    for port in [80, 443, 1024, 3000, 5000, 8000, 8080, 8443, 9000, 65535] {
        assert!(guard().check(&format!("http://example.com:{port}/")).is_ok(), "{port}");
    }
    for port in [1, 21, 22, 23, 25, 53, 110, 143, 445, 587, 853, 993, 1023, 3306, 5432, 6379, 11211, 27017] {
        let by_name = format!("http://example.com:{port}/");
        assert_eq!(refused(&guard(), &by_name), Blocked::Port(port), "{port}");
        let by_address = format!("http://93.184.216.34:{port}/");
        assert_eq!(refused(&guard(), &by_address), Blocked::Port(port), "{port}");
    }
}

#[test]
fn an_operator_may_open_networks_and_ports() {
    let guard = allowing(&["127.0.0.0/8", "fd12::/16", "10.1.0.0/16"]);
    for url in [
        "http://127.0.0.1:25/",
        "http://2130706433:6379/",
        "http://localhost:6379/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fd12::1]:81/",
        "http://10.1.2.3/",
        "http://[64:ff9b::10.1.2.3]/",
    ] {
        assert!(guard.check(url).is_ok(), "{url}");
    }
    for url in ["http://10.2.0.1/", "http://[::1]/", "http://[fd13::1]/", "http://169.254.169.254/"] {
        assert!(matches!(refused(&guard, url), Blocked::Address(_)), "{url}");
    }
    let open_port = Guard::new(Policy { allow: Vec::new(), ports: vec![81] });
    assert!(open_port.check("http://example.com:81/").is_ok());
    assert_eq!(refused(&open_port, "http://example.com:82/"), Blocked::Port(82));
}

#[test]
fn texts_for_people_tell_the_reason_without_the_address() {
    let text = refused(&guard(), "http://10.1.2.3/").to_string();
    assert_eq!(text, "the host has an address that is not allowed (private network)");
}

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().expect("an address")).collect()
}

async fn resolve(guard: &Guard, name: &str) -> Result<Vec<String>, Box<dyn Error + Send + Sync>> {
    let found = guard.resolver().resolve(name.parse().expect("a name")).await?;
    Ok(found.map(|address| address.to_string()).collect())
}

#[tokio::test]
async fn only_permitted_answers_are_handed_to_the_connection() {
    let guard = guard().with_answers(|name| {
        Ok(match name {
            "public.example" => addresses(&["93.184.216.34", "2606:2800:220:1::1"]),
            "mixed.example" => addresses(&["10.0.0.1", "93.184.216.34", "::1"]),
            "inside.example" => addresses(&["10.0.0.1", "::ffff:127.0.0.1"]),
            "empty.example" => Vec::new(),
            _ => return Err(io::Error::other("no such name")),
        })
    });
    let public = resolve(&guard, "public.example").await.expect("resolves");
    assert_eq!(public, ["93.184.216.34:0", "[2606:2800:220:1::1]:0"]);
    assert_eq!(resolve(&guard, "mixed.example").await.expect("resolves"), ["93.184.216.34:0"]);

    let inside = resolve(&guard, "inside.example").await.expect_err("is refused");
    assert_eq!(Blocked::within(&*inside), Some(&Blocked::Address(Class::Loopback)));
    for name in ["empty.example", "missing.example"] {
        let error = resolve(&guard, name).await.expect_err("has no address");
        assert_eq!(Unresolved::within(&*error), Some(&Unresolved::Unknown), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_name_server_is_not_waited_for_and_pending_lookups_are_bounded() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let mut guard = guard();
    guard.lookup = Lookup::by(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::pending())
    });
    let waiting = (0..100).map(|_| resolve(&guard, "slow.example"));
    for outcome in futures_util::future::join_all(waiting).await {
        let error = outcome.expect_err("nobody answers");
        assert_eq!(Unresolved::within(&*error), Some(&Unresolved::TimedOut));
    }
    assert_eq!(asked.load(Ordering::SeqCst), 32);
}

/// Answers every connection with an empty 200 and counts them.
async fn count_connections() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("binds");
    let port = listener.local_addr().expect("is bound").port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 1024];
            let _ = stream.read(&mut request).await;
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
        }
    });
    (port, connections)
}

#[tokio::test]
async fn a_name_that_turns_inward_between_two_requests_is_not_followed() {
    let (port, connections) = count_connections().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    // 127.0.0.2 is open, 127.0.0.1 is not: the name answers the one and then the other.
    let guard = allowing(&["127.0.0.2/32"]).with_answers(move |_| {
        let turn = counter.fetch_add(1, Ordering::SeqCst);
        Ok(addresses(if turn == 0 { &["127.0.0.2"] } else { &["127.0.0.1"] }))
    });
    let client = guard.client().pool_max_idle_per_host(0).build().expect("builds");
    let url = guard.check(&format!("http://rebind.example:{port}/")).expect("is judged at connecting");

    // The first is let through to an address where nobody listens.
    let first = client.get(url.clone()).send().await.expect_err("nobody listens there");
    assert_eq!(Blocked::within(&first), None);
    let second = client.get(url).send().await.expect_err("is refused");
    assert_eq!(Blocked::within(&second), Some(&Blocked::Address(Class::Loopback)));
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn the_client_reaches_allowed_networks_by_name() {
    let (port, connections) = count_connections().await;
    let guard = allowing(&["127.0.0.0/8"]).with_answers(|_| Ok(addresses(&["127.0.0.1"])));
    let client = guard.client().build().expect("builds");
    let url = guard.check(&format!("http://files.example:{port}/x")).expect("passes");
    assert_eq!(client.get(url).send().await.expect("answers").status(), 200);
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

proptest! {
    #[test]
    fn an_ipv4_address_is_judged_the_same_in_every_disguise(octets in any::<[u8; 4]>()) {
        let [a, b, c, d] = octets;
        let plain = guard().check_address(IpAddr::from(octets));
        let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
        for disguise in [
            [0, 0, 0, 0, 0, 0xffff, high, low],
            [0, 0, 0, 0, 0xffff, 0, high, low],
            [0x64, 0xff9b, 0, 0, 0, 0, high, low],
            [0x2002, high, low, 0, 0, 0, 0, 1],
            // Teredo by way of a public server.
            [0x2001, 0, 0x5db8, 0xd822, 0, 0, !high, !low],
        ] {
            prop_assert_eq!(&guard().check_address(IpAddr::from(disguise)), &plain);
        }
        let by_number = guard().check(&format!("http://{}/", u32::from_be_bytes(octets)));
        prop_assert_eq!(by_number.map(drop), plain);
    }

    #[test]
    fn no_text_passes_whose_normal_form_does_not(text in "(https?://)?[\\[\\]0-9a-fx:.@/\\\\%]{0,40}") {
        if let Ok(url) = guard().check(&text) {
            prop_assert_eq!(guard().check(url.as_str()), Ok(url));
        }
    }
}
