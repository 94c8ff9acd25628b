//! `invalid`, `spelling`, `empty-row`, `unknown-tag`: what the reading of the file itself came upon.

use super::{Case, Code, Finding, Found};
use crate::policy::load::{Place, PolicyError, Sort, Warning};

pub(super) fn check(case: &Case, found: &mut Found) {
    let origin = |name: &str| {
        // A mistake in a file that is extended is that file's; one called like the first is the first's.
        match case.loaded.places.origin(Place::default()) == name {
            true => 0,
            false => u16::MAX,
        }
    };
    for fault in &case.loaded.faults {
        found.add(of_fault(fault, origin(&fault.origin)));
    }
    for warning in &case.loaded.warnings {
        found.add(of_warning(warning, origin(&warning.origin)));
    }
}

fn of_fault(fault: &PolicyError, origin: u16) -> Finding {
    let place = Place {
        origin,
        line: fault.line,
        column: fault.column,
    };
    let code = match fault.sort {
        Sort::Invalid => Code::Invalid,
        Sort::EmptyRow => Code::EmptyRow,
        Sort::UnknownTag => Code::UnknownTag,
    };
    let remedy = match (&fault.suggestion, code) {
        (Some(suggestion), _) => format!("write {suggestion}"),
        (None, Code::EmptyRow) => "give it hosts or addresses, or remove it".to_owned(),
        (None, _) => "correct or remove it: no command takes the policy as it is".to_owned(),
    };
    Finding::of_policy(code, place, "").says(fault.what.clone(), remedy)
}

fn of_warning(warning: &Warning, origin: u16) -> Finding {
    let place = Place {
        origin,
        line: warning.line,
        column: warning.column,
    };
    Finding::of_policy(Code::Spelling, place, "").says(
        warning.what.clone(),
        "write it so, since other products may not understand what was written",
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::{codes, of_row, only};
    use super::*;

    #[test]
    fn what_the_reader_understands_all_the_same_is_told() {
        for (host, meant) in [
            ("*..visualstudio.com", "`*.visualstudio.com`"),
            ("https://app.web.example/path", "`app.web.example`"),
            ("App.Web.Example", "`app.web.example`"),
            ("app.web.example.", "`app.web.example`"),
        ] {
            let found = of_row(&format!("hosts = [\"{host}\"]"));
            let finding = only(&found, Code::Spelling);
            assert!(finding.means.contains(meant), "{finding:?}");
            assert_eq!((finding.place.line, finding.place.column), (4, 10));
        }
        assert!(!codes(&of_row("hosts = [\"app.web.example\"]")).contains(&Code::Spelling));
    }

    #[test]
    fn what_cannot_be_read_is_an_error_and_the_rest_is_looked_at() {
        let found = of_row("hosts = [\"a.*.web.example\", \"*.windows.net\"]");
        assert!(only(&found, Code::Invalid).remedy.contains("`*.web.example`"));
        only(&found, Code::BroadHost);
        only(&of_row("ports = [\"tcp/443\"]"), Code::EmptyRow);
        let tag = of_row("hosts = [\"a.example\"]\naddresses = [\"@AzureFrontDoor.Frontent\"]");
        assert!(only(&tag, Code::UnknownTag).remedy.contains("@AzureFrontDoor.Frontend"));
    }
}
