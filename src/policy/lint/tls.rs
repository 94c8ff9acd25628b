//! `old-tls`, `any-tls`, `plain-allowed`, `new-tls`: what a row wants of TLS.

use super::{Case, Code, Found, Standing, Weight};
use crate::evidence::model::TlsVersion;
use crate::policy::model::{Line, TlsRule};

pub(super) fn check(case: &Case, found: &mut Found) {
    for standing in case.rows_in_force() {
        // What runs inside the platform is none of the organisation's traffic.
        if standing.row.line != Line::Orange {
            row(&standing, found);
        }
    }
}

fn row(standing: &Standing, found: &mut Found) {
    let place = standing.places.key("tls");
    let versions = match &standing.row.expect.tls {
        TlsRule::Versions(versions) => versions,
        TlsRule::AnyVersion => {
            let finding = standing.finding(Code::AnyTls, place, "tls");
            found.add(finding.says(
                "no version is asked for, so that TLS 1.0 and SSL 3 pass unnoticed",
                "write tls = [\"1.2\", \"1.3\"], or leave it if the service speaks no TLS that could be judged",
            ));
            return;
        }
        TlsRule::PlainAllowed => {
            let finding = standing.finding(Code::PlainAllowed, place, "tls = false");
            found.add(finding.says(
                "bytes that are not TLS are fine here, so that plain text and an interceptor's downgrade pass unnoticed",
                "write the versions, unless the service speaks no TLS",
            ));
            return;
        }
    };
    let is_old = |version: &&TlsVersion| version.rank() < TlsVersion::TLS12.rank();
    for old in versions.iter().filter(is_old) {
        let finding = standing.finding(Code::OldTls, place, old);
        found.add(finding.says(
            format!("TLS {old} is allowed, which is broken (RFC 8996, RFC 7568) and which Microsoft's services refuse"),
            "remove it",
        ));
    }
    if !versions.contains(&TlsVersion::TLS13) {
        let finding = standing.finding(Code::NewTls, place, "1.3").weighing(Weight::Notice);
        found.add(finding.says(
            "TLS 1.3 is not listed; Front Door and most services speak it by now, and each such flow is a notice",
            "add \"1.3\", unless the page's claim is what is to be checked",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, of_row, only, subjects};
    use super::*;

    #[test]
    fn each_way_of_asking_too_little_has_its_finding() {
        let with = |tls: &str| of_row(&format!("hosts = [\"a.example\"]\n{tls}"));
        only(&with("tls = []"), Code::AnyTls);
        only(&with(""), Code::AnyTls);
        only(&with("tls = false"), Code::PlainAllowed);
        let old = with("tls = [\"ssl3\", \"1.0\", \"1.1\", \"1.2\"]");
        assert_eq!(subjects(&old, Code::OldTls), ["1.0", "1.1", "ssl3"]);
        assert_eq!(only(&with("tls = [\"1.2\"]"), Code::NewTls).weight, Weight::Notice);
        let fine = codes(&with("tls = [\"1.2\", \"1.3\"]"));
        for code in [Code::AnyTls, Code::PlainAllowed, Code::OldTls, Code::NewTls] {
            assert!(!fine.contains(&code));
        }
        assert!(!codes(&with("tls = []\nline = \"orange\"")).contains(&Code::AnyTls));
    }
}
