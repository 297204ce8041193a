//! Contents in an object store: over HTTP in the shape of S3, and in a folder.

use super::{s3::S3, *};

fn objects(s3: &S3) -> Objects {
    let options = s3.options();
    let options: Vec<(&str, &str)> = options.iter().map(|(key, value)| (*key, value.as_str())).collect();
    Objects::new("s3://bucket/media", &options).expect("is right")
}

fn open_away(folder: &TempDir, objects: Objects) -> Library {
    Library::open(folder.path(), Limits::default(), key(), Some(objects)).expect("opens")
}

fn name(record: &Record) -> String {
    let sha256 = &record.sha256;
    format!("media/{}/{}/{sha256}", &sha256[..2], &sha256[2..4])
}

/// Files of the library that are neither index nor notes.
fn bodies_on_disk(folder: &TempDir) -> Vec<String> {
    all_files(folder.path()).into_iter().filter(|path| !path.starts_with("index/")).collect()
}

#[tokio::test]
async fn contents_are_put_away_once_served_in_part_and_removed_with_their_last_id() {
    let (s3, folder) = (S3::start().await, folder());
    let library = open_away(&folder, objects(&s3));
    let one = put(&library, "acme", b"0123456789").await;
    let two = put(&library, "other", b"0123456789").await;
    assert_eq!(s3.names(), [name(&one)]);
    assert_eq!(s3.take_log(), ["PUT", "HEAD"], "the second is only looked for");
    assert_eq!(bodies_on_disk(&folder), Vec::<String>::new());
    assert_eq!(library.blob_path(&one), None);
    assert_eq!(content(&library, &two).await, b"0123456789");

    let path = library.public_path(one.id, "png");
    let part = serve(&library, Method::GET, &path, &[(header::RANGE, "bytes=2-4")]).await;
    assert_eq!((part.status(), body(&part).await), (StatusCode::PARTIAL_CONTENT, b"234".to_vec()));

    assert!(library.remove(&account("acme"), one.id).await.expect("works"));
    assert_eq!(s3.names(), [name(&two)]);
    assert!(library.remove(&account("other"), two.id).await.expect("works"));
    assert_eq!((s3.names(), all_files(folder.path())), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_large_file_goes_in_parts_and_comes_back_the_same() {
    let (s3, folder) = (S3::start().await, folder());
    let library = open_away(&folder, objects(&s3));
    let bytes: Vec<u8> = (0..20_000_000_u32).map(|number| (number % 251) as u8).collect();
    let record = put(&library, "acme", &bytes).await;
    let expected = ["POST uploads", "PUT partNumber", "PUT partNumber", "PUT partNumber", "POST uploadId"];
    assert_eq!(s3.take_log(), expected);
    let copy = library.copy(&record, folder.path()).await.expect("is copied");
    assert!(fs::read(&copy).expect("is readable") == bytes);
    s3.spoil(&name(&record));
    let spoilt = library.copy(&record, folder.path()).await.expect_err("is another content");
    assert_eq!(spoilt.kind(), io::ErrorKind::InvalidData);
    s3.lose(&name(&record));
    let lost = library.copy(&record, folder.path()).await.expect_err("is gone");
    assert_eq!(lost.kind(), io::ErrorKind::NotFound);
}

#[tokio::test]
async fn a_content_that_was_lost_is_put_away_again_by_the_next_who_brings_it() {
    let (s3, folder) = (S3::start().await, folder());
    let library = open_away(&folder, objects(&s3));
    let one = put(&library, "acme", b"content").await;
    s3.lose(&name(&one));
    put(&library, "acme", b"content").await;
    assert_eq!(content(&library, &one).await, b"content");
}

#[tokio::test]
async fn a_store_that_fails_refuses_uploads_and_leaves_nothing_visible() {
    let (s3, folder) = (S3::start().await, folder());
    let library = open_away(&folder, objects(&s3));
    s3.fail(&["PUT"]);
    let outcome = library.put(file("acme"), &b"content"[..]).await;
    assert!(matches!(outcome, Err(PutError::Away(_))), "{outcome:?}");
    assert_eq!((library.usage(&account("acme")), library.total()), (Usage::default(), Usage::default()));
    assert_eq!(library.list(&account("acme"), None, 10), []);
}

#[tokio::test]
async fn an_object_whose_id_never_came_or_that_could_not_be_removed_goes_with_the_next_sweep() {
    let (s3, folder) = (S3::start().await, folder());
    let library = open_away(&folder, objects(&s3));
    let record = put(&library, "acme", b"content").await;
    // The store takes what is put and fails to remove it.
    s3.fail(&["POST"]);
    assert!(library.remove(&account("acme"), record.id).await.expect("the id is gone"));
    assert_eq!(s3.names(), [name(&record)]);
    s3.fail(&[]);
    // Died between object and id: the object is there and noted, and nothing refers to it.
    let orphan = put(&library, "acme", b"orphan").await;
    fs::remove_file(disk::record_path(folder.path(), orphan.id)).expect("is removed");
    disk::doubt(folder.path(), &orphan.sha256).expect("is noted");
    // Died after the id and before the note was taken away.
    let kept = put(&library, "acme", b"kept").await;
    disk::doubt(folder.path(), &kept.sha256).expect("is noted");

    let again = open_away(&folder, objects(&s3));
    assert_eq!(s3.names().len(), 3, "the start does not wait for the store");
    again.sweep(NOW, |_| false).await.expect("sweeps");
    assert_eq!(s3.names(), [name(&kept)]);
    assert_eq!(disk::doubtful(folder.path()).expect("is readable"), Vec::<String>::new());
    assert_eq!(content(&again, &kept).await, b"kept");
}

#[tokio::test]
async fn a_sweep_removes_what_expired_and_never_what_a_message_needs() {
    let (s3, folder) = (S3::start().await, folder());
    let library = open_away(&folder, objects(&s3));
    let needed = put(&library, "acme", b"needed").await;
    put(&library, "acme", b"not needed").await;
    library.need(needed.id, later(40)).expect("is written");
    let library = open_away(&folder, objects(&s3));
    let swept = library.sweep(later(31), |_| false).await.expect("sweeps");
    assert_eq!(swept, Swept { records: 1, blobs: 1 });
    assert_eq!(s3.names(), [name(&needed)]);
}

#[tokio::test]
async fn files_of_before_the_store_stay_readable_and_those_of_another_store_are_left_alone() {
    let (s3, folder) = (S3::start().await, folder());
    let here = put(&open(&folder), "acme", b"the same").await;
    let library = open_away(&folder, objects(&s3));
    let away = put(&library, "acme", b"the same").await;
    assert_eq!(
        (content(&library, &here).await, content(&library, &away).await),
        (b"the same".to_vec(), b"the same".to_vec())
    );
    assert!(library.remove(&account("acme"), here.id).await.expect("works"));
    assert_eq!(content(&library, &away).await, b"the same");

    let without = open(&folder);
    assert_eq!(without.held(away.id), None);
    without.sweep(later(100), |_| false).await.expect("sweeps");
    assert_eq!(s3.names(), [name(&away)]);
    assert!(open_away(&folder, objects(&s3)).held(away.id).is_some());
}

#[tokio::test]
async fn many_who_bring_and_remove_the_same_content_at_once_never_lose_it() {
    let (s3, folder) = (S3::start().await, folder());
    let library = open_away(&folder, objects(&s3));
    for _ in 0..10 {
        let old = put(&library, "acme", b"content").await;
        let owner = account("acme");
        let (removed, new) = tokio::join!(library.remove(&owner, old.id), put(&library, "other", b"content"));
        assert!(removed.expect("works"));
        assert_eq!(content(&library, &new).await, b"content");
        assert!(library.remove(&account("other"), new.id).await.expect("works"));
        assert_eq!(s3.names(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_mounted_folder_serves_as_a_store_through_the_same_code() {
    let (mount, folder) = (folder(), folder());
    let address = format!("file://{}", mount.path().display());
    let store = Objects::new(&address, &[]).expect("is there");
    store.probe("1").await.expect("can be written");
    let library = open_away(&folder, store);
    let record = put(&library, "acme", b"0123456789").await;
    let path = library.public_path(record.id, "png");
    let part = serve(&library, Method::GET, &path, &[(header::RANGE, "bytes=-3")]).await;
    assert_eq!(body(&part).await, b"789");
    assert!(library.remove(&account("acme"), record.id).await.expect("works"));
    assert_eq!(all_files(mount.path()), Vec::<String>::new());
    assert!(Objects::new(&format!("{address}/missing"), &[]).is_err());
}

#[tokio::test]
async fn a_probe_says_what_is_wrong_and_no_secret() {
    let s3 = S3::start().await;
    objects(&s3).probe("1").await.expect("all is well");
    assert_eq!(s3.names(), Vec::<String>::new());
    let mut options = s3.options();
    options[3].1 = "a wrong key".to_owned();
    let options: Vec<(&str, &str)> = options.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let wrong = Objects::new("s3://bucket/media", &options).expect("is right in form");
    let error = wrong.probe("1").await.expect_err("is refused").to_string();
    assert_eq!(error, "the object store does not allow that");
    let nobody = [("endpoint", "http://127.0.0.1:9"), ("access_key_id", "a"), ("secret_access_key", "b")];
    let unreachable = Objects::new("s3://bucket/media", &nobody).expect("is right in form");
    let error = unreachable.probe("1").await.expect_err("nobody listens").to_string();
    assert!(error.starts_with("the object store failed: ") && error.contains("refused"), "{error}");
}

#[test]
fn what_is_wrong_with_an_address_is_told() {
    let fault = |address: &str, options: &[(&str, &str)]| {
        Objects::new(address, options).map(drop).expect_err("is wrong")
    };
    assert!(fault("bucket", &[]).contains("is not a URL"));
    assert!(fault("ftp://bucket", &[]).contains("no kind of store"));
    assert!(fault("memory:///", &[]).contains("no kind of store"));
    assert!(fault("s3://key:secret@bucket", &[]).contains("no credentials"));
    assert_eq!(fault("s3://bucket", &[("colour", "blue")]), "there is no option `colour`");
}
