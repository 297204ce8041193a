//! Every behaviour of the sandbox's number table, end to end.

use serde_json::json;

use crate::harness::{Stand, channel_code};

#[tokio::test(flavor = "multi_thread")]
async fn an_ordinary_phone_gets_and_reads_the_whatsapp_message_and_no_sms() {
    let stand = Stand::start().await;
    let reference = stand.send("15550107777", 5000, "b").await;
    let status = stand.settled(&reference, &[3005]).await;
    assert_eq!(channel_code(&status, "whatsapp"), Some(3005));
    assert_eq!(channel_code(&status, "sms"), None);
    let inbox = stand.inbox("15550107777").await;
    assert_eq!(inbox.len(), 1);
    assert_eq!(inbox[0]["channel"], "whatsapp");
    assert_eq!(inbox[0]["text"], "whatsapp for 15550107777");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_without_whatsapp_gets_the_sms_at_once() {
    let stand = Stand::start().await;
    let reference = stand.send("15550100001", 3_600_000, "b").await;
    let status = stand.settled(&reference, &[3000]).await;
    assert_eq!(channel_code(&status, "whatsapp"), Some(3055));
    assert_eq!(channel_code(&status, "sms"), Some(3000));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_whatsapp_falls_back_after_its_time_and_the_caller_hears_both() {
    let stand = Stand::start().await;
    let reference = stand.send("15550100002", 600, "b").await;
    let status = stand.settled(&reference, &[3000]).await;
    assert_eq!(channel_code(&status, "whatsapp"), Some(3056));
    assert_eq!(status["status"]["last_channel"], "sms");
    let inbox = stand.inbox("15550100002").await;
    assert_eq!(inbox.iter().map(|entry| entry["channel"].as_str()).collect::<Vec<_>>(), [Some("sms")]);
    let callback = stand
        .find("the final callback", || async {
            stand.bin("b").await.into_iter().find(|body| body["status"]["code"] == json!(3000))
        })
        .await;
    let order: Vec<_> = callback["channel_status"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| entry.as_object().expect("an object").keys().next().expect("a key").clone())
        .collect();
    assert_eq!(order, ["whatsapp", "sms"]);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_neither_channel_reaches_the_phone_the_message_fails() {
    let stand = Stand::start().await;
    let reference = stand.send("15550100003", 5000, "b").await;
    let status = stand.settled(&reference, &[3003]).await;
    assert_eq!(channel_code(&status, "whatsapp"), Some(3055));
    assert!(channel_code(&status, "sms").is_some());
    assert_eq!(stand.inbox("15550100003").await.len(), 0);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivered_message_is_settled_though_nobody_reads_it() {
    let stand = Stand::start().await;
    let reference = stand.send("15550100004", 5000, "b").await;
    let status = stand.settled(&reference, &[3000]).await;
    assert_eq!(channel_code(&status, "sms"), None);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_window_falls_back_and_the_code_says_so() {
    let stand = Stand::start().await;
    let reference = stand.send("15550100005", 3_600_000, "b").await;
    let status = stand.settled(&reference, &[3000]).await;
    assert_eq!(channel_code(&status, "whatsapp"), Some(3114));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_arrives_though_the_window_is_closed() {
    let stand = Stand::start().await;
    let body = json!({
        "channels": [{"channel": "whatsapp"}], "phone_number": "15550110005", "message_type": "ARN",
        "message": {"whatsapp": {"template": "order_shipped", "parameters": {"body_text_1": "42"}}},
    });
    let (_, answer) = stand.telesign(&body).await;
    stand.settled(answer["reference_id"].as_str().expect("a reference"), &[3000, 3005]).await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_media_falls_back() {
    let stand = Stand::start().await;
    let body = json!({
        "channels": [{"channel": "whatsapp"}, {"channel": "sms"}], "phone_number": "15550100006", "message_type": "ARN",
        "message": {
            "whatsapp": {"template": "image", "parameters": {"url": format!("{}/sandbox/media/sample.jpg", stand.url)}},
            "sms": {"template": "text", "parameters": {"text": "instead"}},
        },
    });
    let (_, answer) = stand.telesign(&body).await;
    let status = stand.settled(answer["reference_id"].as_str().expect("a reference"), &[3000]).await;
    assert!(matches!(channel_code(&status, "whatsapp"), Some(3035 | 3061)), "{status}");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_delivery_after_the_fallback_is_recorded_and_does_not_change_the_outcome() {
    let stand = Stand::start().await;
    let reference = stand.send("15550100007", 600, "b").await;
    let status = stand.settled(&reference, &[3000]).await;
    assert_eq!(channel_code(&status, "whatsapp"), Some(3056));
    assert_eq!(status["status"]["last_channel"], "sms");
    stand
        .until("the late delivery shows on its own channel", || async {
            matches!(channel_code(&stand.status(&reference).await, "whatsapp"), Some(3000 | 3005))
        })
        .await;
    let after = stand.status(&reference).await;
    assert_eq!(after["status"]["last_channel"], "sms");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_network_is_asked_again_on_both_channels() {
    let stand = Stand::start().await;
    let reference = stand.send("15550100008", 60_000, "b").await;
    stand.settled(&reference, &[3005]).await;
    let sms = json!({
        "channels": [{"channel": "sms"}], "phone_number": "15550110008", "message_type": "OTP",
        "message": {"sms": {"template": "text", "parameters": {"text": "123456"}}},
    });
    let (_, answer) = stand.telesign(&sms).await;
    stand.settled(answer["reference_id"].as_str().expect("a reference"), &[3000]).await;
    assert_eq!(stand.inbox("15550110008").await.len(), 1);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stopped_marketing_gets_the_sms() {
    let stand = Stand::start().await;
    let reference = stand.send("15550100009", 3_600_000, "b").await;
    let status = stand.settled(&reference, &[3000]).await;
    assert_eq!(channel_code(&status, "whatsapp"), Some(3046));
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn repeated_disordered_and_skipped_statuses_end_as_read_once() {
    let stand = Stand::start().await;
    let reference = stand.send("15550100010", 5000, "b").await;
    let status = stand.settled(&reference, &[3005]).await;
    assert_eq!(channel_code(&status, "sms"), None);
    assert_eq!(stand.inbox("15550100010").await.len(), 1);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_settled_by_the_receipt_and_nothing_is_sent_twice() {
    let stand = Stand::start().await;
    let reference = stand.send("15550100011", 60_000, "b").await;
    stand.settled(&reference, &[3000, 3005]).await;
    let inbox = stand.inbox("15550100011").await;
    assert_eq!(inbox.len(), 1, "{inbox:?}");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_network_works() {
    let stand = Stand::start().await;
    let reference = stand.send("15550100012", 60_000, "b").await;
    stand.settled(&reference, &[3000, 3005]).await;
    assert_eq!(stand.inbox("15550100012").await.len(), 1);
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_first_attempt_is_repeated_on_both_channels() {
    let stand = Stand::start().await;
    let reference = stand.send("15550100013", 60_000, "b").await;
    let status = stand.settled(&reference, &[3000, 3005]).await;
    assert_eq!(channel_code(&status, "sms"), None, "{status}");
    let sms = json!({
        "channels": [{"channel": "sms"}], "phone_number": "15550110013", "message_type": "OTP",
        "message": {"sms": {"template": "text", "parameters": {"text": "123456"}}},
    });
    let (_, answer) = stand.telesign(&sms).await;
    stand.settled(answer["reference_id"].as_str().expect("a reference"), &[3000]).await;
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_whatsapp_is_down_messages_fall_back_by_their_own_clock() {
    let stand = Stand::start().await;
    stand
        .client
        .post(format!("{}/sandbox/networks/whatsapp", stand.url))
        .json(&json!({"up": false}))
        .send()
        .await
        .expect("an answer");
    let reference = stand.send("15550107777", 600, "b").await;
    let status = stand.settled(&reference, &[3000]).await;
    assert_eq!(channel_code(&status, "whatsapp"), Some(3056));
    assert_eq!(status["status"]["last_channel"], "sms");
    stand.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_waits_for_a_network_that_comes_back() {
    let stand = Stand::start().await;
    let networks = format!("{}/sandbox/networks/whatsapp", stand.url);
    stand.client.post(&networks).json(&json!({"up": false})).send().await.expect("an answer");
    let reference = stand.send("15550107777", 60_000, "b").await;
    stand
        .until("the outage is noticed", || async { stand.text("/metrics").await.contains("provider_down") })
        .await;
    stand.client.post(&networks).json(&json!({"up": true})).send().await.expect("an answer");
    let status = stand.settled(&reference, &[3000, 3005]).await;
    assert_eq!(channel_code(&status, "sms"), None);
    stand.stop().await;
}
