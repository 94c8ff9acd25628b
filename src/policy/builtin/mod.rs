//! What flowsift brings along: the policy `salestim`, an ordinary policy file, and the address tags that policies may name.

/// The default policy's name.
pub const DEFAULT: &str = "salestim";

const SALESTIM: &str = include_str!("salestim.toml");

/// The address tags, by name; one range a line, `#` begins a comment.
pub const TAGS: [(&str, &str); 1] = [("AzureFrontDoor.Frontend", include_str!("azure_front_door_frontend.txt"))];

/// The text of a built-in policy.
pub fn policy(name: &str) -> Option<&'static str> {
    (name == DEFAULT).then_some(SALESTIM)
}

/// The text of a built-in tag.
pub fn tag(name: &str) -> Option<&'static str> {
    TAGS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests;
