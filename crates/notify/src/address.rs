//! Which addresses may be reached: public ones, and networks that the operator allows.
//!
//! The lists follow IANA's special-purpose registries (RFC 6890). What is in doubt counts as private.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 networks that are not the public Internet.
const SPECIAL_V4: [Ipv4Net; 15] = [
    v4(0, 0, 0, 0, 8),       // this network
    v4(10, 0, 0, 0, 8),      // private
    v4(100, 64, 0, 0, 10),   // carrier-grade NAT
    v4(127, 0, 0, 0, 8),     // loopback
    v4(169, 254, 0, 0, 16),  // link-local, where clouds keep their metadata
    v4(172, 16, 0, 0, 12),   // private
    v4(192, 0, 0, 0, 24),    // protocol assignments
    v4(192, 0, 2, 0, 24),    // documentation
    v4(192, 88, 99, 0, 24),  // 6to4 relays
    v4(192, 168, 0, 0, 16),  // private
    v4(198, 18, 0, 0, 15),   // benchmarks
    v4(198, 51, 100, 0, 24), // documentation
    v4(203, 0, 113, 0, 24),  // documentation
    v4(224, 0, 0, 0, 4),     // multicast
    v4(240, 0, 0, 0, 4),     // reserved, and broadcast
];

/// The only IPv6 addresses that are given out to the public Internet.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// IPv6 networks among those that are not public all the same.
const SPECIAL_V6: [Ipv6Net; 3] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), // protocol assignments, Teredo, benchmarks
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), // documentation
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), // documentation
];

/// IPv6 networks whose addresses stand for an IPv4 address, and the byte at which that begins.
const EMBEDDING: [(Ipv6Net, usize); 3] = [
    (v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), 12),    // IPv4-mapped
    (v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), 12), // NAT64 (RFC 6052)
    (v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), 2),     // 6to4 (RFC 3056)
];

/// Which addresses may be reached. The default: public ones only.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    allowed: Vec<IpNet>,
}

impl Policy {
    /// Public addresses, and everything in these networks.
    #[must_use]
    pub fn allowing(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Whether a connection to `address` may be made. An IPv6 address that stands for an IPv4 address is judged as that.
    #[must_use]
    pub fn permits(&self, address: IpAddr) -> bool {
        if self.allowed.iter().any(|network| network.contains(&address)) {
            return true;
        }
        match address {
            IpAddr::V4(address) => !SPECIAL_V4.iter().any(|network| network.contains(&address)),
            IpAddr::V6(address) => match embedded(address) {
                Some(inner) => self.permits(IpAddr::V4(inner)),
                None => GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|network| network.contains(&address)),
            },
        }
    }
}

fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let (_, at) = EMBEDDING.iter().find(|(network, _)| network.contains(&address))?;
    let bytes = address.octets();
    Some(Ipv4Addr::new(bytes[*at], bytes[at + 1], bytes[at + 2], bytes[at + 3]))
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(parts: [u16; 8], length: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = parts;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(policy: &Policy, address: &str) -> bool {
        policy.permits(address.parse().unwrap())
    }

    #[test]
    fn public_addresses_are_reached() {
        for address in
            ["1.1.1.1", "9.255.255.255", "100.63.0.1", "100.128.0.1", "172.15.0.1", "172.32.0.1", "223.1.1.1"]
                .into_iter()
                .chain(["2606:4700::1111", "2a00:1450::1", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::1"])
        {
            assert!(permits(&Policy::default(), address), "{address}");
        }
    }

    #[test]
    fn what_is_not_the_public_internet_is_refused() {
        let v4 = "0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.254 127.0.0.1 127.255.0.1 169.254.169.254 172.16.0.1 \
                  172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.19.255.255 198.51.100.7 \
                  203.0.113.9 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255";
        let v6 = ":: ::1 ::127.0.0.1 fe80::1 fec0::1 fc00::1 fd12::1 ff02::1 2001:db8::1 2001::1 2001:2::1 3fff::1 100::1 \
                  ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::101:101 \
                  2002:7f00:1::1 2002:c0a8:101::1 5f00::1";
        for address in v4.split_whitespace().chain(v6.split_whitespace()) {
            assert!(!permits(&Policy::default(), address), "{address}");
        }
    }

    #[test]
    fn an_allowed_network_is_reached_in_each_of_its_forms_and_nothing_beside_it() {
        let policy = Policy::allowing(vec!["10.1.0.0/16".parse().unwrap(), "fd00:1::/32".parse().unwrap()]);
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "fd00:1::5", "1.1.1.1"] {
            assert!(permits(&policy, address), "{address}");
        }
        for address in ["10.2.0.1", "::ffff:10.2.0.1", "fd00:2::5", "127.0.0.1"] {
            assert!(!permits(&policy, address), "{address}");
        }
    }

    proptest::proptest! {
        #[test]
        fn an_ipv4_address_is_judged_alike_in_each_of_its_forms(bits: u32, tail: u64) {
            let plain = Ipv4Addr::from_bits(bits);
            let [a, b, c, d] = plain.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let sixth = Ipv6Addr::from_bits((0x2002 << 112) | (u128::from(bits) << 80) | u128::from(tail));
            let nat64 = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low);
            for policy in [Policy::default(), Policy::allowing(vec!["10.0.0.0/8".parse().unwrap()])] {
                for form in [plain.to_ipv6_mapped(), nat64, sixth] {
                    proptest::prop_assert_eq!(policy.permits(form.into()), policy.permits(plain.into()), "{}", form);
                }
            }
        }
    }
}
