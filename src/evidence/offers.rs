//! What a client offers, in the shapes that cost least to keep: nearly every flow has a few versions and the protocols that
//! everybody names.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::model::TlsVersion;

/// Versions as a hello lists them. A few stand here, without an allocation; a longer list stands elsewhere.
#[derive(Clone, Default)]
pub struct Versions {
    few: [TlsVersion; Versions::FEW],
    /// Of those in `few`.
    length: u8,
    many: Option<Box<[TlsVersion]>>,
}

impl Versions {
    const FEW: usize = 7;
}

impl FromIterator<TlsVersion> for Versions {
    fn from_iter<I: IntoIterator<Item = TlsVersion>>(versions: I) -> Versions {
        let mut rest = versions.into_iter();
        let mut listed = Versions::default();
        for (slot, version) in listed.few.iter_mut().zip(&mut rest) {
            *slot = version;
            listed.length += 1;
        }
        if let Some(next) = rest.next() {
            listed.many = Some(listed.few.into_iter().chain([next]).chain(rest).collect());
        }
        listed
    }
}

impl Deref for Versions {
    type Target = [TlsVersion];

    fn deref(&self) -> &[TlsVersion] {
        match &self.many {
            Some(many) => many,
            None => self.few.get(..usize::from(self.length)).unwrap_or_default(),
        }
    }
}

impl PartialEq for Versions {
    fn eq(&self, other: &Versions) -> bool {
        **self == **other
    }
}

impl Eq for Versions {}

impl fmt::Debug for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// Names of the protocols inside TLS (ALPN), in the client's order: escaped as names are, case kept. Flows share a list.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Protocols(Option<Arc<[String]>>);

impl FromIterator<String> for Protocols {
    fn from_iter<I: IntoIterator<Item = String>>(names: I) -> Protocols {
        let names: Arc<[String]> = names.into_iter().collect();
        Protocols((!names.is_empty()).then_some(names))
    }
}

impl Deref for Protocols {
    type Target = [String];

    fn deref(&self) -> &[String] {
        self.0.as_deref().unwrap_or_default()
    }
}

impl fmt::Debug for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_any_length_reads_as_it_was_written() {
        for length in 0..20u16 {
            let all: Vec<TlsVersion> = (0..length).map(TlsVersion).collect();
            let listed: Versions = all.iter().copied().collect();
            assert_eq!(*listed, *all);
            assert_eq!(listed.many.is_some(), all.len() > Versions::FEW);
        }
    }

    #[test]
    fn no_names_are_an_empty_list() {
        let named = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Protocols>();
        assert_eq!(named(&[]), Protocols::default());
        assert_eq!(*named(&["h2", "http/1.1"]), ["h2", "http/1.1"]);
    }
}
