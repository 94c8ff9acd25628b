//! The interfaces there are, and whether this process may listen to them.
//!
//! libpcap gives the names and addresses, the kernel's /sys what kind they are and how they stand. Whether one can be listened
//! to is not worked out from rights and flags but tried: it is opened, and closed at once.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use pcap::{Capture, Device, Error};

use super::complaint::{self, in_short};
use super::handle::link_type;
use crate::wire::link::LinkType;

/// An interface as it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub name: String,
    pub kind: &'static str,
    pub state: State,
    pub addresses: Vec<IpAddr>,
    /// What its frames can be; empty if that could not be asked.
    pub links: Vec<LinkType>,
    /// In Mbit/s, where the driver tells.
    pub speed: Option<u32>,
    /// What keeps this process from listening to it; None: nothing.
    pub obstacle: Option<Obstacle>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Up,
    /// Up, and nothing at the other end.
    NoCarrier,
    Down,
    /// Of what is no interface of the kernel, as `any`.
    None,
}

impl State {
    pub fn as_str(self) -> &'static str {
        match self {
            State::Up => "up",
            State::NoCarrier => "no-carrier",
            State::Down => "down",
            State::None => "none",
        }
    }
}

/// Why an interface cannot be listened to, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    pub what: &'static str,
    pub remedy: String,
}

/// Opening one takes some milliseconds; of a host with thousands the rest is told as the last one that was tried.
const TRIED_AT_MOST: usize = 256;

/// All interfaces, in libpcap's order: the likeliest to be of use first. With `all` also buses and logs, which carry no network traffic
/// or only copies of it.
pub fn list(all: bool) -> Result<Vec<Found>, String> {
    let devices = Device::list().map_err(|error| format!("the interfaces cannot be listed: {}", in_short(&error)))?;
    let wanted = devices
        .into_iter()
        .filter(|device| all || !complaint::is_no_network(&device.name));
    let mut tried: Option<(Vec<LinkType>, Option<Obstacle>)> = None;
    let found = wanted.enumerate().map(|(place, device)| {
        let Device { name, addresses, .. } = device;
        let (links, obstacle) = match &tried {
            Some((_, obstacle)) if place >= TRIED_AT_MOST => (Vec::new(), obstacle.clone()),
            _ => attempt(&name),
        };
        tried = Some((Vec::new(), obstacle.clone()));
        let about = About::of(&name);
        Found {
            kind: about.kind(&name),
            state: about.state(),
            speed: about.number("speed").and_then(|speed| u32::try_from(speed).ok()),
            addresses: addresses.into_iter().map(|address| address.addr).collect(),
            links,
            obstacle,
            name,
        }
    });
    Ok(found.collect())
}

const DOCSIS: LinkType = LinkType(143);

/// Opens it as a listener would, without asking for other hosts' packets.
fn attempt(name: &str) -> (Vec<LinkType>, Option<Obstacle>) {
    const LEAST_RING: i32 = 1 << 20;
    let opened = Capture::from_device(name).and_then(|inactive| {
        let inactive = inactive.promisc(false).snaplen(64).buffer_size(LEAST_RING);
        inactive.open()
    });
    match opened {
        Err(error) => (Vec::new(), Some(obstacle(name, &error))),
        Ok(capture) => {
            let usual = link_type(capture.get_datalink().0);
            let others = capture.list_datalinks().unwrap_or_default();
            let mut links = vec![usual];
            for link in others.iter().map(|link| link_type(link.0)) {
                // libpcap offers it everywhere, for cable modems that put their own frames on a cable.
                if link != DOCSIS && !links.contains(&link) {
                    links.push(link);
                }
            }
            (links, None)
        }
    }
}

fn obstacle(name: &str, error: &Error) -> Obstacle {
    let remedy = complaint::complaint(name, error);
    let remedy = remedy.strip_prefix(&format!("{name}: ")).unwrap_or(&remedy).to_owned();
    let what = match complaint::Trouble::of(error) {
        complaint::Trouble::Permission => "permission",
        complaint::Trouble::Down => "down",
        complaint::Trouble::Gone | complaint::Trouble::Other => "unusable",
    };
    Obstacle { what, remedy }
}

/// What /sys tells of an interface.
struct About(PathBuf);

/// <linux/if_arp.h>
const ARPHRD_ETHERNET: i64 = 1;
const ARPHRD_PPP: i64 = 512;
const ARPHRD_LOOPBACK: i64 = 772;
const ARPHRD_NONE: i64 = 65534;
/// IP in IP (768, 769), SIT (776), GRE over IPv4 and IPv6 (778, 823).
const ARPHRD_TUNNELS: [i64; 5] = [768, 769, 776, 778, 823];
/// Wireless with its own headers: plain, with Prism's, with Radiotap's.
const ARPHRD_WIRELESS: [i64; 3] = [801, 802, 803];

impl About {
    fn of(name: &str) -> About {
        About(Path::new("/sys/class/net").join(name))
    }

    fn text(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.0.join(file)).ok()
    }

    fn number(&self, file: &str) -> Option<i64> {
        self.text(file)?.trim().parse().ok()
    }

    fn has(&self, file: &str) -> bool {
        self.0.join(file).exists()
    }

    /// Something lies below it: an interface that another one is made of.
    fn has_lower(&self) -> bool {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries
            .into_iter()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("lower_"))
    }

    fn state(&self) -> State {
        const IFF_UP: i64 = 1;
        let flags = self.text("flags");
        let flags = flags.and_then(|text| i64::from_str_radix(text.trim().trim_start_matches("0x"), 16).ok());
        match (flags, self.number("carrier")) {
            (None, _) => State::None,
            (Some(flags), _) if flags & IFF_UP == 0 => State::Down,
            (Some(_), Some(0)) => State::NoCarrier,
            (Some(_), _) => State::Up,
        }
    }

    fn kind(&self, name: &str) -> &'static str {
        if name == "any" {
            return "any";
        }
        if !self.0.exists() {
            return match complaint::is_no_network(name) {
                true => "no-network",
                false => "other",
            };
        }
        let of_type = self.number("type").unwrap_or_default();
        let told = self.text("uevent").unwrap_or_default();
        let device_type = told.lines().find_map(|line| line.strip_prefix("DEVTYPE="));
        match (of_type, device_type) {
            (ARPHRD_LOOPBACK, _) => "loopback",
            (_, Some("wlan")) => "wifi",
            (of_type, _) if ARPHRD_WIRELESS.contains(&of_type) || self.has("phy80211") => "wifi",
            (_, Some("bridge")) => "bridge",
            (_, Some("bond")) => "bond",
            (_, Some("vlan")) => "vlan",
            (_, Some("wireguard" | "vxlan" | "geneve" | "gretap" | "ip6gretap" | "wwan")) => "tunnel",
            (ARPHRD_PPP, _) => "ppp",
            (ARPHRD_NONE, _) => "tunnel",
            (of_type, _) if ARPHRD_TUNNELS.contains(&of_type) || self.has("tun_flags") => "tunnel",
            (ARPHRD_ETHERNET, _) if self.is_one_end() => "veth",
            (ARPHRD_ETHERNET, _) if self.has("device") => "ethernet",
            (ARPHRD_ETHERNET, _) => "virtual",
            _ => "other",
        }
    }

    /// Its other end is an interface too, and no part of it.
    fn is_one_end(&self) -> bool {
        let ends = self.number("iflink").zip(self.number("ifindex"));
        ends.is_some_and(|(link, own)| link != own) && !self.has_lower() && !self.has("device")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(files: &[(&str, &str)]) -> (tempfile::TempDir, About) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let about = About(folder.path().to_owned());
        (folder, about)
    }

    #[test]
    fn kinds_are_told_by_what_the_kernel_shows() {
        for (files, kind) in [
            (&[("type", "772\n")][..], "loopback"),
            (&[("type", "1\n"), ("device", "")], "ethernet"),
            (&[("type", "1\n"), ("uevent", "DEVTYPE=wlan\nINTERFACE=w\n")], "wifi"),
            (&[("type", "803\n")], "wifi"),
            (&[("type", "1\n"), ("uevent", "DEVTYPE=bridge\n")], "bridge"),
            (&[("type", "1\n"), ("iflink", "7\n"), ("ifindex", "8\n")], "veth"),
            (
                &[
                    ("type", "1\n"),
                    ("iflink", "7\n"),
                    ("ifindex", "8\n"),
                    ("lower_eth0", ""),
                ],
                "virtual",
            ),
            (&[("type", "65534\n")], "tunnel"),
            (&[("type", "1\n"), ("tun_flags", "0x1002\n")], "tunnel"),
            (&[("type", "512\n")], "ppp"),
            (&[("type", "32\n")], "other"),
            (&[], "other"),
        ] {
            assert_eq!(about(files).1.kind("x"), kind, "{files:?}");
        }
        assert_eq!(About::of("no/such").kind("usbmon1"), "no-network");
        assert_eq!(About::of("no/such").kind("any"), "any");
    }

    #[test]
    fn states_are_told_by_flags_and_carrier() {
        for (files, state) in [
            (&[("flags", "0x1003\n"), ("carrier", "1\n")][..], State::Up),
            (&[("flags", "0x1003\n"), ("carrier", "0\n")], State::NoCarrier),
            (&[("flags", "0x1002\n")], State::Down),
            (&[("flags", "0x9\n")], State::Up),
            (&[], State::None),
        ] {
            assert_eq!(about(files).1.state(), state, "{files:?}");
        }
    }

    #[test]
    fn the_loopback_is_there_and_something_is_said_of_it() {
        let found = list(false).unwrap();
        let lo = found.iter().find(|found| found.name == "lo");
        let Some(lo) = lo else { return }; // A namespace in which it is hidden.
        assert_eq!(lo.kind, "loopback");
        assert_eq!(lo.obstacle.is_none(), lo.links == [LinkType::ETHERNET]);
    }
}
