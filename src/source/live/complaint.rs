//! What is wrong with an interface, in one line, and what to do about it.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use pcap::{Device, Error};

/// One line: what is wrong with the interface, and what to do.
pub fn complaint(interface: &str, error: &Error) -> String {
    let what = match Trouble::of(error) {
        Trouble::Permission => permission(interface),
        Trouble::Gone => format!(
            "there is no such interface; there are: {} (`flowsift interfaces` tells more)",
            interfaces().join(", ")
        ),
        Trouble::Down => format!("the interface is down: bring it up with: sudo ip link set {interface} up"),
        Trouble::Other => in_short(error),
    };
    format!("{interface}: {what}")
}

/// What libpcap means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    Permission,
    Gone,
    Down,
    Other,
}

impl Trouble {
    /// Its words are all that libpcap's callers are given.
    pub fn of(error: &Error) -> Trouble {
        let text = in_short(error).to_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if says(&["permi", "cap_net"]) {
            Trouble::Permission
        } else if says(&["no such device", "doesn't exist"]) {
            Trouble::Gone
        } else if says(&["not up"]) {
            Trouble::Down
        } else {
            Trouble::Other
        }
    }
}

/// Exactly what to grant.
fn permission(interface: &str) -> String {
    let program = std::env::current_exe().map_or("flowsift".to_owned(), |path| path.display().to_string());
    let mut line = format!(
        "listening needs the capability CAP_NET_RAW: run as root, or grant it once with: \
         sudo setcap cap_net_raw=ep {program}"
    );
    if let Some(group) = group_of(Path::new("/usr/bin/dumpcap")) {
        line += &format!(
            "; or join the group that may use dumpcap (sudo usermod -aG {group} $USER, then log in again) and pipe: \
             dumpcap -q -i {interface} -w - | flowsift read -"
        );
    }
    line
}

/// The group whose members may capture with this program, where its keeper has chosen one: not root's, and not everybody.
fn group_of(program: &Path) -> Option<String> {
    let about = program.metadata().ok()?;
    let mode = about.permissions().mode();
    let (group_may, others_may) = (mode & 0o010 != 0, mode & 0o001 != 0);
    if about.gid() == 0 || !group_may || others_may {
        return None;
    }
    let groups = std::fs::read_to_string("/etc/group").ok()?;
    group_named(&groups, about.gid())
}

/// group(5): name, password, number, members.
fn group_named(groups: &str, number: u32) -> Option<String> {
    let mut lines = groups.lines().map(|line| line.split(':'));
    lines.find_map(|mut fields| {
        let name = fields.next()?;
        let _password = fields.next()?;
        (fields.next()?.parse() == Ok(number)).then(|| name.to_owned())
    })
}

/// What can be listened to for network traffic.
fn interfaces() -> Vec<String> {
    const AT_MOST: usize = 100;
    let devices = Device::list().unwrap_or_default().into_iter();
    let names = devices.map(|device| device.name);
    names.filter(|name| !is_no_network(name)).take(AT_MOST).collect()
}

/// libpcap lists buses and logs too.
pub fn is_no_network(name: &str) -> bool {
    const OTHERS: [&str; 5] = ["bluetooth", "dbus-", "nflog", "nfqueue", "usbmon"];
    OTHERS.iter().any(|other| name.starts_with(other))
}

/// What libpcap says, without saying that it is libpcap.
pub fn in_short(error: &Error) -> String {
    match error {
        Error::PcapError(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complaints_say_what_to_do() {
        let said = |text: &str| complaint("eth9", &Error::PcapError(text.to_owned()));
        for (text, says) in [
            (
                "You don't have permission to perform this capture on that device",
                "sudo setcap cap_net_raw=ep ",
            ),
            (
                "Attempt to create packet socket failed - CAP_NET_RAW may be required",
                "sudo setcap cap_net_raw=ep ",
            ),
            ("eth9: No such device exists", "there is no such interface; there are: "),
            ("That device is not up", "ip link set eth9 up"),
            ("something new", "eth9: something new"),
        ] {
            assert!(said(text).contains(says), "{}", said(text));
        }
    }

    #[test]
    fn a_group_is_found_by_its_number() {
        let groups = "root:x:0:\nbroken\nwireshark:x:104:ann,bob\n";
        assert_eq!(group_named(groups, 104).as_deref(), Some("wireshark"));
        assert_eq!(group_named(groups, 105), None);
    }

    #[test]
    fn a_program_that_everybody_may_run_has_no_group_to_join() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("dumpcap");
        std::fs::write(&program, b"").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(group_of(&program), None);
        assert_eq!(group_of(&folder.path().join("none")), None);
    }
}
