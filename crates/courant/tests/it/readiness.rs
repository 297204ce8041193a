//! `/readyz` says whether work is taken, and what is wrong.

use courant::health::{Grade, Readiness};

use crate::harness::Stand;

async fn ask(stand: &Stand) -> (u16, Readiness) {
    let request = stand.client.get(format!("{}/readyz", stand.url)).header("accept", "application/json");
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

fn grade(readiness: &Readiness, name: &str) -> Grade {
    let check = readiness.checks.iter().find(|check| check.name == name);
    check.unwrap_or_else(|| panic!("no check {name}: {readiness:?}")).grade
}

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_gateway_is_ready_and_says_so_of_each_part() {
    let stand = Stand::start().await;
    stand
        .until("both networks are up", || async {
            ask(&stand).await.1.checks.iter().all(|check| check.grade == Grade::Good)
        })
        .await;
    let (status, readiness) = ask(&stand).await;
    assert_eq!((status, readiness.ready), (200, true));
    for name in ["requests", "load", "store", "disk", "clock", "route sms", "route whatsapp"] {
        assert_eq!(grade(&readiness, name), Grade::Good, "{name}");
    }
    assert!(stand.text("/readyz").await.starts_with("ready\nrequests good: "));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_write_takes_no_work() {
    // Too small for more than a few hundred messages.
    let stand = Stand::start_with(None, &["store.max_mb=1"]).await;
    let body = crate::harness::cascade(&stand.url, "15558675309", 1_000_000, "full");
    let deadline = std::time::Instant::now() + crate::harness::PATIENCE;
    // What is small may still fit for a while, and a commit that succeeds is news as good as any.
    let readiness = loop {
        let refused = stand.telesign(&body).await.0 != 200;
        let (status, readiness) = ask(&stand).await;
        if refused && status == 503 {
            break readiness;
        }
        assert!(std::time::Instant::now() < deadline, "the store never gets full");
    };
    assert!(!readiness.ready);
    assert_eq!(grade(&readiness, "store"), Grade::Bad);
    let store = readiness.checks.iter().find(|check| check.name == "store").expect("a check");
    assert!(store.advice.as_deref().is_some_and(|advice| advice.contains("max_mb")), "{store:?}");
    assert!(readiness.text().starts_with("not ready\n"));
    stand.stop().await;
}
