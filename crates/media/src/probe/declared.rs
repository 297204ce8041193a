//! Types as servers and uploaders declare them.

/// A declared type in the form that is compared: lower case, without parameters, common
/// misspellings mended. `None` for types that say nothing.
#[must_use]
pub fn normal_type(declared: &str) -> Option<String> {
    let bare = declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let mended = match bare.as_str() {
        "image/jpg" | "image/pjpeg" => "image/jpeg",
        "image/x-png" => "image/png",
        "video/3gp" => "video/3gpp",
        "audio/mp3" | "audio/x-mp3" | "audio/x-mpeg" => "audio/mpeg",
        "audio/m4a" | "audio/x-m4a" => "audio/mp4",
        "audio/x-aac" | "audio/aacp" => "audio/aac",
        "audio/opus" | "application/ogg" => "audio/ogg",
        "application/x-pdf" => "application/pdf",
        "" | "application/octet-stream" | "binary/octet-stream" | "application/x-unknown" => return None,
        other => other,
    };
    Some(mended.chars().take(100).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn misspellings_are_mended_and_parameters_dropped() {
        let cases = [
            ("image/jpg", Some("image/jpeg")),
            ("VIDEO/3GP", Some("video/3gpp")),
            ("audio/ogg; codecs=opus", Some("audio/ogg")),
            (" text/plain ;charset=utf-8", Some("text/plain")),
            ("application/octet-stream", None),
            ("", None),
        ];
        for (declared, expected) in cases {
            assert_eq!(normal_type(declared).as_deref(), expected, "{declared}");
        }
    }

    proptest! {
        #[test]
        fn any_declared_type_is_survived(declared in ".{0,300}") {
            let declared = normal_type(&declared);
            prop_assert!(declared.is_none_or(|name| name.chars().count() <= 100));
        }
    }
}
