//! `Content-Disposition`: what is sent is saved under a name.

use http::HeaderValue;

/// `attachment` with a plain name for old clients and, where that loses something, the true one (RFC 6266, 8187).
pub(crate) fn disposition(name: &str) -> HeaderValue {
    let is_plain = |c: char| (c.is_ascii_graphic() || c == ' ') && !"\"\\/%;".contains(c);
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut value = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        value.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => value.push(byte.into()),
                _ => value.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    HeaderValue::try_from(value).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outside_ascii_are_kept_and_nothing_escapes_the_quotes() {
        let text = |name: &str| disposition(name).to_str().unwrap().to_owned();
        assert_eq!(text("backup-1.db.zst"), "attachment; filename=\"backup-1.db.zst\"");
        assert_eq!(
            text("Müller €.zst"),
            "attachment; filename=\"M_ller _.zst\"; filename*=UTF-8''M%C3%BCller%20%E2%82%AC.zst"
        );
        assert_eq!(text("a\"b\r\n/c"), "attachment; filename=\"a_b___c\"; filename*=UTF-8''a%22b%0D%0A%2Fc");
    }
}
