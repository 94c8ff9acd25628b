//! Public resolvers that are asked over HTTPS, by name and by address.
//!
//! DNS over TLS and over QUIC have a port of their own (853); DNS over HTTPS looks like any website, so it is known only by
//! whom it talks to. The table holds services whose names and addresses answer questions and do little else. A
//! resolver in no table, a company's own among them, is not recognised: what is counted is at least so much.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::domain::Domain;

/// Names that are asked, in their order.
const NAMES: [&str; 65] = [
    "adblock.doh.mullvad.net",
    "basic.rethinkdns.com",
    "child-noads.joindns4.eu",
    "child.joindns4.eu",
    "cloudflare-dns.com",
    "d.adguard-dns.com",
    "dns-family.adguard.com",
    "dns-unfiltered.adguard.com",
    "dns.adguard-dns.com",
    "dns.adguard.com",
    "dns.alidns.com",
    "dns.controld.com",
    "dns.digitale-gesellschaft.ch",
    "dns.google",
    "dns.google.com",
    "dns.hostux.net",
    "dns.mullvad.net",
    "dns.nextdns.io",
    "dns.njal.la",
    "dns.opendns.com",
    "dns.pub",
    "dns.quad9.net",
    "dns.switch.ch",
    "dns.twnic.tw",
    "dns.umbrella.com",
    "dns1.nextdns.io",
    "dns10.quad9.net",
    "dns11.quad9.net",
    "dns12.quad9.net",
    "dns2.nextdns.io",
    "dns64.dns.google",
    "dns9.quad9.net",
    "dnsforge.de",
    "doh.360.cn",
    "doh.applied-privacy.net",
    "doh.cleanbrowsing.org",
    "doh.dns.apple.com",
    "doh.dns.sb",
    "doh.familyshield.opendns.com",
    "doh.ffmuc.net",
    "doh.libredns.gr",
    "doh.mullvad.net",
    "doh.opendns.com",
    "doh.pub",
    "doh.sandbox.opendns.com",
    "doh.sb",
    "doh.tiar.app",
    "doh.umbrella.com",
    "doh.xfinity.com",
    "family.adguard-dns.com",
    "family.canadianshield.cira.ca",
    "freedns.controld.com",
    "kaitain.restena.lu",
    "max.rethinkdns.com",
    "noads.joindns4.eu",
    "odvr.nic.cz",
    "private.canadianshield.cira.ca",
    "protected.canadianshield.cira.ca",
    "protective.joindns4.eu",
    "public.dns.iij.jp",
    "sky.rethinkdns.com",
    "sm2.doh.pub",
    "unfiltered.adguard-dns.com",
    "unfiltered.joindns4.eu",
    "wikimedia-dns.org",
];

/// Providers who give each customer, or each browser, a name of its own below theirs.
const PROVIDERS: [&str; 6] = [
    "cloudflare-dns.com",
    "cloudflare-gateway.com",
    "d.adguard-dns.com",
    "dns.controld.com",
    "dns.mullvad.net",
    "dns.nextdns.io",
];

/// Addresses that serve resolvers alone.
const V4: [Ipv4Addr; 26] = [
    // Cloudflare: plain, without malware, for families.
    Ipv4Addr::new(1, 1, 1, 1),
    Ipv4Addr::new(1, 0, 0, 1),
    Ipv4Addr::new(1, 1, 1, 2),
    Ipv4Addr::new(1, 0, 0, 2),
    Ipv4Addr::new(1, 1, 1, 3),
    Ipv4Addr::new(1, 0, 0, 3),
    // Google
    Ipv4Addr::new(8, 8, 8, 8),
    Ipv4Addr::new(8, 8, 4, 4),
    // Quad9
    Ipv4Addr::new(9, 9, 9, 9),
    Ipv4Addr::new(9, 9, 9, 10),
    Ipv4Addr::new(9, 9, 9, 11),
    Ipv4Addr::new(9, 9, 9, 12),
    Ipv4Addr::new(149, 112, 112, 112),
    Ipv4Addr::new(149, 112, 112, 9),
    Ipv4Addr::new(149, 112, 112, 10),
    Ipv4Addr::new(149, 112, 112, 11),
    // Cisco
    Ipv4Addr::new(208, 67, 222, 222),
    Ipv4Addr::new(208, 67, 220, 220),
    Ipv4Addr::new(208, 67, 222, 123),
    Ipv4Addr::new(208, 67, 220, 123),
    // AdGuard
    Ipv4Addr::new(94, 140, 14, 14),
    Ipv4Addr::new(94, 140, 15, 15),
    Ipv4Addr::new(94, 140, 14, 15),
    Ipv4Addr::new(94, 140, 15, 16),
    Ipv4Addr::new(94, 140, 14, 140),
    Ipv4Addr::new(94, 140, 14, 141),
];

const V6: [Ipv6Addr; 18] = [
    Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111),
    Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1001),
    Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1112),
    Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1002),
    Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1113),
    Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1003),
    Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888),
    Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8844),
    Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe),
    Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 9),
    Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 0x10),
    Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 0x11),
    Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0xfe, 0x10),
    Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0xfe, 0x11),
    Ipv6Addr::new(0x2620, 0x119, 0x35, 0, 0, 0, 0, 0x35),
    Ipv6Addr::new(0x2620, 0x119, 0x53, 0, 0, 0, 0, 0x53),
    Ipv6Addr::new(0x2a10, 0x50c0, 0, 0, 0, 0, 0xad1, 0xff),
    Ipv6Addr::new(0x2a10, 0x50c0, 0, 0, 0, 0, 0xad2, 0xff),
];

/// Whether a hello with this name is for a resolver.
pub fn is_resolver_name(name: &Domain) -> bool {
    let name = name.as_str();
    let is_below = |provider: &&str| name.strip_suffix(*provider).is_some_and(|front| front.ends_with('.'));
    NAMES.binary_search(&name).is_ok() || PROVIDERS.iter().any(is_below)
}

/// Whether an address is a resolver's.
pub fn is_resolver_address(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(a) => V4.contains(&a),
        IpAddr::V6(a) => V6.contains(&a),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_label_by_label() {
        let is = |name: &str| is_resolver_name(&Domain::from_text(name.as_bytes()));
        for name in [
            "cloudflare-dns.com",
            "Mozilla.Cloudflare-DNS.com.",
            "chrome.cloudflare-dns.com",
            "dns.google",
            "abc123.dns.nextdns.io",
        ] {
            assert!(is(name), "{name}");
        }
        for name in [
            "evilcloudflare-dns.com",
            "google",
            "www.dns.google",
            "www.nextdns.io",
            "cloudflare-dns.com.example",
            "",
        ] {
            assert!(!is(name), "{name}");
        }
    }

    #[test]
    fn addresses_are_those_of_resolvers_alone() {
        let is = |text: &str| is_resolver_address(text.parse().unwrap());
        assert!(
            is("1.1.1.1") && is("8.8.4.4") && is("::ffff:9.9.9.9") && is("2606:4700:4700::1111") && is("2620:fe::fe")
        );
        assert!(!is("1.1.1.4") && !is("104.16.249.249") && !is("2606:4700::1111"));
    }

    #[test]
    fn the_tables_are_written_as_names_are_and_sorted() {
        for table in [&NAMES[..], &PROVIDERS] {
            assert!(table.is_sorted_by(|a, b| a < b));
            for known in table {
                let name = Domain::from_text(known.as_bytes());
                assert!(name.is_host_name() && name.as_str() == *known, "{known}");
            }
        }
    }
}
