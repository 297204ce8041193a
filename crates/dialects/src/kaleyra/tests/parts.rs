//! Multipart bodies.

use http::HeaderMap;

use super::*;
use crate::kaleyra::multipart::{self, Part};

fn parts(boundary: &str, body: &[u8]) -> Option<Vec<Part>> {
    let mut headers = HeaderMap::new();
    let value = format!("multipart/form-data; boundary={boundary}");
    headers.insert("content-type", value.parse().expect("a header"));
    multipart::parts(&headers, &Bytes::copy_from_slice(body))
}

fn one(head: &str, content: &[u8]) -> Vec<u8> {
    let mut body = format!("preamble\r\n--b7\r\n{head}\r\n\r\n").into_bytes();
    body.extend_from_slice(content);
    body.extend_from_slice(b"\r\n--b7--\r\nepilogue");
    body
}

#[test]
fn the_bytes_of_a_file_come_through_as_they_are() {
    let content = b"\x89PNG\r\n\x1a\n--b\r\n--b8\r\n--b7x\r\n\r\n--\n";
    let head =
        "Content-Type: image/png\r\nContent-Disposition: form-data; filename=\"a \\\"b\\\".png\"; name=file";
    let parts = parts("b7", &one(head, content)).expect("parts");
    assert_eq!(parts.len(), 1);
    assert_eq!(parts[0].name, "file");
    assert_eq!(parts[0].filename.as_deref(), Some("a \"b\".png"));
    assert_eq!(parts[0].content_type.as_deref(), Some("image/png"));
    assert_eq!(&parts[0].body[..], content);
}

#[test]
fn boundaries_may_stand_in_quotes() {
    let body = one("Content-Disposition: form-data; name=\"type\"", b"image/jpeg");
    assert_eq!(parts("\"b7\"; charset=utf-8", &body).expect("parts")[0].name, "type");
}

#[test]
fn malformed_bodies_are_refused() {
    let head = "Content-Disposition: form-data; name=\"a\"";
    let good = one(head, b"x");
    for (name, body) in [
        ("no delimiter", b"hello".to_vec()),
        ("cut off", good[..good.len() - 15].to_vec()),
        ("no disposition", one("Content-Type: text/plain", b"x")),
        ("no name", one("Content-Disposition: form-data", b"x")),
        ("a header without colon", one("hello", b"x")),
        ("a header over the limit", one(&format!("X: {}", "y".repeat(9000)), b"x")),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(parts("b7", &body), None, "{name}");
    }
    assert_eq!(parts(&"b".repeat(71), &good), None, "a boundary over the limit");
    let many = "--b7\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n".repeat(65) + "--b7--";
    assert_eq!(parts("b7", many.as_bytes()), None, "too many parts");
}
