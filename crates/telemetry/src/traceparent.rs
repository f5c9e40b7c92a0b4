//! Which trace headers are taken from outside. W3C Trace Context, <https://www.w3.org/TR/trace-context/>.
//!
//! The SDK's propagator takes short ids and signs where the standard does not; here a header is well-formed or it is ignored.

/// Length of a version 00 header, and least length of later ones.
const TRACEPARENT_BYTES: usize = 55;
/// Later versions may append fields; more than this is no trace header.
const TRACEPARENT_LIMIT: usize = 256;
/// What a vendor must be able to carry (section 3.3.1.5); longer state is dropped, the parent kept.
pub(crate) const TRACESTATE_LIMIT: usize = 512;

/// Whether `value` follows the grammar of `traceparent` (section 3.2) and names a trace and a span.
pub(crate) fn well_formed(value: &str) -> bool {
    let bytes = value.as_bytes();
    if bytes.len() < TRACEPARENT_BYTES || bytes.len() > TRACEPARENT_LIMIT {
        return false;
    }
    let (head, rest) = bytes.split_at(TRACEPARENT_BYTES);
    let fields: Vec<&[u8]> = head.split(|byte| *byte == b'-').collect();
    let [version, trace, span, flags] = fields.as_slice() else {
        return false;
    };
    hex(version, 2)
        && hex(trace, 32)
        && hex(span, 16)
        && hex(flags, 2)
        && *version != b"ff"
        && (rest.is_empty() || (*version != b"00" && rest.first() == Some(&b'-')))
        && trace.iter().any(|digit| *digit != b'0')
        && span.iter().any(|digit| *digit != b'0')
}

fn hex(field: &[u8], digits: usize) -> bool {
    field.len() == digits && field.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::well_formed;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn the_standards_example_and_a_later_version_are_taken() {
        assert!(well_formed(GOOD));
        assert!(well_formed(&format!("cc{}-what-the-future-brings", &GOOD[2..])));
    }

    #[test]
    fn anything_else_is_ignored() {
        let zeros = "0".repeat(32);
        let long = "a".repeat(100_000);
        for bad in [
            "",
            "00",
            &GOOD[..54],
            &format!("{GOOD}-extra"),
            &format!("{GOOD} "),
            &GOOD.replace("0af7", "0AF7"),
            &GOOD.replace("0af7", "+af7"),
            &GOOD.replace("00-", "ff-"),
            &GOOD.replace("0af7651916cd43dd8448eb211c80319c", &zeros),
            &GOOD.replace("b7ad6b7169203331", &zeros[..16]),
            &GOOD.replace('-', "_"),
            &GOOD.replace("0af7", "ä7x"),
            &format!("cc{}-{long}", &GOOD[2..]),
        ] {
            assert!(!well_formed(bad), "{bad:.80}");
        }
    }
}
