//! Every path of a vendor belongs to that vendor's dialect and to no other.

use crate::{ALL, support};

/// All documented paths, and some unknown ones of the same trees.
pub(super) const PATHS: [(&str, &[&str]); 5] = [
    (
        "telesign",
        &[
            "/v1/omnichannel",
            "//v1/omnichannel/",
            "/v1/omnichannel/01A1FCC3B3DB00000000000000000001",
            "/v1/omnichannel/templates",
            "/v1/omnichannel/templates/whatsapp/welcome",
            "/v1/messaging",
            "/v1/messaging/01A1FCC3B3DB00000000000000000001",
            "/v1/verify/completion/01A1FCC3B3DB00000000000000000001",
            "/capability/rcs/15558675309",
            "/capability/rcs/15558675309/agent",
            "/v1/omnichannel/a/b/c/d/e",
        ],
    ),
    (
        "infobip",
        &[
            "/omni/1/scenarios",
            "/omni/1/scenarios/5F3E9B7A",
            "/omni/1/advanced",
            "/omni/1/text",
            "/omni/1/reports",
            "/omni/1/logs",
            "/auth/1/session",
            "/auth/1/oauth2/token",
            "/omni/2/anything",
        ],
    ),
    (
        "kaleyra",
        &[
            "/v2/HXAP16XXXXXX97IN/whatsapp",
            "/v2/HXAP16XXXXXX97IN/whatsapp/919800000001/messages",
            "/v2/HXAP16XXXXXX97IN/whatsapp/919800000001/messages/1",
            "/v2/HXAP16XXXXXX97IN/whatsapp/919800000001/media",
            "/v2/HXAP16XXXXXX97IN/whatsapp/919800000001/resumable-media",
            "/v2/HXAP16XXXXXX97IN/whatsapp/919800000001/message_templates",
            "/v2/HXAP16XXXXXX97IN/messages",
            "/v1/HXAP16XXXXXX97IN/messages",
            "/v1/HXAP16XXXXXX97IN/messages/status",
            "/v1/HXAP16XXXXXX97IN/sms",
            "/v1/HXAP16XXXXXX97IN/sms/status",
            "/v1/HXAP16XXXXXX97IN/whatsapp/template/x",
            "/v1/HXAP16XXXXXX97IN/workflow/v1/instances/welcome/invoke",
            "/v2/HXAP16XXXXXX97IN/nothing",
        ],
    ),
    (
        "webex_connect",
        &[
            "/resources/v1/messaging",
            "/resources/v1/messaging/",
            "/v2/messages",
            "/v2/messages/01a1fcc3-b3db-0000-0000-000000000001",
            "/resources/v1/nothing",
        ],
    ),
    (
        "messangi",
        &[
            "/kingslanding/login",
            "/notification",
            "/v2/notification",
            "/oberyn/v2/notification",
            "/v3/messages",
            "/raven/v2/messages",
            "/crowsnest/v2/emails",
            "/balerion/v3/messages",
            "/raven/nothing",
        ],
    ),
];

fn claimants(path: &str) -> Vec<&'static str> {
    let segments = support::segments(path);
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    ALL.iter().filter(|dialect| dialect.claims(&segments)).map(|dialect| dialect.name()).collect()
}

#[test]
fn every_vendors_path_is_claimed_by_its_dialect_alone() {
    assert_eq!(PATHS.len(), ALL.len());
    for (name, paths) in PATHS {
        for path in paths {
            assert_eq!(claimants(path), [name], "{path}");
        }
    }
}

#[test]
fn nobody_claims_the_paths_of_the_gateway_itself() {
    for path in
        ["/", "/health", "/metrics", "/hooks/whatsapp", "/console", "/v1", "/v2", "/v3", "/favicon.ico"]
    {
        assert_eq!(claimants(path), [""; 0], "{path}");
    }
}
