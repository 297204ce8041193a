//! The vendor's catalogue of statuses and errors, and which of them we say when.
//!
//! Ids, names, groups and permanence: Infobip, "Response status and error codes" (all of that
//! page is in `codes.csv`; a test holds the constants against it). Which cause gets which code is
//! ours, as the vendor does not say what its own networks answered. Descriptions in quotes on the
//! vendor's OMNI and SMS pages are kept to the letter (statuses 5, 7, 9, 26; errors 0 and 6), the
//! others are our own words.

use model::{Cause, Channel, Status as Rung, message::Until};

use super::wire::{Fault, Status};

macro_rules! statuses {
    ($($name:ident = $group:literal $group_name:ident $id:literal $text:literal;)*) => {
        $(pub(super) const $name: Status = Status {
            group_id: $group,
            group_name: stringify!($group_name),
            id: $id,
            name: stringify!($name),
            description: $text,
        };)*
        #[cfg(test)]
        pub(super) const STATUSES: &[Status] = &[$($name,)*];
    };
}

statuses! {
    PENDING_WAITING_DELIVERY = 1 PENDING 3 "Message sent, waiting for delivery report";
    PENDING_ENROUTE = 1 PENDING 7 "Message sent to next instance";
    PENDING_ACCEPTED = 1 PENDING 26 "Message accepted, pending for delivery";
    UNDELIVERABLE_REJECTED_OPERATOR = 2 UNDELIVERABLE 4 "Message rejected by operator";
    UNDELIVERABLE_NOT_DELIVERED = 2 UNDELIVERABLE 9 "Message sent not delivered";
    CANCELLED = 2 UNDELIVERABLE 98 "Message cancelled";
    DELIVERED_TO_OPERATOR = 3 DELIVERED 2 "Message delivered to operator";
    DELIVERED_TO_HANDSET = 3 DELIVERED 5 "Message delivered to handset";
    EXPIRED_EXPIRED = 4 EXPIRED 15 "Message expired";
    EXPIRED_DLR_UNKNOWN = 4 EXPIRED 29 "Delivery outcome unknown";
    REJECTED_NETWORK = 5 REJECTED 6 "Network is not supported";
    REJECTED_DND = 5 REJECTED 10 "Recipient does not accept such messages";
    REJECTED_NOT_ENOUGH_CREDITS = 5 REJECTED 12 "Not enough credits";
    REJECTED_SENDER = 5 REJECTED 13 "Sender is not valid";
    REJECTED_DESTINATION_BLOCKLISTED = 5 REJECTED 14 "Destination is on a block list";
    REJECTED_ROUTE_NOT_AVAILABLE = 5 REJECTED 19 "No route available";
    REJECTED_FLOODING_FILTER = 5 REJECTED 20 "Too many messages to this destination";
    REJECTED_SYSTEM_ERROR = 5 REJECTED 21 "System error";
    REJECTED_DUPLICATE_MESSAGE_ID = 5 REJECTED 23 "Message id is already in use";
    REJECTED_MESSAGE_TOO_LONG = 5 REJECTED 25 "Message is too long";
    MISSING_TO = 5 REJECTED 51 "Destination is missing";
    REJECTED_DESTINATION = 5 REJECTED 52 "Destination is not valid";
    REJECTED = 5 REJECTED 99 "Message rejected";
}

macro_rules! faults {
    ($($name:ident = $group:literal $group_name:ident $id:literal $permanent:literal $text:literal;)*) => {
        $(const $name: Fault = Fault {
            group_id: $group,
            group_name: stringify!($group_name),
            id: $id,
            name: stringify!($name),
            description: $text,
            permanent: $permanent,
        };)*
        #[cfg(test)]
        pub(super) const FAULTS: &[Fault] = &[$($name,)*];
    };
}

faults! {
    NO_ERROR = 0 OK 0 false "No Error";
    EC_UNKNOWN_SUBSCRIBER = 1 HANDSET_ERRORS 1 true "Unknown Subscriber";
    EC_ABSENT_SUBSCRIBER_SM = 1 HANDSET_ERRORS 6 false "Absent Subscriber";
    EC_CALL_BARRED = 1 HANDSET_ERRORS 13 false "Barred by the subscription";
    EC_SM_DELIVERY_FAILURE = 1 HANDSET_ERRORS 32 false "Delivery failed";
    EC_UNKNOWN_ERROR = 1 HANDSET_ERRORS 255 false "Unknown error";
    EC_SM_DF_MEMORYCAPACITYEXCEEDED = 1 HANDSET_ERRORS 256 false "Handset memory is full";
    EC_SM_DF_EQUIPMENTNOTSM_EQUIPPED = 1 HANDSET_ERRORS 258 false "Handset cannot take the message";
    EC_PROVIDER_GENERAL_ERROR = 1 HANDSET_ERRORS 500 false "Provider error";
    EC_NO_RESPONSE = 1 HANDSET_ERRORS 502 false "No response from the provider";
    EC_NOT_SUPPORTED_SERVICE = 1 HANDSET_ERRORS 508 false "Not supported on this channel";
    EC_SC_BLOCKED_BY_END_USER = 1 HANDSET_ERRORS 573 true "Blocked by the recipient";
    EC_USER_OUT_OF_CREDIT = 1 HANDSET_ERRORS 581 false "Out of credit";
    EC_NNR_NETWORKCONGESTION = 1 HANDSET_ERRORS 1158 false "Network congestion";
    EC_INVALID_DESTINATION_ADDRESS = 2 USER_ERRORS 351 false "Invalid destination address";
    EC_INVALID_REQUEST_DESTINATION = 2 USER_ERRORS 352 true "Invalid destination";
    EC_MSG_TEXT_TOO_LONG = 2 USER_ERRORS 355 true "Text is too long";
    EC_INVALID_SOURCE_ADDRESS = 2 USER_ERRORS 368 true "Invalid sender";
    EC_LIMIT_REACHED = 2 USER_ERRORS 541 false "Limit reached";
    EC_QUOTA_REACHED = 2 USER_ERRORS 542 false "Quota reached";
    EC_ACCOUNT_ACCESS_DENIED = 2 USER_ERRORS 433 true "Account access denied";
    EC_CONTENT_BLOCKED = 2 USER_ERRORS 603 true "Content blocked";
    EC_REJECTED_SPAM_BY_OPERATOR = 2 USER_ERRORS 607 true "Refused as spam";
    EC_BLACKLISTED_DESTINATIONADDRESS = 2 USER_ERRORS 2052 true "Destination is on a block list";
    EC_INVALID_PDU_FORMAT = 2 USER_ERRORS 4096 true "Invalid message format";
    EC_MESSAGE_CANCELED = 2 USER_ERRORS 4100 true "Message cancelled";
    EC_VALIDITY_EXPIRED = 2 USER_ERRORS 4101 true "Validity period expired";
    EC_DESTINATION_FLOODING = 2 USER_ERRORS 4103 true "Too many messages to this destination";
    EC_OPERATOR_NOT_FOUND = 3 OPERATOR_ERRORS 345 true "No operator for this destination";
    EC_ACCOUNT_NOT_PROVISIONED_FOR_CHANNEL = 3 OPERATOR_ERRORS 592 true "Channel is not available";
    EC_SMS_REJECTED_BY_MOBILE_OPERATOR = 3 OPERATOR_ERRORS 632 true "Rejected by the operator";
    EC_FAILED_MESSAGE_DELIVERY = 3 OPERATOR_ERRORS 810 true "Delivery failed";
    EC_MESSAGE_SUBMITTED_NOT_ACKED = 3 OPERATOR_ERRORS 815 true "Submitted without acknowledgement";
    EC_VP_EXPIRED = 3 OPERATOR_ERRORS 4098 false "Validity period expired";
    EC_DUPLICATE_MESSAGE = 3 OPERATOR_ERRORS 5492 true "Duplicate message";
    EC_SPAM_DETECTED = 1 DROPPED 6002 true "Refused as spam";
    EC_UNSUBSCRIBED_EMAIL_ADDRESS = 1 DROPPED 6003 true "Recipient has unsubscribed";
    EC_SENDER_ADDRESS_INVALID = 1 DROPPED 6029 true "Invalid sender address";
    EC_MAILBOX_PROVIDER_RATE_LIMIT = 1 DROPPED 6058 false "Rate limit of the mailbox provider";
    EC_INVALID_EMAIL_ADDRESS = 2 BOUNCED 6006 true "Invalid email address";
    EC_MAILBOX_TEMPORARY_UNAVAILABLE = 2 BOUNCED 6007 false "Mailbox is unavailable for now";
    EC_RECIPIENT_INBOX_FULL = 2 BOUNCED 6010 false "Mailbox is full";
    EC_SOFT_BOUNCE = 2 BOUNCED 6011 false "Soft bounce";
    EC_HARD_BOUNCE = 2 BOUNCED 6012 true "Hard bounce";
    EC_INTERNAL_SYSTEM_ERROR = 3 SYSTEM_ERRORS 6013 false "Internal error";
    EC_UNKNOWN_USER = 1 CLIENT_ERRORS 7002 true "Recipient is not a user of the channel";
    EC_BLOCKED_USER = 1 CLIENT_ERRORS 7003 true "Recipient is blocked";
    EC_UNAUTHORIZED_ACCESS = 1 CLIENT_ERRORS 7004 true "Unauthorized access";
    EC_BAD_REQUEST = 1 CLIENT_ERRORS 7006 true "Bad request";
    EC_INVALID_TEMPLATE_ARGS = 1 CLIENT_ERRORS 7008 true "Invalid template arguments";
    EC_INVALID_TEMPLATE = 1 CLIENT_ERRORS 7009 true "Invalid template";
    EC_NO_SESSION = 1 CLIENT_ERRORS 7010 true "No open conversation with the recipient";
    EC_ACCOUNT_ISSUE = 1 CLIENT_ERRORS 7011 true "Account issue at the provider";
    EC_MEDIA_HOSTING_ERROR = 1 CLIENT_ERRORS 7013 false "Media could not be fetched";
    EC_MEDIA_UPLOAD_ERROR = 1 CLIENT_ERRORS 7014 false "Media could not be uploaded";
    EC_SPAM_RATE = 1 CLIENT_ERRORS 7016 true "Spam rate limit hit";
    EC_TOO_MANY_REQUESTS = 1 CLIENT_ERRORS 7017 false "Too many requests";
    EC_DEVICE_REPRODUCTION_ERROR = 1 CLIENT_ERRORS 7020 true "Device cannot show the message";
    EC_LIMITED_FUNCTIONALITY = 1 CLIENT_ERRORS 7021 true "Not available for this recipient";
    EC_MEDIA_UNSUPPORTED = 1 CLIENT_ERRORS 7022 true "Media is not supported";
    EC_BLOCKED_CONTENT = 1 CLIENT_ERRORS 7027 true "Content blocked";
    EC_USER_IDENTITY_CHANGED = 1 CLIENT_ERRORS 7029 true "Recipient's identity has changed";
    EC_FREQUENCY_CAPPING = 1 CLIENT_ERRORS 7032 true "Frequency cap reached";
    EC_MARKETING_OPT_OUT = 1 CLIENT_ERRORS 7033 true "Recipient has opted out";
    EC_SENDER_NOT_REGISTERED = 1 CLIENT_ERRORS 7034 true "Sender is not registered";
    EC_TEMPLATE_NOT_AVAILABLE = 2 PROVIDER_ERRORS 7037 false "Template is not available";
    EC_PROVIDER_INTERNAL_ERROR = 2 PROVIDER_ERRORS 7050 false "Provider's internal error";
    EC_PROVIDER_TIMEOUT = 2 PROVIDER_ERRORS 7051 false "Provider timed out";
    EC_PROVIDER_DR_ERROR = 2 PROVIDER_ERRORS 7052 true "Provider reported failure";
    EC_SERVICE_NOT_ACTIVATED = 3 SYSTEM_ERRORS 7083 true "Service is not activated";
    EC_DUPLICATE_REQUEST = 3 SYSTEM_ERRORS 7280 true "Duplicate request";
    EC_NO_REGISTRATION_ID_FOUND = 1 REGISTRATION_ERRORS 8004 true "Registration id is not known";
    EC_SYS_ERROR_FROM_CLOUD = 3 CLOUD_ERRORS 8005 true "Push service error";
    EC_INVALID_PUSH_PAYLOAD = 3 CLOUD_ERRORS 8010 true "Invalid push payload";
    EC_PUSH_CLOUD_TEMP_UNAVAILABLE = 3 CLOUD_ERRORS 8012 true "Push service is unavailable for now";
    EC_REGISTRATION_ID_DISABLED = 3 CLOUD_ERRORS 8013 true "Registration id is disabled";
}

/// The part of the vendor's error catalogue that a channel speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// SMS, MMS and voice: codes of operators and handsets.
    General,
    /// WhatsApp, Viber and the other messengers.
    Chat,
    /// Email.
    Email,
    /// Push.
    Push,
}

impl Family {
    /// All families, in the order of the columns below.
    #[cfg(test)]
    pub(super) const ALL: [Self; 4] = [Self::General, Self::Chat, Self::Email, Self::Push];

    /// The family of a channel.
    pub(super) const fn of(channel: Channel) -> Self {
        match channel {
            Channel::Sms | Channel::Mms | Channel::Voice | Channel::Unlisted => Self::General,
            Channel::Whatsapp
            | Channel::Rcs
            | Channel::Viber
            | Channel::Messenger
            | Channel::Line
            | Channel::Vkontakte
            | Channel::KakaoAlim
            | Channel::KakaoChingu
            | Channel::AppleMessages => Self::Chat,
            Channel::Email => Self::Email,
            Channel::Push | Channel::InApp => Self::Push,
        }
    }
}

/// Status and error of one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) status: &'static Status,
    pub(super) fault: &'static Fault,
}

/// What we say of a rung on a channel. `until` tells whether acceptance by the network is all
/// that the channel gives; `scheduled` whether the message waits for its `sendAt`.
pub(super) const fn verdict(rung: Rung, channel: Channel, until: Until, scheduled: bool) -> Verdict {
    let status = match rung {
        Rung::Waiting if scheduled => &PENDING_ACCEPTED,
        Rung::Waiting | Rung::Accepted => &PENDING_ENROUTE,
        Rung::Submitted | Rung::Sent => match until {
            Until::Submitted => &DELIVERED_TO_OPERATOR,
            Until::Delivered | Until::Read => &PENDING_WAITING_DELIVERY,
        },
        Rung::Delivered | Rung::Read | Rung::Played => match until {
            Until::Submitted => &DELIVERED_TO_OPERATOR,
            Until::Delivered | Until::Read => &DELIVERED_TO_HANDSET,
        },
        Rung::Failed(cause) => return failure(cause, Family::of(channel)),
    };
    Verdict { status, fault: &NO_ERROR }
}

/// What we say of a failure on a channel of the family.
pub(super) const fn failure(cause: Cause, family: Family) -> Verdict {
    let row = row(cause);
    let fault = match family {
        Family::General => row.general,
        Family::Chat => row.chat,
        Family::Email => row.email,
        Family::Push => row.push,
    };
    Verdict { status: row.status, fault }
}

/// One cause in the vendor's words: a status, and an error for each family.
struct Row {
    status: &'static Status,
    general: &'static Fault,
    chat: &'static Fault,
    email: &'static Fault,
    push: &'static Fault,
}

/// General, chat, email and push errors, in this order.
const fn say(status: &'static Status, faults: [&'static Fault; 4]) -> Row {
    let [general, chat, email, push] = faults;
    Row { status, general, chat, email, push }
}

const fn row(cause: Cause) -> Row {
    // Statuses: group 5 is for what no network was asked (or what it would not look at), group 2
    // for what a network answered, group 4 for time.
    const UNDELIVERED: &Status = &UNDELIVERABLE_NOT_DELIVERED;
    const OPERATOR: &Status = &UNDELIVERABLE_REJECTED_OPERATOR;
    match cause {
        Cause::NotOnChannel => say(
            UNDELIVERED,
            [
                &EC_SM_DF_EQUIPMENTNOTSM_EQUIPPED,
                &EC_UNKNOWN_USER,
                &EC_HARD_BOUNCE,
                &EC_NO_REGISTRATION_ID_FOUND,
            ],
        ),
        Cause::InvalidRecipient => say(
            &REJECTED_DESTINATION,
            [
                &EC_INVALID_DESTINATION_ADDRESS,
                &EC_UNKNOWN_USER,
                &EC_INVALID_EMAIL_ADDRESS,
                &EC_NO_REGISTRATION_ID_FOUND,
            ],
        ),
        Cause::UnknownSubscriber => say(
            UNDELIVERED,
            [&EC_UNKNOWN_SUBSCRIBER, &EC_UNKNOWN_USER, &EC_HARD_BOUNCE, &EC_NO_REGISTRATION_ID_FOUND],
        ),
        Cause::AbsentSubscriber => say(
            UNDELIVERED,
            [
                &EC_ABSENT_SUBSCRIBER_SM,
                &EC_PROVIDER_DR_ERROR,
                &EC_MAILBOX_TEMPORARY_UNAVAILABLE,
                &EC_PUSH_CLOUD_TEMP_UNAVAILABLE,
            ],
        ),
        Cause::HandsetTemporary => say(
            UNDELIVERED,
            [
                &EC_SM_DF_MEMORYCAPACITYEXCEEDED,
                &EC_PROVIDER_DR_ERROR,
                &EC_RECIPIENT_INBOX_FULL,
                &EC_PUSH_CLOUD_TEMP_UNAVAILABLE,
            ],
        ),
        Cause::HandsetPermanent => say(
            UNDELIVERED,
            [
                &EC_SM_DF_EQUIPMENTNOTSM_EQUIPPED,
                &EC_DEVICE_REPRODUCTION_ERROR,
                &EC_HARD_BOUNCE,
                &EC_REGISTRATION_ID_DISABLED,
            ],
        ),
        Cause::OptedOut => say(
            &REJECTED_DND,
            [
                &EC_SC_BLOCKED_BY_END_USER,
                &EC_MARKETING_OPT_OUT,
                &EC_UNSUBSCRIBED_EMAIL_ADDRESS,
                &EC_REGISTRATION_ID_DISABLED,
            ],
        ),
        Cause::Barred => say(
            UNDELIVERED,
            [&EC_CALL_BARRED, &EC_BLOCKED_USER, &EC_HARD_BOUNCE, &EC_REGISTRATION_ID_DISABLED],
        ),
        Cause::Undeliverable => say(
            UNDELIVERED,
            [&EC_SM_DELIVERY_FAILURE, &EC_UNKNOWN_USER, &EC_HARD_BOUNCE, &EC_SYS_ERROR_FROM_CLOUD],
        ),
        Cause::IdentityChanged => say(
            UNDELIVERED,
            [
                &EC_SM_DELIVERY_FAILURE,
                &EC_USER_IDENTITY_CHANGED,
                &EC_HARD_BOUNCE,
                &EC_NO_REGISTRATION_ID_FOUND,
            ],
        ),
        Cause::SelfAddressed => say(
            &REJECTED_DESTINATION,
            [
                &EC_INVALID_REQUEST_DESTINATION,
                &EC_BAD_REQUEST,
                &EC_INVALID_EMAIL_ADDRESS,
                &EC_INVALID_PUSH_PAYLOAD,
            ],
        ),
        Cause::MissingAddress => say(
            &MISSING_TO,
            [
                &EC_INVALID_REQUEST_DESTINATION,
                &EC_UNKNOWN_USER,
                &EC_INVALID_EMAIL_ADDRESS,
                &EC_NO_REGISTRATION_ID_FOUND,
            ],
        ),
        Cause::WindowClosed => say(
            UNDELIVERED,
            [&EC_NOT_SUPPORTED_SERVICE, &EC_NO_SESSION, &EC_HARD_BOUNCE, &EC_INVALID_PUSH_PAYLOAD],
        ),
        Cause::TemplateMissing => say(
            UNDELIVERED,
            [&EC_INVALID_PDU_FORMAT, &EC_INVALID_TEMPLATE, &EC_HARD_BOUNCE, &EC_INVALID_PUSH_PAYLOAD],
        ),
        Cause::TemplatePaused => say(
            UNDELIVERED,
            [&EC_INVALID_PDU_FORMAT, &EC_TEMPLATE_NOT_AVAILABLE, &EC_HARD_BOUNCE, &EC_INVALID_PUSH_PAYLOAD],
        ),
        Cause::TemplateParameters | Cause::MissingParameter => say(
            UNDELIVERED,
            [&EC_INVALID_PDU_FORMAT, &EC_INVALID_TEMPLATE_ARGS, &EC_HARD_BOUNCE, &EC_INVALID_PUSH_PAYLOAD],
        ),
        Cause::MissingContent => say(
            &REJECTED,
            [&EC_INVALID_PDU_FORMAT, &EC_BAD_REQUEST, &EC_INTERNAL_SYSTEM_ERROR, &EC_INVALID_PUSH_PAYLOAD],
        ),
        Cause::InvalidContent => say(
            UNDELIVERED,
            [&EC_INVALID_PDU_FORMAT, &EC_BAD_REQUEST, &EC_HARD_BOUNCE, &EC_INVALID_PUSH_PAYLOAD],
        ),
        Cause::ContentRejected => say(
            OPERATOR,
            [&EC_CONTENT_BLOCKED, &EC_BLOCKED_CONTENT, &EC_SPAM_DETECTED, &EC_INVALID_PUSH_PAYLOAD],
        ),
        Cause::Spam => say(
            OPERATOR,
            [&EC_REJECTED_SPAM_BY_OPERATOR, &EC_SPAM_RATE, &EC_SPAM_DETECTED, &EC_SYS_ERROR_FROM_CLOUD],
        ),
        Cause::TextTooLong => say(
            &REJECTED_MESSAGE_TOO_LONG,
            [&EC_MSG_TEXT_TOO_LONG, &EC_BAD_REQUEST, &EC_HARD_BOUNCE, &EC_INVALID_PUSH_PAYLOAD],
        ),
        Cause::UnsupportedContent => say(
            UNDELIVERED,
            [&EC_NOT_SUPPORTED_SERVICE, &EC_LIMITED_FUNCTIONALITY, &EC_HARD_BOUNCE, &EC_INVALID_PUSH_PAYLOAD],
        ),
        Cause::MediaUnreachable => say(
            UNDELIVERED,
            [&EC_NOT_SUPPORTED_SERVICE, &EC_MEDIA_HOSTING_ERROR, &EC_HARD_BOUNCE, &EC_INVALID_PUSH_PAYLOAD],
        ),
        Cause::MediaUnsupported => say(
            UNDELIVERED,
            [&EC_NOT_SUPPORTED_SERVICE, &EC_MEDIA_UNSUPPORTED, &EC_HARD_BOUNCE, &EC_INVALID_PUSH_PAYLOAD],
        ),
        Cause::MediaTooLarge | Cause::MediaUnknown => say(
            UNDELIVERED,
            [&EC_NOT_SUPPORTED_SERVICE, &EC_MEDIA_UPLOAD_ERROR, &EC_HARD_BOUNCE, &EC_INVALID_PUSH_PAYLOAD],
        ),
        Cause::Throttled => say(
            UNDELIVERED,
            [
                &EC_LIMIT_REACHED,
                &EC_TOO_MANY_REQUESTS,
                &EC_MAILBOX_PROVIDER_RATE_LIMIT,
                &EC_PUSH_CLOUD_TEMP_UNAVAILABLE,
            ],
        ),
        Cause::PairLimited => say(
            &REJECTED_FLOODING_FILTER,
            [
                &EC_DESTINATION_FLOODING,
                &EC_FREQUENCY_CAPPING,
                &EC_MAILBOX_PROVIDER_RATE_LIMIT,
                &EC_PUSH_CLOUD_TEMP_UNAVAILABLE,
            ],
        ),
        Cause::MarketingCapped => say(
            UNDELIVERED,
            [
                &EC_DESTINATION_FLOODING,
                &EC_FREQUENCY_CAPPING,
                &EC_MAILBOX_PROVIDER_RATE_LIMIT,
                &EC_PUSH_CLOUD_TEMP_UNAVAILABLE,
            ],
        ),
        Cause::QuotaExceeded => say(
            UNDELIVERED,
            [
                &EC_QUOTA_REACHED,
                &EC_SPAM_RATE,
                &EC_MAILBOX_PROVIDER_RATE_LIMIT,
                &EC_PUSH_CLOUD_TEMP_UNAVAILABLE,
            ],
        ),
        Cause::NoBalance => say(
            &REJECTED_NOT_ENOUGH_CREDITS,
            [&EC_USER_OUT_OF_CREDIT, &EC_ACCOUNT_ISSUE, &EC_INTERNAL_SYSTEM_ERROR, &EC_SYS_ERROR_FROM_CLOUD],
        ),
        Cause::NetworkBusy => say(
            OPERATOR,
            [
                &EC_NNR_NETWORKCONGESTION,
                &EC_PROVIDER_INTERNAL_ERROR,
                &EC_SOFT_BOUNCE,
                &EC_PUSH_CLOUD_TEMP_UNAVAILABLE,
            ],
        ),
        Cause::ProviderDown => say(
            OPERATOR,
            [&EC_NO_RESPONSE, &EC_PROVIDER_TIMEOUT, &EC_SOFT_BOUNCE, &EC_PUSH_CLOUD_TEMP_UNAVAILABLE],
        ),
        Cause::ProviderError => say(
            OPERATOR,
            [
                &EC_PROVIDER_GENERAL_ERROR,
                &EC_PROVIDER_INTERNAL_ERROR,
                &EC_INTERNAL_SYSTEM_ERROR,
                &EC_SYS_ERROR_FROM_CLOUD,
            ],
        ),
        Cause::ProviderAccount => say(
            &REJECTED_SYSTEM_ERROR,
            [
                &EC_ACCOUNT_ACCESS_DENIED,
                &EC_UNAUTHORIZED_ACCESS,
                &EC_INTERNAL_SYSTEM_ERROR,
                &EC_SYS_ERROR_FROM_CLOUD,
            ],
        ),
        Cause::SenderInvalid => say(
            &REJECTED_SENDER,
            [
                &EC_INVALID_SOURCE_ADDRESS,
                &EC_SENDER_NOT_REGISTERED,
                &EC_SENDER_ADDRESS_INVALID,
                &EC_SYS_ERROR_FROM_CLOUD,
            ],
        ),
        Cause::RegionBlocked => say(
            &REJECTED_NETWORK,
            [
                &EC_OPERATOR_NOT_FOUND,
                &EC_LIMITED_FUNCTIONALITY,
                &EC_INTERNAL_SYSTEM_ERROR,
                &EC_SYS_ERROR_FROM_CLOUD,
            ],
        ),
        Cause::NoRoute => say(
            &REJECTED_ROUTE_NOT_AVAILABLE,
            [&EC_OPERATOR_NOT_FOUND, &EC_UNKNOWN_USER, &EC_HARD_BOUNCE, &EC_NO_REGISTRATION_ID_FOUND],
        ),
        Cause::NetworkRejected => say(
            OPERATOR,
            [
                &EC_SMS_REJECTED_BY_MOBILE_OPERATOR,
                &EC_PROVIDER_DR_ERROR,
                &EC_HARD_BOUNCE,
                &EC_SYS_ERROR_FROM_CLOUD,
            ],
        ),
        Cause::Unconfigured | Cause::UnknownChannel => say(
            &REJECTED_ROUTE_NOT_AVAILABLE,
            [
                &EC_ACCOUNT_NOT_PROVISIONED_FOR_CHANNEL,
                &EC_SERVICE_NOT_ACTIVATED,
                &EC_INTERNAL_SYSTEM_ERROR,
                &EC_SYS_ERROR_FROM_CLOUD,
            ],
        ),
        Cause::ChannelDisabled => say(
            &REJECTED,
            [
                &EC_ACCOUNT_NOT_PROVISIONED_FOR_CHANNEL,
                &EC_SERVICE_NOT_ACTIVATED,
                &EC_INTERNAL_SYSTEM_ERROR,
                &EC_SYS_ERROR_FROM_CLOUD,
            ],
        ),
        Cause::Blocked => say(
            &REJECTED_DESTINATION_BLOCKLISTED,
            [
                &EC_BLACKLISTED_DESTINATIONADDRESS,
                &EC_BLOCKED_USER,
                &EC_UNSUBSCRIBED_EMAIL_ADDRESS,
                &EC_REGISTRATION_ID_DISABLED,
            ],
        ),
        // Ours: our own clock is a user error (validity as asked for), the network's an operator's.
        Cause::PatienceExpired => say(
            &EXPIRED_EXPIRED,
            [&EC_VALIDITY_EXPIRED, &EC_PROVIDER_TIMEOUT, &EC_SOFT_BOUNCE, &EC_PUSH_CLOUD_TEMP_UNAVAILABLE],
        ),
        Cause::ValidityExpired => say(
            &EXPIRED_EXPIRED,
            [&EC_VP_EXPIRED, &EC_PROVIDER_TIMEOUT, &EC_SOFT_BOUNCE, &EC_PUSH_CLOUD_TEMP_UNAVAILABLE],
        ),
        Cause::Deleted => say(
            UNDELIVERED,
            [&EC_FAILED_MESSAGE_DELIVERY, &EC_PROVIDER_DR_ERROR, &EC_HARD_BOUNCE, &EC_SYS_ERROR_FROM_CLOUD],
        ),
        Cause::FateUnknown => say(
            &EXPIRED_DLR_UNKNOWN,
            [&EC_UNKNOWN_ERROR, &EC_PROVIDER_DR_ERROR, &EC_SOFT_BOUNCE, &EC_SYS_ERROR_FROM_CLOUD],
        ),
        Cause::OutcomeUnknown => say(
            &EXPIRED_DLR_UNKNOWN,
            [
                &EC_MESSAGE_SUBMITTED_NOT_ACKED,
                &EC_PROVIDER_TIMEOUT,
                &EC_SOFT_BOUNCE,
                &EC_SYS_ERROR_FROM_CLOUD,
            ],
        ),
        Cause::Cancelled => say(
            &CANCELLED,
            [&EC_MESSAGE_CANCELED, &EC_MESSAGE_CANCELED, &EC_MESSAGE_CANCELED, &EC_MESSAGE_CANCELED],
        ),
        Cause::Duplicate => say(
            &REJECTED_DUPLICATE_MESSAGE_ID,
            [&EC_DUPLICATE_MESSAGE, &EC_DUPLICATE_REQUEST, &EC_DUPLICATE_MESSAGE, &EC_DUPLICATE_MESSAGE],
        ),
    }
}

/// The vendor's name of a channel.
pub(super) const fn label(channel: Channel) -> &'static str {
    match channel {
        Channel::Whatsapp => "WHATSAPP",
        Channel::Sms => "SMS",
        Channel::Mms => "MMS",
        Channel::Rcs => "RCS",
        Channel::Viber => "VIBER",
        Channel::Email => "EMAIL",
        Channel::Push => "PUSH",
        Channel::Voice => "VOICE",
        Channel::Messenger => "FACEBOOK",
        Channel::Line => "LINE",
        Channel::Vkontakte => "VKONTAKTE",
        Channel::KakaoAlim => "KAKAO_ALIM",
        Channel::KakaoChingu => "KAKAO_CHINGU",
        Channel::AppleMessages => "APPLE_MB",
        Channel::InApp => "IN_APP",
        // Infobip: the one channel of OMNI that we have no word for.
        Channel::Unlisted => "PARSECO",
    }
}

/// The channel of the vendor's name, by any of its pages. Names are upper case to the letter.
pub(super) fn channel(label: &str) -> Option<Channel> {
    Some(match label {
        "SMS" => Channel::Sms,
        "EMAIL" => Channel::Email,
        "VOICE" => Channel::Voice,
        "PUSH" => Channel::Push,
        "VIBER" => Channel::Viber,
        "WHATSAPP" => Channel::Whatsapp,
        "LINE" => Channel::Line,
        "VKONTAKTE" | "VK" => Channel::Vkontakte,
        "KAKAO_CHINGU" => Channel::KakaoChingu,
        "KAKAO_ALIM" => Channel::KakaoAlim,
        "FACEBOOK" => Channel::Messenger,
        "PARSECO" => Channel::Unlisted,
        // Ours: OMNI v1 has no RCS.
        "RCS" => Channel::Rcs,
        _ => return None,
    })
}
