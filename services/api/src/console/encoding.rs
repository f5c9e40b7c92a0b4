//! Which compressed variant a client takes (RFC 9110, 12.5.3).

use http::{HeaderMap, header};

use super::site::{File, Variant};

/// The best that `headers` allow; the plain one when they allow nothing, since a client that cannot read it is none of ours.
pub(super) fn choose<'f>(file: &'f File, headers: &HeaderMap) -> &'f Variant {
    let offers: Vec<_> =
        headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok()).collect();
    let taken = |variant: &&Variant| variant.coding.is_none_or(|coding| takes(&offers, coding));
    let plain = &file.variants[file.variants.len() - 1];
    file.variants.iter().find(taken).unwrap_or(plain)
}

/// By its name, or by `*` when it is not named; a weight of 0 is a no.
fn takes(lines: &[&str], coding: &str) -> bool {
    let weights = |name: &str| {
        let offers = lines.iter().flat_map(|line| line.split(','));
        let named = offers.filter_map(|offer| {
            let mut parts = offer.split(';').map(str::trim);
            parts.next().filter(|first| first.eq_ignore_ascii_case(name))?;
            Some(parts.find_map(weight).unwrap_or(1.0))
        });
        named.collect::<Vec<_>>()
    };
    let named = weights(coding);
    let decisive = if named.is_empty() { weights("*") } else { named };
    decisive.iter().any(|weight| *weight > 0.0)
}

fn weight(parameter: &str) -> Option<f32> {
    let (name, value) = parameter.split_once('=')?;
    name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_taken_by_name_or_by_star_and_refused_by_a_weight_of_zero() {
        for (line, brotli, gzip) in [
            ("gzip, deflate, br", true, true),
            ("gzip;q=1.0, br;q=0", false, true),
            ("*", true, true),
            ("*;q=0, gzip", false, true),
            ("BR ; q=0.5", true, false),
            ("identity", false, false),
            ("brotli, gzipped", false, false),
            ("br;q=nonsense", false, false),
            ("", false, false),
        ] {
            assert_eq!((takes(&[line], "br"), takes(&[line], "gzip")), (brotli, gzip), "{line}");
        }
        assert!(takes(&["gzip", "br"], "br"));
        assert!(!takes(&[], "gzip"));
    }
}
