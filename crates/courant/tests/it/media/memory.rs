//! Large files pass through without being held.

use super::*;

const BYTES: usize = 100 << 20;
/// The most that memory may grow while a file of [`BYTES`] passes through: buffers of sockets and
/// files, and what this test's own servers need.
const MOST: u64 = 24 << 20;

/// A document that is as large as WhatsApp takes.
pub(super) fn large(filling: u8) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/pdf")], Body::from_stream(chunks(filling)))
}

fn chunks(filling: u8) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send + Unpin {
    let chunk = Bytes::from(vec![filling; 64 * 1024]);
    let head = Bytes::from(format!("%PDF-1.7\n{}", " ".repeat(64 * 1024 - 9)));
    let rest = BYTES / (64 * 1024) - 1;
    let chunks = std::iter::once(head).chain(std::iter::repeat_n(chunk, rest));
    futures_util::stream::iter(chunks.map(Ok))
}

/// Memory of this process from `/proc`, in bytes.
fn memory(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("is readable");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("is told");
    line.split_whitespace().next().and_then(|text| text.parse::<u64>().ok()).expect("a number") * 1024
}

fn document(source: MediaSource) -> StepDraft {
    let media = Media { kind: MediaKind::Document, source, mime: None, caption: None, filename: None };
    StepDraft::new(Channel::Whatsapp, Content::Media(media))
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_of_a_hundred_megabytes_are_relayed_within_a_few() {
    let (origin, folder) = (Origin::start().await, tempfile::tempdir().expect("a folder"));
    let gate = Gate::start(folder.path(), Graph::default(), &["route[whatsapp].media=\"id\""]).await;
    gate.send(link(origin.url("picture.jpg")), 10).await;
    gate.until_sent(10).await;
    let before = memory("VmRSS:");
    std::fs::write("/proc/self/clear_refs", "5").expect("the highest is forgotten");

    let source = tokio_util::io::StreamReader::new(chunks(b'1'));
    let mime = Some("application/pdf".to_owned());
    let kept = gate.core().media.put(&gate.account(), mime, None, source).await.expect("is kept");
    let sources = [MediaSource::Id(kept.id.to_string()), link(origin.url("large.pdf"))];
    for source in sources {
        let id = submit(gate.core(), &gate.account(), vec![document(source)], 1).await[0];
        let (notes, submitted, refused) = decided(gate.core(), id).await;
        assert_eq!((submitted, refused), (1, Vec::new()), "{notes:?}");
    }
    assert_eq!(gate.graph.uploads(), 3);
    assert!(gate.graph.0.uploaded_bytes.load(Ordering::SeqCst) > 2 * BYTES);
    let grown = memory("VmHWM:").saturating_sub(before);
    assert!(grown < MOST, "memory grew by {} KB", grown >> 10);
    gate.stop().await;
}
